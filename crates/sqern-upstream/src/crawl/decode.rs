//! Compressed files as a stream of plain bytes, bounded in memory and output, and checked against what was stated.

use std::io::{self, BufRead, BufReader, Read};

use sqern_model::counted;

use crate::Failure;
use crate::digest::{Algorithm, Hasher, Received, Stated};

/// The memory that xz may take: `xz -9` needs 65 MiB to decompress (xz(1)).
const XZ_MEMORY_BYTES: u64 = 72 * 1024 * 1024;
/// The window that zstd may take, as a power of two: 64 MiB. Archives use 8 MiB (`zstd -19`).
const ZSTD_WINDOW_LOG: u32 = 26;

/// How a file is compressed; by its suffix, and then by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Zstd,
    Gzip,
    Xz,
    Lz4,
    Bzip2,
    Plain,
}

impl Compression {
    /// Every one, plain last: its empty suffix ends every name.
    pub(crate) const ALL: [Self; 6] = [Self::Zstd, Self::Gzip, Self::Xz, Self::Lz4, Self::Bzip2, Self::Plain];

    /// What it appends to a file's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Lz4 => ".lz4",
            Self::Bzip2 => ".bz2",
            Self::Plain => "",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Self::Zstd => b"\x28\xb5\x2f\xfd",
            Self::Gzip => b"\x1f\x8b",
            Self::Xz => b"\xfd7zXZ\0",
            Self::Lz4 => b"\x04\x22\x4d\x18",
            Self::Bzip2 => b"BZh",
            Self::Plain => b"",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zstd => "a zstd file",
            Self::Gzip => "a gzip file",
            Self::Xz => "an xz file",
            Self::Lz4 => "an lz4 file",
            Self::Bzip2 => "a bzip2 file",
            Self::Plain => "a plain file",
        }
    }
}

/// The plain bytes of a file. `place` names it in errors.
pub(crate) fn open(
    file: impl Read + Send + 'static,
    compression: Compression,
    place: &str,
) -> Result<Box<dyn Read + Send>, Failure> {
    let broken = |error: io::Error| Failure::new(format!("valid data in {}", compression.name()), error.to_string(), place);
    let mut file = BufReader::with_capacity(128 * 1024, file);
    let head = file.fill_buf().map_err(broken)?;
    if !head.starts_with(compression.magic()) {
        return Err(Failure::new(compression.name(), kind_of(head), place));
    }
    Ok(match compression {
        Compression::Plain => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Lz4 => Box::new(Lz4::new(file)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(file).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, liblzma::stream::CONCATENATED)
                .map_err(|error| broken(error.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
    })
}

/// All frames of an lz4 file: the library stops behind the first, and takes a cut frame for one that is over.
struct Lz4<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<Watched<R>>,
    ended: bool,
}

/// Tells whether more was asked for than there is.
struct Watched<R> {
    inner: R,
    exhausted: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.exhausted |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

impl<R: BufRead> Lz4<R> {
    fn new(inner: R) -> Self {
        Self { decoder: lz4_flex::frame::FrameDecoder::new(Watched { inner, exhausted: false }), ended: false }
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            // A frame or an empty block is over. A whole frame says so itself, without a look behind its end.
            let input = self.decoder.get_mut();
            if input.exhausted {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ended = input.inner.fill_buf()?.is_empty();
        }
        Ok(0)
    }
}

/// What a file is, by its first bytes.
fn kind_of(head: &[u8]) -> String {
    if head.is_empty() {
        return "an empty file".into();
    }
    if crate::http::is_html(head) {
        return "an HTML page".into();
    }
    match Compression::ALL.iter().find(|known| **known != Compression::Plain && head.starts_with(known.magic())) {
        Some(other) => other.name().into(),
        None => format!("a file that starts with {:02x?}", &head[..head.len().min(6)]),
    }
}

/// Counts and hashes what is read, and ends with an error as soon as it is too much.
pub(crate) struct Checked<R> {
    inner: R,
    hasher: Option<Hasher>,
    size_bytes: u64,
    limit_bytes: u64,
}

impl<R: Read> Checked<R> {
    /// Reads at most `limit_bytes`, and takes their checksum where there is one to compare it with.
    pub(crate) fn new(inner: R, limit_bytes: u64, algorithm: Option<Algorithm>) -> Self {
        Self { inner, hasher: algorithm.map(Hasher::new), size_bytes: 0, limit_bytes }
    }

    /// Size and checksum of all that was read.
    pub(crate) fn finish(self) -> Received {
        Received { size_bytes: self.size_bytes, checksum: self.hasher.map(Hasher::finish).unwrap_or_default() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.size_bytes += count as u64;
        if self.size_bytes > self.limit_bytes {
            return Err(io::Error::other(format!("decompressed size exceeds {} bytes", self.limit_bytes)));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// Whether a file is the one that is stated; `by` names what states it ("the Release").
pub(crate) fn check_stated(stated: &Stated, got: &Received, html: bool, by: &str, place: &str) -> Result<(), Failure> {
    if got.is(stated) {
        return Ok(());
    }
    let algorithm = stated.algorithm;
    let what = if html {
        format!("an HTML page ({})", counted(got.size_bytes, "byte"))
    } else if got.size_bytes == 0 {
        "an empty file".to_owned()
    } else if stated.size_bytes.is_some_and(|size| got.size_bytes < size) {
        format!("a truncated or older file of {} with {algorithm} {}", counted(got.size_bytes, "byte"), got.checksum)
    } else {
        format!("{} with {algorithm} {}", counted(got.size_bytes, "byte"), got.checksum)
    };
    let size = stated.size_bytes.map_or_else(|| "a file".to_owned(), |size| counted(size, "byte"));
    Err(Failure::new(format!("{size} with {algorithm} {} as listed by {by}", stated.checksum), what, place))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use proptest::prelude::*;

    fn lz4(plain: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(plain).expect("compressed");
        encoder.finish().expect("compressed")
    }

    fn plain(file: Vec<u8>, compression: Compression, limit: u64) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        let input = open(Cursor::new(file), compression, "here").map_err(|failure| io::Error::other(failure.to_string()))?;
        Checked::new(input, limit, None).read_to_end(&mut plain).map(|_| plain)
    }

    #[test]
    fn every_frame_of_an_lz4_file_is_read() {
        let file = [lz4(b"a"), lz4(b""), lz4(b"b")].concat();
        assert_eq!(plain(file, Compression::Lz4, 10).expect("plain"), b"ab");
    }

    proptest! {
        #[test]
        fn a_cut_file_is_an_error_wherever_it_is_cut(text in "[a-c]{0,99}", cut in any::<prop::sample::Index>()) {
            let gzip = || {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(text.as_bytes())?;
                encoder.finish()
            };
            let files = [(Compression::Lz4, lz4(text.as_bytes())), (Compression::Gzip, gzip().expect("compressed"))];
            for (compression, file) in files {
                let cut = &file[..cut.index(file.len())];
                prop_assert!(plain(cut.to_vec(), compression, 1000).is_err(), "{:?} cut to {} bytes", compression, cut.len());
                prop_assert_eq!(plain(file, compression, 1000).expect("plain"), text.as_bytes());
            }
        }

        #[test]
        fn no_more_comes_out_than_is_allowed(size in 0_usize..5000, limit in 0_u64..5000) {
            let read = plain(lz4(&vec![b'x'; size]), Compression::Lz4, limit);
            prop_assert_eq!(read.is_ok(), size as u64 <= limit);
        }
    }
}
