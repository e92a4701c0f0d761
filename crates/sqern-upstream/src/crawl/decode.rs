//! Opens downloaded indexes.

use std::io::{BufReader, Read};

use sqern_archive::{BoundedReader, Compression, OpenError, hex_bytes};

use super::control::{CancelableReader, ScanControl};
use crate::listed_file::{ListedFile, ReceivedFile};
use crate::{Error, ErrorKind};

/// The compression formats of indexes. `Plain` is last, because every name ends with its empty
/// suffix.
pub(crate) const SUPPORTED: [Compression; 6] = [
    Compression::Zstd,
    Compression::Gzip,
    Compression::Xz,
    Compression::Lz4,
    Compression::Bzip2,
    Compression::Plain,
];

/// The decompressed content of an index.
pub(crate) type IndexReader = BoundedReader<CancelableReader<Box<dyn Read + Send>>>;

/// Opens a file of at most `limit_bytes` bytes after decompression. `location` names it in errors.
///
/// The digest of the decompressed file is computed if metadata lists it.
pub(crate) fn open(
    file: impl Read + Send + 'static,
    compression: Compression,
    limit_bytes: u64,
    plain: Option<&ListedFile>,
    control: &ScanControl,
    location: &str,
) -> Result<IndexReader, Error> {
    let file = BufReader::with_capacity(128 * 1024, file);
    let reader = sqern_archive::open(file, compression).map_err(|error| match error {
        OpenError::Format { compression, head } => Error::unexpected(
            ErrorKind::InvalidMetadata,
            describe(compression),
            describe_head(&head),
            location,
        ),
        OpenError::Io(error) => {
            let expected = format!("valid {} data", compression.name());
            Error::unexpected(
                ErrorKind::InvalidMetadata,
                expected,
                error.to_string(),
                location,
            )
        }
    })?;
    let reader = BoundedReader::new(control.reader(reader), limit_bytes);
    Ok(match plain {
        Some(plain) => reader.with_digest(plain.algorithm),
        None => reader,
    })
}

/// Checks that a decompressed file has the size and checksum that metadata lists.
pub(crate) fn check_plain<R: Read>(
    reader: &BoundedReader<R>,
    plain: Option<&ListedFile>,
    by: &str,
    location: &str,
) -> Result<(), Error> {
    let Some(plain) = plain else { return Ok(()) };
    let checksum = reader.digest().unwrap_or_default();
    let received = ReceivedFile {
        size_bytes: reader.position(),
        checksum,
        is_html: false,
    };
    received.check(plain, by, &format!("{location} after decompression"))
}

/// Returns a format with an article: `an xz file`.
fn describe(compression: Compression) -> String {
    let article = match compression {
        Compression::Xz | Compression::Lz4 | Compression::Lzma => "an",
        Compression::Plain | Compression::Gzip | Compression::Bzip2 | Compression::Zstd => "a",
    };
    format!("{article} {} file", compression.name())
}

/// Describes a file by its first bytes.
fn describe_head(head: &[u8]) -> String {
    if head.is_empty() {
        return "an empty file".into();
    }
    if crate::http::is_html(head) {
        return "an HTML page".into();
    }
    match Compression::from_magic(head) {
        Some(compression) => describe(compression),
        None => format!(
            "a file that starts with the bytes {}",
            hex_bytes(&head[..head.len().min(6)])
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn open_error(file: &[u8]) -> String {
        let file = Cursor::new(file.to_vec());
        let control = ScanControl::new(&crate::Limits::default());
        open(file, Compression::Xz, 100, None, &control, "here")
            .map(drop)
            .expect_err("not in xz")
            .to_string()
    }

    #[test]
    fn other_files_are_described_by_their_first_bytes() {
        let lz4 = Compression::Lz4
            .compress(b"x")
            .expect("memory accepts all bytes");
        for (file, found) in [
            (&b""[..], "an empty file"),
            (b" <!doctype HTML>", "an HTML page"),
            (&lz4, "an lz4 file"),
            (b"abc", "a file that starts with the bytes 61 62 63"),
        ] {
            assert_eq!(
                open_error(file),
                format!("expected an xz file, found {found}, at here")
            );
        }
    }
}
