//! The buffer of the XML reader, which limits the size of an element, and allows searching in it.

use std::io::{self, BufRead, Read};

/// The size of a read.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// A buffer with a limit for each element.
pub(super) struct Input<R> {
    inner: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The number of bytes that the current element may still consume.
    left: usize,
    limit: usize,
}

impl<R: Read> Input<R> {
    /// Returns a buffer with a limit of `limit` bytes for the first element.
    pub(super) fn new(inner: R, limit: usize) -> Self {
        Self {
            inner,
            bytes: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            left: limit,
            limit,
        }
    }

    /// Sets the limit of the next element.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Returns the reader.
    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// Returns the buffered bytes.
    pub(super) fn held(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Reads more bytes, and returns their number: 0 at the end, or if the buffer is full.
    pub(super) fn more(&mut self) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        loop {
            match self.inner.read(&mut self.bytes[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.more()?;
        }
        if self.left == 0 && self.start < self.end {
            let what = format!(
                "expected a tag, text or comment of at most {} bytes, found more",
                self.limit
            );
            return Err(io::Error::other(what));
        }
        let end = self.end.min(self.start.saturating_add(self.left));
        Ok(&self.bytes[self.start..end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.left = self.left.saturating_sub(count);
    }
}
