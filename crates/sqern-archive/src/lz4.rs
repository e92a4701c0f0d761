//! A reader of lz4 files with several frames.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

/// A reader of all frames of an lz4 file. [`FrameDecoder`] stops after the first frame, and does
/// not distinguish a truncated frame from a complete one.
pub(crate) struct Lz4Reader<R: Read> {
    decoder: FrameDecoder<EndDetector<R>>,
    has_ended: bool,
}

/// A reader that records whether the decoder tried to read past the end.
struct EndDetector<R> {
    inner: R,
    is_exhausted: bool,
}

impl<R: Read> Read for EndDetector<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.is_exhausted |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

impl<R: BufRead> Lz4Reader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            decoder: FrameDecoder::new(EndDetector {
                inner,
                is_exhausted: false,
            }),
            has_ended: false,
        }
    }
}

impl<R: BufRead> Read for Lz4Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended && !buffer.is_empty() {
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            // A frame or an empty block ended. The end mark of a complete frame is decoded without
            // reading past it.
            let input = self.decoder.get_mut();
            if input.is_exhausted {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.has_ended = input.inner.fill_buf()?.is_empty();
        }
        Ok(0)
    }
}
