//! Compression formats, and decompression as a stream that is bounded in memory.

use std::io::{self, BufRead, Read};

use crate::lz4::Lz4Reader;

/// The memory limit for xz and lzma: `xz -9` requires 65 MiB to decompress (xz(1)).
const XZ_MEMORY_BYTES: u64 = 72 * 1024 * 1024;
/// The maximum window of zstd, as a power of two: 128 MiB, which is the window of `zstd --ultra -22`
/// and the limit of zstd(1) without `--long`. Repositories, dpkg and rpm use 8 MiB (`zstd -19`).
const ZSTD_WINDOW_LOG: u32 = 27;
/// The length of [`OpenError::Format::head`].
const HEAD_BYTES: usize = 512;

/// The compression format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    Plain,
    /// gzip(1).
    Gzip,
    /// xz(1).
    Xz,
    /// The format of lzma(1), which has no magic number.
    Lzma,
    /// bzip2(1).
    Bzip2,
    /// zstd(1).
    Zstd,
    /// lz4(1).
    Lz4,
}

impl Compression {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Gzip,
        Self::Xz,
        Self::Lzma,
        Self::Bzip2,
        Self::Zstd,
        Self::Lz4,
    ];

    /// Returns the name of the format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// Returns the suffix of file names, with its period; empty for [`Compression::Plain`].
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Lzma => ".lzma",
            Self::Bzip2 => ".bz2",
            Self::Zstd => ".zst",
            Self::Lz4 => ".lz4",
        }
    }

    /// Returns the format with a suffix.
    #[must_use]
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.suffix() == suffix)
    }

    /// Returns the format that the first bytes of a file identify by their magic number. A file that
    /// starts with a skippable frame is in zstd, because pzstd writes such files.
    #[must_use]
    pub fn from_magic(head: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| !format.magic().is_empty() && format.is_start(head))
    }

    /// Returns whether a file in this format can start with these bytes.
    fn is_start(self, head: &[u8]) -> bool {
        head.starts_with(self.magic())
            || (matches!(self, Self::Zstd | Self::Lz4) && is_skippable_frame(head))
    }

    /// Returns the first bytes of each file in this format. They are empty if the format has no
    /// magic number.
    fn magic(self) -> &'static [u8] {
        match self {
            // The first byte of an lzma file is a parameter, not a magic number.
            Self::Plain | Self::Lzma => b"",
            Self::Gzip => b"\x1f\x8b",
            Self::Xz => b"\xfd7zXZ\0",
            Self::Bzip2 => b"BZh",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
            Self::Lz4 => b"\x04\x22\x4d\x18",
        }
    }
}

/// Returns whether a skippable frame starts with these bytes. Its magic number is 0x184D2A50 to
/// 0x184D2A5F, in little endian (RFC 8878, 3.1.2; the frame format of lz4 has the same frames).
fn is_skippable_frame(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A file that cannot be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not start with the magic number of the format.
    #[error("not a {} file", compression.name())]
    Format {
        /// The expected format.
        compression: Compression,
        /// The first bytes of the file.
        head: Vec<u8>,
    },
    /// The file could not be read, or the decompressor could not be initialized.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Returns a reader of the decompressed file. It decompresses all members or frames until the end
/// of `file`. Skippable frames are skipped.
///
/// # Errors
///
/// Returns an error if the file has another format or cannot be read. Damaged data is an error of
/// the returned reader.
pub fn open(
    mut file: impl BufRead + Send + 'static,
    compression: Compression,
) -> Result<Box<dyn Read + Send>, OpenError> {
    let head = file.fill_buf()?;
    if !compression.is_start(head) {
        return Err(OpenError::Format {
            compression,
            head: head[..head.len().min(HEAD_BYTES)].to_vec(),
        });
    }
    Ok(match compression {
        Compression::Plain => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Compression::Lz4 => Box::new(Lz4Reader::new(file)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(file)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY_BYTES,
                liblzma::stream::CONCATENATED,
            );
            Box::new(liblzma::bufread::XzDecoder::new_stream(
                file,
                stream.map_err(io::Error::from)?,
            ))
        }
        Compression::Lzma => {
            let stream = liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY_BYTES);
            Box::new(liblzma::bufread::XzDecoder::new_stream(
                file,
                stream.map_err(io::Error::from)?,
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use proptest::prelude::*;

    fn decompress(file: Vec<u8>, compression: Compression) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        let mut reader = open(Cursor::new(file), compression).map_err(io::Error::other)?;
        reader.read_to_end(&mut plain).map(|_| plain)
    }

    #[test]
    fn another_format_is_reported_with_the_first_bytes() {
        let gzip = Compression::Gzip
            .compress(b"abc")
            .expect("memory accepts all bytes");
        let error = open(Cursor::new(gzip), Compression::Xz)
            .map(drop)
            .expect_err("the file is not in xz");
        let OpenError::Format {
            compression: Compression::Xz,
            head,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(Compression::from_magic(&head), Some(Compression::Gzip));
    }

    #[test]
    fn the_window_of_zstd_is_limited() {
        use std::io::Write as _;
        for (window_log, is_accepted) in [(27, true), (28, false)] {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
            encoder.window_log(window_log).expect("a valid parameter");
            // The size of the content is not known after a flush, so the header states the window.
            encoder.write_all(b"abc").expect("memory accepts all bytes");
            encoder.flush().expect("memory accepts all bytes");
            let file = encoder.finish().expect("memory accepts all bytes");
            assert_eq!(
                decompress(file, Compression::Zstd).is_ok(),
                is_accepted,
                "{window_log}"
            );
        }
    }

    #[test]
    fn suffixes_identify_formats() {
        for compression in Compression::ALL {
            assert_eq!(
                Compression::from_suffix(compression.suffix()),
                Some(compression)
            );
        }
        assert_eq!(Compression::from_suffix(".Z"), None);
    }

    /// Returns a skippable frame with this content.
    fn skippable(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).expect("a short text");
        [
            &[0x50 + number, 0x2a, 0x4d, 0x18][..],
            &length.to_le_bytes(),
            content,
        ]
        .concat()
    }

    #[test]
    fn skippable_frames_are_skipped_at_each_position() {
        for compression in [Compression::Zstd, Compression::Lz4] {
            let frame = |text: &str| {
                compression
                    .compress(text.as_bytes())
                    .expect("memory accepts all bytes")
            };
            for number in 0..16 {
                let file = [
                    skippable(number, b"abcd"),
                    skippable(number, b""),
                    frame("first "),
                    skippable(number, &vec![0; 100_000]),
                    frame("second"),
                    skippable(number, b"x"),
                ]
                .concat();
                assert_eq!(
                    decompress(file.clone(), compression).expect("a valid file"),
                    b"first second",
                    "{compression:?} {number}"
                );
                assert_eq!(Compression::from_magic(&file), Some(Compression::Zstd));
                // The last frame of 9 bytes is truncated.
                for end in file.len() - 8..file.len() {
                    let result = decompress(file[..end].to_vec(), compression);
                    assert!(result.is_err(), "{compression:?} cut to {end} bytes");
                }
            }
            let empty = decompress(skippable(0, b"abcd"), compression).expect("a valid file");
            assert!(empty.is_empty(), "{compression:?}");
        }
    }

    proptest! {
        #[test]
        fn compressed_text_decompresses_to_itself(text in "[a-c]{0,99}") {
            for compression in Compression::ALL {
                let file = compression.compress(text.as_bytes()).expect("memory accepts all bytes");
                prop_assert_eq!(decompress(file, compression).expect("a valid file"), text.as_bytes(), "{:?}", compression);
            }
        }

        #[test]
        fn all_members_of_a_file_are_decompressed(texts in prop::collection::vec("[a-c]{0,9}", 1..4)) {
            for compression in Compression::ALL.into_iter().filter(|compression| *compression != Compression::Lzma) {
                let members = texts.iter().map(|text| compression.compress(text.as_bytes()).expect("memory accepts all bytes"));
                let file = members.collect::<Vec<_>>().concat();
                let plain = decompress(file, compression).expect("a valid file");
                prop_assert_eq!(plain, texts.concat().into_bytes(), "{:?}", compression);
            }
        }

        #[test]
        fn truncated_files_are_errors(text in "[a-c]{0,99}", end in any::<prop::sample::Index>()) {
            for compression in Compression::ALL.into_iter().filter(|compression| *compression != Compression::Plain) {
                let file = compression.compress(text.as_bytes()).expect("memory accepts all bytes");
                let end = end.index(file.len());
                prop_assert!(decompress(file[..end].to_vec(), compression).is_err(), "{:?} cut to {} bytes", compression, end);
            }
        }
    }
}
