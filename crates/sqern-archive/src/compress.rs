//! Compression. The program writes only zstd; tests, fuzz targets and the test kit write all formats.

use std::io::{self, Write};

use crate::Compression;

impl Compression {
    /// Returns `plain` compressed at a fast level, as one member or frame.
    ///
    /// # Errors
    ///
    /// Returns an error if the compressor cannot be initialized.
    pub fn compress(self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(plain.to_vec()),
            Self::Zstd => zstd::encode_all(plain, 1),
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Lzma => {
                let options = liblzma::stream::LzmaOptions::new_preset(1)?;
                let stream = liblzma::stream::Stream::new_lzma_encoder(&options)?;
                let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Bzip2 => {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(plain)?;
                Ok(encoder.finish()?)
            }
        }
    }
}

/// A writer that compresses one zstd frame with a checksum of its content.
pub struct ZstdWriter<W: Write>(zstd::Encoder<'static, W>);

impl<W: Write> ZstdWriter<W> {
    /// Returns a writer at the default level.
    ///
    /// # Errors
    ///
    /// Returns an error if the compressor cannot be initialized.
    pub fn new(inner: W) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(inner, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    /// Ends the frame, and returns the inner writer. Without this call, the file is truncated.
    ///
    /// # Errors
    ///
    /// Returns an error if the inner writer fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use proptest::prelude::*;

    use super::*;
    use crate::open;

    proptest! {
        #[test]
        fn a_changed_bit_of_a_frame_never_changes_the_content(text in "[a-c]{0,300}", index in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut writer = ZstdWriter::new(Vec::new()).expect("the compressor is initialized");
            writer.write_all(text.as_bytes()).expect("memory accepts all bytes");
            let mut file = writer.finish().expect("memory accepts all bytes");
            let read = |file: Vec<u8>| {
                let mut read = String::new();
                let mut reader = open(Cursor::new(file), Compression::Zstd).map_err(io::Error::other)?;
                reader.read_to_string(&mut read).map(|_| read)
            };
            let unchanged = read(file.clone()).expect("a valid file");
            prop_assert_eq!(&unchanged, &text);
            let index = index.index(file.len());
            file[index] ^= 1 << bit;
            // Some bits of the frame header have no effect on the content.
            prop_assert!(read(file).ok().is_none_or(|read| read == text));
        }
    }
}
