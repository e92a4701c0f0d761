//! A reader of lz4 files with several frames.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::{self, FrameDecoder};

/// A reader of all frames of an lz4 file. [`FrameDecoder`] stops after the first frame, does not
/// distinguish a truncated frame from a complete one, and reports a skippable frame as an error.
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

impl<R: BufRead> Lz4Reader<R> {
    /// Skips the content of a skippable frame. The decoder has read its header.
    fn skip(&mut self, length: u32) -> io::Result<()> {
        let mut content = self.decoder.get_mut().take(length.into());
        if io::copy(&mut content, &mut io::sink())? == u64::from(length) {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// Returns the length of a skippable frame, if the error reports one.
fn skippable_length(error: &io::Error) -> Option<u32> {
    match error.get_ref()?.downcast_ref::<frame::Error>()? {
        frame::Error::SkippableFrame(length) => Some(*length),
        _ => None,
    }
}

impl<R: BufRead> Read for Lz4Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended && !buffer.is_empty() {
            match self.decoder.read(buffer) {
                Ok(0) => {}
                Ok(count) => return Ok(count),
                Err(error) => {
                    let length = skippable_length(&error).ok_or(error)?;
                    self.skip(length)?;
                }
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
