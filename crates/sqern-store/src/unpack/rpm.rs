//! The rpm package format, versions 4 and 6 (rpm.org, "RPM V4 Package format"): lead, signature
//! header, header, payload.
//!
//! The header lists mode, size and checksum of each file of the payload. Both must agree, so that a
//! signature of the header authenticates the files that are written.

mod cpio;
mod files;
mod header;

use std::fs::File;
use std::io::{BufReader, Read as _};

use sqern_archive::Compression;

use super::archive;
use super::error::{damaged, invalid};
use super::path::escape;
use super::staging::Staging;
use crate::Error;
use files::Files;
use header::Header;

const LEAD_BYTES: usize = 96;
const REQUIRE_NAME: u32 = 1049;
const PAYLOAD_FORMAT: u32 = 1124;
const PAYLOAD_COMPRESSOR: u32 = 1125;

/// Unpacks the payload, and reads the dependencies in the header.
pub(super) fn unpack(mut file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), Error> {
    check_lead(&mut file)?;
    let limit_bytes = staging.limits.metadata_bytes;
    let signature = Header::read(&mut file, limit_bytes, "the signature header")?;
    // Only the signature header is padded to a multiple of 8 bytes.
    let padding = signature.data_bytes().next_multiple_of(8) - signature.data_bytes();
    file.read_exact(&mut [0; 8][..padding])
        .map_err(|error| damaged(&error, "the signature header"))?;
    drop(signature);
    let header = Header::read(&mut file, limit_bytes, "the header")?;
    match header.text(PAYLOAD_FORMAT)? {
        None | Some("cpio") => {}
        Some(other) => {
            return Err(invalid(
                "a payload in the format cpio",
                format!("{other:?}"),
                "the header",
            ));
        }
    }
    let compressor = header.text(PAYLOAD_COMPRESSOR)?;
    let Some(compression) = compression(compressor) else {
        let found = format!("{:?}", compressor.unwrap_or_default());
        return Err(invalid(
            "a payload in gzip, xz, zstd, bzip2 or lzma",
            found,
            "the header",
        ));
    };
    let requires = header.texts(REQUIRE_NAME)?.unwrap_or_default();
    let is_capability = |name: &&&[u8]| name.contains(&b'(');
    staging.set_depends(
        requires
            .iter()
            .filter(|name| !is_capability(name))
            .map(|name| escape(name))
            .collect(),
    );
    let files = Files::read(&header, staging.limits)?;
    drop(header);
    let mut reader = archive::open(file, compression, staging.limits.plain_bytes, "the payload")?;
    cpio::unpack(&mut reader, &files, staging)?;
    staging.set_plain_bytes(archive::finish(reader)?);
    Ok(())
}

/// Returns the format of `RPMTAG_PAYLOADCOMPRESSOR`. Without the tag, it is gzip
/// (`rpmPayloadCompressor` of rpm).
fn compression(name: Option<&str>) -> Option<Compression> {
    Some(match name {
        None | Some("gzip") => Compression::Gzip,
        Some("xz") => Compression::Xz,
        Some("lzma") => Compression::Lzma,
        Some("bzip2") => Compression::Bzip2,
        Some("zstd") => Compression::Zstd,
        Some(_) => return None,
    })
}

/// Checks the version and type of the lead. Its other fields are obsolete.
fn check_lead(file: &mut BufReader<File>) -> Result<(), Error> {
    let mut lead = [0; LEAD_BYTES];
    file.read_exact(&mut lead)
        .map_err(|error| damaged(&error, "the lead"))?;
    let (major, kind) = (lead[4], u16::from_be_bytes([lead[6], lead[7]]));
    if !matches!(major, 3 | 4) {
        return Err(invalid(
            "a lead of version 3 or 4",
            format!("{major}"),
            "the lead",
        ));
    }
    match kind {
        0 => Ok(()),
        1 => Err(invalid("a binary package", "a source package", "the lead")),
        other => Err(invalid(
            "a binary package",
            format!("package type {other}"),
            "the lead",
        )),
    }
}
