//! Compression. The program only decompresses; tests, fuzz targets and the test kit write files.

use std::io::{self, Write as _};

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
