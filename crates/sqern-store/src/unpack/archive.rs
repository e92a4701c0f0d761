//! The archive inside a package, as a bounded stream.

use std::io::{BufRead, Read};

use sqern_archive::{BoundedReader, Compression, OpenError, hex_bytes};

use super::error::{damaged, invalid};
use crate::Error;

/// The first bytes of an ar archive (ar(5)), which is the format of a `.deb` (deb(5)).
pub(super) const AR_MAGIC: &[u8] = b"!<arch>\n";
/// The first bytes of the lead of an rpm (rpm.org, "RPM V4 Package format").
pub(super) const RPM_MAGIC: &[u8] = b"\xed\xab\xee\xdb";

/// The decompressed bytes of an archive.
pub(super) type ArchiveReader = BoundedReader<Box<dyn Read + Send>>;

/// Opens an archive of at most `limit_bytes` bytes after decompression. `location` names it in
/// errors.
pub(super) fn open(
    from: impl BufRead + Send + 'static,
    compression: Compression,
    limit_bytes: u64,
    location: &str,
) -> Result<ArchiveReader, Error> {
    let reader = sqern_archive::open(from, compression).map_err(|error| match error {
        OpenError::Format { compression, head } => invalid(
            format!("an archive in {}", compression.name()),
            describe_head(&head),
            location,
        ),
        OpenError::Io(error) => damaged(&error, location),
    })?;
    Ok(BoundedReader::new(reader, limit_bytes))
}

/// Reads the rest of an archive after its last entry, and returns the size of the archive in bytes.
///
/// Writers fill the last block with zeros. dpkg and rpm ignore other bytes, but data that no tool
/// displays must not be in a package. The checksum of the compressed stream is only verified at its
/// end.
pub(super) fn finish(mut reader: ArchiveReader) -> Result<u64, Error> {
    let mut buffer = [0; 8192];
    loop {
        let offset = reader.position();
        match reader
            .read(&mut buffer)
            .map_err(|error| damaged(&error, "after the last entry"))?
        {
            0 => return Ok(reader.position()),
            count if buffer[..count].iter().all(|byte| *byte == 0) => {}
            _ => {
                return Err(invalid(
                    "zeros after the end of the archive",
                    "data",
                    format!("offset {offset}"),
                ));
            }
        }
    }
}

/// Describes a file by its first bytes, for an error.
pub(super) fn describe_head(head: &[u8]) -> String {
    match head {
        [] => "an empty file".into(),
        _ if head.starts_with(AR_MAGIC) => "an ar archive".into(),
        _ if head.starts_with(RPM_MAGIC) => "an rpm".into(),
        [b'<', ..] => "a file that starts with \"<\", like an HTML page".into(),
        _ => format!(
            "a file that starts with the bytes {}",
            hex_bytes(&head[..head.len().min(8)])
        ),
    }
}
