//! What is read from a package: counted, bounded, to its very end.

use std::fmt;
use std::io::{self, Read};

use super::error::{UnpackError, refused, unreadable};

/// More came than is allowed.
#[derive(Debug)]
pub(super) struct TooMuch {
    pub(super) limit_bytes: u64,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.limit_bytes)
    }
}

impl std::error::Error for TooMuch {}

/// The plain bytes of an archive: an error as soon as they are more than allowed.
pub(super) struct Input {
    inner: Box<dyn Read>,
    limit_bytes: u64,
    offset: u64,
}

impl Input {
    pub(super) fn new(inner: Box<dyn Read>, limit_bytes: u64) -> Self {
        Self { inner, limit_bytes, offset: 0 }
    }

    /// How much was read so far, which is where in the archive the next byte stands.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads over `count` bytes; an archive that ends before is cut.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.take(count), &mut io::sink())?;
        if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Exactly `size` bytes; the caller has bounded it.
    pub(super) fn bytes(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(size as u64).read_to_end(&mut bytes)?;
        if bytes.len() == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads what follows the end of the archive. Writers fill their last block with zeros; dpkg and rpm don't look at what
    /// stands there, but what no tool shows has no place in a package, and only the last byte brings the checksum of the
    /// compressed stream.
    pub(super) fn finish(mut self) -> Result<u64, UnpackError> {
        let mut buffer = [0; 8192];
        loop {
            let at = self.offset;
            match self.read(&mut buffer).map_err(|error| unreadable(&error, "after the last entry"))? {
                0 => return Ok(self.offset),
                count if buffer[..count].iter().all(|byte| *byte == 0) => {}
                _ => return Err(refused("zeros after the end of the archive", "data", format!("offset {at}"))),
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.offset += count as u64;
        if self.offset > self.limit_bytes {
            return Err(io::Error::other(TooMuch { limit_bytes: self.limit_bytes }));
        }
        Ok(count)
    }
}
