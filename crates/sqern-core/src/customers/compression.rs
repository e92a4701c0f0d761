//! Compression of reports, and the errors for files that are not supported.

use std::fmt;
use std::io::{self, Read};

use sqern_archive::Compression;

use super::input::BUFFER_BYTES;
use super::invalid::InvalidReport;

/// The number of bytes that identify a format. The magic number of tar is at the end of the header.
const HEAD_BYTES: usize = 512;

/// A format that cannot be read, with the command that writes its content to standard output.
struct Unsupported {
    kind: &'static str,
    name: &'static str,
    magic: &'static [u8],
    offset: usize,
    command: &'static str,
}

const fn unsupported(
    kind: &'static str,
    name: &'static str,
    magic: &'static [u8],
    command: &'static str,
) -> Unsupported {
    Unsupported {
        kind,
        name,
        magic,
        offset: 0,
        command,
    }
}

/// The files start with the magic numbers in the documentation of the formats, or in magic(5).
const UNSUPPORTED: [Unsupported; 10] = [
    unsupported("compression", "xz", b"\xfd7zXZ\0", "xz -dc"),
    unsupported("compression", "bzip2", b"BZh", "bzip2 -dc"),
    unsupported("compression", "lz4", b"\x04\x22\x4d\x18", "lz4 -dc"),
    unsupported("compression", "lzip", b"LZIP", "lzip -dc"),
    unsupported("compression", "lzma", b"]\0\0", "xz -dc"),
    unsupported("compression", "compress (.Z)", b"\x1f\x9d", "gzip -dc"),
    unsupported("archive", "zip", b"PK\x03\x04", "unzip -p"),
    unsupported("archive", "zip", b"PK\x05\x06", "unzip -p"),
    unsupported("archive", "7z", b"7z\xbc\xaf\x27\x1c", "7z x -so"),
    Unsupported {
        offset: 257,
        ..unsupported("archive", "tar", b"ustar", "tar -xOf")
    },
];

/// A part of every zip file that is a document of a spreadsheet program (ECMA-376, part 2).
const SPREADSHEET_PART: &[u8] = b"[Content_Types].xml";

/// Returns the reason and a hint for the first bytes of a file in a format that cannot be read.
fn unsupported_format(head: &[u8]) -> Option<(String, String)> {
    let format = UNSUPPORTED.iter().find(|format| {
        head.get(format.offset..)
            .is_some_and(|bytes| bytes.starts_with(format.magic))
    })?;
    let is_document = format.name == "zip"
        && head
            .windows(SPREADSHEET_PART.len())
            .any(|bytes| bytes == SPREADSHEET_PART);
    if is_document {
        return Some((
            "the file is a spreadsheet; the supported formats are JSON and CSV".to_owned(),
            "Export the sheet as CSV in UTF-8.".to_owned(),
        ));
    }
    Some((
        format!(
            "unsupported {} format {}; the supported formats are gzip and zstd",
            format.kind, format.name
        ),
        format!("{} FILE | sqern cust load -", format.command),
    ))
}

/// A report after decompression.
pub(super) struct Decompressed {
    /// The first bytes; fewer than 512 only if the report is shorter or damaged.
    pub(super) head: Vec<u8>,
    /// The rest.
    pub(super) rest: Box<dyn Read>,
}

/// Decompresses a report in gzip or zstd, or returns it unchanged. `name` names it in errors.
///
/// # Errors
///
/// Returns an error for a file in another compression or archive format, also if it is compressed.
pub(super) fn decompress(
    bytes: Box<dyn Read + Send>,
    name: &str,
) -> Result<Decompressed, InvalidReport> {
    let check = |head: &[u8]| match unsupported_format(head) {
        Some((reason, hint)) => {
            Err(InvalidReport::new(format!("cannot read {name}: {reason}")).with_hint(hint))
        }
        None => Ok(()),
    };
    let mut bytes = io::BufReader::with_capacity(BUFFER_BYTES, bytes);
    let (head, error) = read_head(&mut bytes);
    if let Some(error) = error {
        return Err(unreadable(name, &error));
    }
    check(&head)?;
    let Some(compression @ (Compression::Gzip | Compression::Zstd)) =
        Compression::from_magic(&head)
    else {
        let rest = Box::new(bytes);
        return Ok(Decompressed { head, rest });
    };
    let whole = io::Cursor::new(head).chain(bytes);
    let mut rest =
        sqern_archive::open(whole, compression).map_err(|error| unreadable(name, &error))?;
    let (head, error) = read_head(&mut rest);
    check(&head)?;
    if let Some(inner) = Compression::from_magic(&head) {
        let (inner, outer) = (inner.name(), compression.name());
        let reason =
            format!("cannot read {name}: the file is compressed twice, with {inner} and {outer}");
        let hint = format!("{outer} -dc FILE | sqern cust load -");
        return Err(InvalidReport::new(reason).with_hint(hint));
    }
    Ok(Decompressed {
        head,
        rest: match error {
            Some(error) => Box::new(Failed(Some(error))),
            None => rest,
        },
    })
}

/// Reads the first bytes, which a pipe may deliver one by one. Returns the bytes before an error.
fn read_head(reader: &mut impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut head = vec![];
    let result = reader.take(HEAD_BYTES as u64).read_to_end(&mut head);
    (head, result.err())
}

/// A reader that returns an error, and then the end.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn unreadable(name: &str, error: &dyn fmt::Display) -> InvalidReport {
    InvalidReport::new(format!("could not read {name}: {error}"))
}
