//! Compressed archives as a stream of plain bytes, bounded in memory.

use std::io::{self, BufRead, Read};

use super::error::{UnpackError, refused, unreadable};
use super::what_begins;

/// The memory that xz and lzma may take: `xz -9` needs 65 MiB to decompress (xz(1)).
const XZ_MEMORY_BYTES: u64 = 72 * 1024 * 1024;
/// The window that zstd may take, as a power of two: 64 MiB. dpkg uses 8 MiB (`zstd -19`), rpm too.
const ZSTD_WINDOW_LOG: u32 = 26;

/// How an archive is compressed: as the package says it, which its first bytes must agree with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Xz,
    Lzma,
    Bzip2,
    Zstd,
}

impl Compression {
    /// By what a member's name ends in after `data.tar` (deb(5)).
    pub(super) fn by_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Self::Plain,
            ".gz" => Self::Gzip,
            ".xz" => Self::Xz,
            ".lzma" => Self::Lzma,
            ".bz2" => Self::Bzip2,
            ".zst" => Self::Zstd,
            _ => return None,
        })
    }

    /// By `RPMTAG_PAYLOADCOMPRESSOR`; without the tag it is gzip (rpm's `rpmPayloadCompressor`).
    pub(super) fn by_rpm_name(name: Option<&str>) -> Option<Self> {
        Some(match name {
            None | Some("gzip") => Self::Gzip,
            Some("xz") => Self::Xz,
            Some("lzma") => Self::Lzma,
            Some("bzip2") => Self::Bzip2,
            Some("zstd") => Self::Zstd,
            Some(_) => return None,
        })
    }

    fn magic(self) -> &'static [u8] {
        match self {
            // An lzma file has no magic number, but its first byte is the default `lc`, `lp` and `pb` in practice.
            Self::Plain | Self::Lzma => b"",
            Self::Gzip => b"\x1f\x8b",
            Self::Xz => b"\xfd7zXZ\0",
            Self::Bzip2 => b"BZh",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "a plain archive",
            Self::Gzip => "an archive in gzip",
            Self::Xz => "an archive in xz",
            Self::Lzma => "an archive in lzma",
            Self::Bzip2 => "an archive in bzip2",
            Self::Zstd => "an archive in zstd",
        }
    }
}

/// The plain bytes of `from`, to its end: what follows the compressed stream is an error of its format.
pub(super) fn open(
    mut from: impl BufRead + 'static,
    compression: Compression,
    place: &str,
) -> Result<Box<dyn Read>, UnpackError> {
    let broken = |error: io::Error| unreadable(&error, place);
    let head = from.fill_buf().map_err(broken)?;
    if !head.starts_with(compression.magic()) {
        return Err(refused(compression.name(), what_begins(head), place));
    }
    let lzma = |stream: Result<liblzma::stream::Stream, liblzma::stream::Error>| stream.map_err(|error| broken(error.into()));
    Ok(match compression {
        Compression::Plain => Box::new(from),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(from).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream = lzma(liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, liblzma::stream::CONCATENATED))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(from, stream))
        }
        Compression::Lzma => {
            let stream = lzma(liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY_BYTES))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(from, stream))
        }
    })
}
