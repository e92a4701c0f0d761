//! The rpm package format, versions 4 and 6 (rpm.org, "RPM V4 Package format"): lead, signature
//! header, header, payload.
//!
//! The header lists mode, size, checksum and link target of each file of the payload. Both must agree,
//! so that a signature of the header ([`RpmSignature`]) authenticates the files that are written.

mod cpio;
mod files;
mod header;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqern_archive::{Algorithm, Compression, Hasher};
use sqern_model::order::rpm as evr;

use super::error::{damaged, invalid};
use super::identity::PackageIdentity;
use super::path::escape;
use super::staging::Staging;
use super::{Limits, archive};
use crate::Error;
use files::Files;
use header::Header;

const LEAD_BYTES: usize = 96;
// Tags of the signature header: OpenPGP signatures of the header, as packets or as base64.
const DSA_HEADER: u32 = 267;
const RSA_HEADER: u32 = 268;
const OPENPGP: u32 = 278;
// Tags of the header (rpmtag.h).
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCHITECTURE: u32 = 1022;
const SOURCE_PACKAGE: u32 = 1106;
const PAYLOAD_DIGEST: u32 = 5092;
const PAYLOAD_DIGEST_ALGO: u32 = 5093;
/// The number of SHA-256 in OpenPGP (RFC 9580, section 9.5).
const SHA256: u32 = 8;
const REQUIRE_NAME: u32 = 1049;
const PAYLOAD_FORMAT: u32 = 1124;
const PAYLOAD_COMPRESSOR: u32 = 1125;

/// The signed header of an rpm package, and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmSignature {
    /// The signed bytes.
    pub header: Vec<u8>,
    /// The detached OpenPGP signatures, binary. Empty if the package is not signed.
    pub signatures: Vec<Vec<u8>>,
    /// Whether the header determines the content of all files that [`unpack()`](super::unpack()) writes:
    /// it contains the SHA-256 of the payload, which was compared, or those of all files. Otherwise, a
    /// signature authenticates only the list of files.
    pub has_digests: bool,
}

impl RpmSignature {
    /// Reads the signatures of the header of a package. Signatures of header and payload together, which
    /// rpm deprecates, are ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is not an rpm package, or if the payload differs from its checksum in
    /// the header.
    pub fn read(package: &Path, limits: &Limits) -> Result<Self, Error> {
        Self::read_file(package, limits).map_err(|error| error.within(package.display()))
    }

    fn read_file(package: &Path, limits: &Limits) -> Result<Self, Error> {
        let mut file = BufReader::with_capacity(super::BUFFER_BYTES, super::open(package, limits)?);
        let (signature, header) = read_headers(&mut file, limits.metadata_bytes)?;
        let mut signatures = Vec::new();
        for tag in [RSA_HEADER, DSA_HEADER] {
            signatures.extend(signature.bytes(tag)?.map(<[u8]>::to_vec));
        }
        for encoded in signature.texts(OPENPGP)?.unwrap_or_default() {
            let decoded = STANDARD.decode(encoded).map_err(|error| {
                invalid(
                    "a signature in base64",
                    error.to_string(),
                    "the signature header",
                )
            })?;
            signatures.push(decoded);
        }
        let has_digests = check_payload(&mut file, &header, limits)?;
        Ok(Self {
            header: header.into_bytes(),
            signatures,
            has_digests,
        })
    }
}

/// Returns the identity in the header of a package.
pub(super) fn identity(
    mut file: BufReader<File>,
    limits: &Limits,
) -> Result<PackageIdentity, Error> {
    let (_, header) = read_headers(&mut file, limits.metadata_bytes)?;
    // The signature does not cover the package type in the lead.
    if header.contains(SOURCE_PACKAGE) {
        return Err(invalid(
            "a binary package",
            "a source package",
            "the header",
        ));
    }
    let text = |tag| {
        let text = header.text(tag)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| invalid(format!("a text in tag {tag}"), "none", "the header"))
    };
    let epoch = match header.u32s(EPOCH)?.as_deref() {
        None => String::new(),
        Some([epoch]) => epoch.to_string(),
        Some(epochs) => {
            let found = format!("{}", epochs.len());
            return Err(invalid("one epoch", found, "the header"));
        }
    };
    let version = evr::show(&epoch, text(VERSION)?, text(RELEASE)?);
    Ok(PackageIdentity::new(
        text(NAME)?,
        &version,
        text(ARCHITECTURE)?,
    ))
}

/// Compares the payload with its SHA-256 in the header. Returns whether the header determines the
/// content of all files.
fn check_payload(
    file: &mut BufReader<File>,
    header: &Header,
    limits: &Limits,
) -> Result<bool, Error> {
    let algorithm = header.u32s(PAYLOAD_DIGEST_ALGO)?.unwrap_or_default();
    let digest = header
        .texts(PAYLOAD_DIGEST)?
        .and_then(|list| list.first().copied())
        .filter(|_| algorithm.first() == Some(&SHA256));
    let Some(digest) = digest else {
        return Ok(Files::read(header, limits)?.have_digests());
    };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher
        .update_from(file)
        .map_err(|error| damaged(&error, "the payload"))?;
    let found = hasher.finish();
    if found.as_bytes() == digest {
        return Ok(true);
    }
    Err(invalid(
        format!("a payload with the SHA-256 {}", escape(digest)),
        found,
        "the payload",
    ))
}

/// Reads the lead, the signature header and the header. The payload follows.
fn read_headers(file: &mut BufReader<File>, limit_bytes: usize) -> Result<(Header, Header), Error> {
    check_lead(file)?;
    let signature = Header::read(file, limit_bytes, "the signature header")?;
    // Only the signature header is padded to a multiple of 8 bytes.
    let padding = signature.data_bytes().next_multiple_of(8) - signature.data_bytes();
    file.read_exact(&mut [0; 8][..padding])
        .map_err(|error| damaged(&error, "the signature header"))?;
    let header = Header::read(file, limit_bytes, "the header")?;
    Ok((signature, header))
}

/// Unpacks the payload, and reads the dependencies in the header.
pub(super) fn unpack(mut file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), Error> {
    let (_, header) = read_headers(&mut file, staging.limits.metadata_bytes)?;
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
