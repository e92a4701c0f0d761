//! RPM's package format, versions 4 and 6 (rpm.org, "RPM V4 Package format"): lead, signature header, header, payload.
//!
//! The header lists each file of the payload with mode, size and checksum. The two must agree, so that what a signature of
//! the header vouches for is what is written.

mod files;
mod header;

use std::fs::File;
use std::io::{BufReader, Read};

pub(super) use files::{FileInfo, Files};

use super::cpio;
use super::decode::{self, Compression};
use super::error::{UnpackError, refused, unreadable};
use super::input::Input;
use super::name::shown;
use super::staging::Staging;
use header::Header;

const LEAD_BYTES: usize = 96;
const REQUIRE_NAME: u32 = 1049;
const PAYLOAD_FORMAT: u32 = 1124;
const PAYLOAD_COMPRESSOR: u32 = 1125;

/// Unpacks the payload.
pub(super) fn unpack(mut file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    check_lead(&mut file)?;
    let most_bytes = staging.limits.metadata_bytes;
    let signature = Header::read(&mut file, most_bytes, "the signature header")?;
    // Only the signature header is filled up to a multiple of eight.
    let padding = signature.data_bytes().next_multiple_of(8) - signature.data_bytes();
    file.read_exact(&mut [0; 8][..padding]).map_err(|error| unreadable(&error, "the signature header"))?;
    drop(signature);
    let header = Header::read(&mut file, most_bytes, "the header")?;
    match header.text(PAYLOAD_FORMAT)? {
        None | Some("cpio") => {}
        Some(other) => return Err(refused("a payload in the format cpio", format!("{other:?}"), "the header")),
    }
    let compressor = header.text(PAYLOAD_COMPRESSOR)?;
    let Some(compression) = Compression::by_rpm_name(compressor) else {
        let got = format!("{:?}", compressor.unwrap_or_default());
        return Err(refused("a payload in gzip, xz, zstd, bzip2 or lzma", got, "the header"));
    };
    let requires = header.texts(REQUIRE_NAME)?.unwrap_or_default();
    let is_capability = |name: &&&[u8]| name.contains(&b'(');
    staging.depends(requires.iter().filter(|name| !is_capability(name)).map(|name| shown(name)).collect());
    let files = Files::read(&header, staging.limits)?;
    drop(header);
    let mut input = Input::new(decode::open(file, compression, "the payload")?, staging.limits.plain_bytes);
    cpio::unpack(&mut input, &files, staging)?;
    let plain_bytes = input.finish()?;
    staging.read_whole(plain_bytes);
    Ok(())
}

/// The lead tells no more than that it is one: what it says otherwise is obsolete.
fn check_lead(file: &mut BufReader<File>) -> Result<(), UnpackError> {
    let mut lead = [0; LEAD_BYTES];
    file.read_exact(&mut lead).map_err(|error| unreadable(&error, "the lead"))?;
    let (major, kind) = (lead[4], u16::from_be_bytes([lead[6], lead[7]]));
    if !matches!(major, 3 | 4) {
        return Err(refused("a lead of version 3 or 4", format!("{major}"), "the lead"));
    }
    match kind {
        0 => Ok(()),
        1 => Err(refused("a binary package", "a source package", "the lead")),
        other => Err(refused("a binary package", format!("package type {other}"), "the lead")),
    }
}
