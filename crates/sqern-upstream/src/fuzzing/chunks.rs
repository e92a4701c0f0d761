//! Bytes that arrive in chunks, as from a server.

use std::io::{self, Read};

/// A reader that returns chunks of a size.
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
    size: usize,
}

impl<'a> Chunks<'a> {
    /// Returns a reader with chunks of `size` bytes, at least 1.
    pub(crate) fn new(bytes: &'a [u8], size: u8) -> Self {
        Self {
            rest: bytes,
            size: usize::from(size).max(1),
        }
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(buffer.len());
        (&mut self.rest).take(size as u64).read(buffer)
    }
}

/// Returns the first byte, which selects a variant of a target, and the rest.
pub(crate) fn head(data: &[u8]) -> (u8, &[u8]) {
    data.split_first()
        .map_or((0, data), |(head, rest)| (*head, rest))
}
