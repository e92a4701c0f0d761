//! A reader that counts bytes and fails at a limit.

use std::io::{self, Read};

use crate::{Algorithm, Hasher};

/// The output of a decompressor is larger than its limit. [`BoundedReader`] returns it inside an
/// [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decompressed size exceeds {limit_bytes} bytes")]
pub struct LimitExceeded {
    /// The limit in bytes.
    pub limit_bytes: u64,
}

impl LimitExceeded {
    /// Returns the exceeded limit if `error` has this cause.
    #[must_use]
    pub fn cause_of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// A reader that counts bytes, fails as soon as they exceed a limit, and optionally computes their
/// digest.
pub struct BoundedReader<R> {
    inner: R,
    limit_bytes: u64,
    position: u64,
    hasher: Option<Hasher>,
}

impl<R: Read> BoundedReader<R> {
    /// Returns a reader of at most `limit_bytes` bytes of `inner`.
    pub fn new(inner: R, limit_bytes: u64) -> Self {
        Self {
            inner,
            limit_bytes,
            position: 0,
            hasher: None,
        }
    }

    /// Computes a digest of the bytes that are read from now on.
    #[must_use]
    pub fn with_digest(self, algorithm: Algorithm) -> Self {
        Self {
            hasher: Some(Hasher::new(algorithm)),
            ..self
        }
    }

    /// Returns the number of bytes read, which is the offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the digest of the bytes read in hexadecimal digits, if one was requested.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.hasher.clone().map(Hasher::finish)
    }

    /// Reads and discards `count` bytes.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`io::ErrorKind::UnexpectedEof`] if fewer bytes are left.
    pub fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.take(count), &mut io::sink())?;
        if skipped == count {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads exactly `size` bytes. Memory is allocated as they arrive, but the caller must bound
    /// `size`.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`io::ErrorKind::UnexpectedEof`] if fewer bytes are left.
    pub fn read_bytes(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(size as u64).read_to_end(&mut bytes)?;
        if bytes.len() == size {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position += count as u64;
        if self.position > self.limit_bytes {
            return Err(io::Error::other(LimitExceeded {
                limit_bytes: self.limit_bytes,
            }));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_input_is_an_unexpected_end() {
        let mut reader = BoundedReader::new(&b"abcd"[..], 10);
        reader.skip(1).expect("4 bytes are available");
        assert_eq!(reader.read_bytes(2).expect("3 bytes are available"), b"bc");
        assert_eq!(reader.position(), 3);
        assert_eq!(
            reader.read_bytes(2).expect_err("1 byte is left").kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            reader.skip(1).expect_err("no byte is left").kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn digest_covers_the_bytes_that_were_read() {
        let mut reader = BoundedReader::new(&b"abc"[..], 10).with_digest(Algorithm::Sha1);
        reader.read_bytes(3).expect("3 bytes are available");
        assert_eq!(
            reader.digest().as_deref(),
            Some("a9993e364706816aba3e25717850c26c9cd0d89d")
        );
        assert_eq!(BoundedReader::new(&b""[..], 10).digest(), None);
    }

    proptest! {
        #[test]
        fn input_is_read_completely_or_exceeds_the_limit(size in 0_usize..5000, limit_bytes in 0_u64..5000) {
            let mut bytes = Vec::new();
            let result = BoundedReader::new(&*vec![b'x'; size], limit_bytes).read_to_end(&mut bytes);
            match result {
                Ok(_) => prop_assert!(size as u64 <= limit_bytes && bytes.len() == size),
                Err(error) => {
                    prop_assert_eq!(LimitExceeded::cause_of(&error), Some(LimitExceeded { limit_bytes }));
                    prop_assert!(size as u64 > limit_bytes);
                }
            }
        }
    }
}
