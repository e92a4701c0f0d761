//! Bytes that come in pieces, as they do from a server.

use std::io::{self, Read};

/// Gives at most so many bytes at a time.
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl<'a> Pieces<'a> {
    /// Pieces of `size` bytes, of one where it is 0.
    pub(crate) fn new(bytes: &'a [u8], size: u8) -> Self {
        Self { rest: bytes, size: usize::from(size).max(1) }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(buffer.len());
        (&mut self.rest).take(size as u64).read(buffer)
    }
}

/// The first byte, which chooses how a parser is tried, and what follows it.
pub(crate) fn head(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(head, rest)| (*head, rest))
}
