//! Compressing indexes, and bombs.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// How an index is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip
    Gzip,
    /// xz
    Xz,
    /// zstd
    Zstd,
    /// lz4 (apt's lists only)
    Lz4,
    /// bzip2 (rpm-md only)
    Bzip2,
}

impl Compression {
    /// What it appends to a file's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
            Self::Lz4 => ".lz4",
            Self::Bzip2 => ".bz2",
        }
    }

    /// The compressed form of bytes.
    pub fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut compressed = Vec::new();
        self.copy(&mut &*bytes, &mut compressed)?;
        Ok(compressed)
    }

    fn copy(self, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Plain => io::copy(from, to).map(drop),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
                io::copy(from, &mut encoder)?;
                encoder.finish().map(drop)
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(to, 1);
                io::copy(from, &mut encoder)?;
                encoder.finish().map(drop)
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(to, 1)?;
                io::copy(from, &mut encoder)?;
                encoder.finish().map(drop)
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(to);
                io::copy(from, &mut encoder)?;
                encoder.finish().map(drop).map_err(io::Error::other)
            }
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(to, bzip2::Compression::fast());
                io::copy(from, &mut encoder)?;
                encoder.finish().map(drop)
            }
        }
    }
}

/// How much of a bomb is compressed at once.
const BOMB_PART_BYTES: usize = 16 << 20;

/// Writes a file that decompresses to so many bytes `byte`, in whole parts of 16 MiB: every format here takes a file of
/// several compressed parts for one, so a bomb of any size is made at once.
pub fn write_bomb(file: &Path, compression: Compression, byte: u8, plain_bytes: u64) -> io::Result<()> {
    let part = compression.compress(&vec![byte; BOMB_PART_BYTES])?;
    let mut to = File::create(file)?;
    for _ in 0..plain_bytes.div_ceil(BOMB_PART_BYTES as u64) {
        to.write_all(&part)?;
    }
    Ok(())
}
