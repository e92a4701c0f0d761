//! Verification of downloaded packages, by signed root metadata or by the signature of the package.

use std::path::PathBuf;

use jiff::Timestamp;
use sqern_model::Source;
use sqern_store::store::{PackageVerification, VerificationMethod};
use sqern_store::{Limits, PackageIdentity, RpmSignature};
use sqern_upstream::{KeyringSpec, PackageSignatureError, verify_package};

use super::packages::is_rpm;
use super::{FetchError, PlannedPackage};
use crate::Error;
use crate::blocking::blocking;

/// Returns an error if nothing can authenticate a package: no verified metadata lists it, and the
/// package is no rpm, whose own signature is verified after its download.
///
/// # Errors
///
/// Returns [`FetchError::NotVerified`].
pub(super) fn require_verifiable(planned: &PlannedPackage) -> Result<(), FetchError> {
    if planned.verified_location().is_some() || is_rpm(&planned.package) {
        return Ok(());
    }
    let source = planned.locations.first();
    Err(FetchError::NotVerified {
        package: planned.package.name.clone(),
        source_name: source.map_or_else(String::new, |location| location.source.clone()),
    })
}

/// Returns what authenticates a downloaded package. `source` is the definition of its source.
///
/// In every case, name, epoch, version, release and architecture in the package must be those of the
/// plan, which the index of the source contains. A mirror could otherwise deliver another package with
/// a valid signature, such as an older one.
///
/// The inner error states that nothing authenticates the package, which the user can accept.
///
/// # Errors
///
/// Returns an error that cannot be accepted: the file is another package, the signature of the package
/// is invalid, or the package or a keyring cannot be read.
pub(super) async fn verify(
    planned: &PlannedPackage,
    source: Option<&Source>,
    file: PathBuf,
    now: Timestamp,
) -> Result<Result<PackageVerification, FetchError>, Error> {
    require_planned(planned, file.clone()).await?;
    if let Some(location) = planned.verified_location() {
        let key = location.verified_by.clone().filter(|by| by != "apt");
        return Ok(Ok(PackageVerification {
            method: match key {
                Some(_) => VerificationMethod::IndexSignature,
                None => VerificationMethod::Apt,
            },
            key,
            at: now.to_string(),
        }));
    }
    if let Err(error) = require_verifiable(planned) {
        return Ok(Err(error));
    }
    let keyring = source.map(KeyringSpec::of).unwrap_or_default();
    let verified = blocking("verify a package", move || {
        let signature = RpmSignature::read(&file, &Limits::default())?;
        Ok::<_, sqern_store::Error>(verify_rpm(&signature, &keyring, now))
    });
    let failed = |reason| FetchError::PackageSignature {
        package: planned.package.name.clone(),
        reason,
    };
    match verified.await?? {
        Ok(key) => Ok(Ok(PackageVerification {
            method: VerificationMethod::PackageSignature,
            key: Some(key),
            at: now.to_string(),
        })),
        Err(PackageSignatureError::Missing(reason)) => Ok(Err(failed(reason))),
        Err(PackageSignatureError::Invalid(reason)) => Err(failed(reason).into()),
        Err(PackageSignatureError::Keyring(error)) => Err(error.into()),
    }
}

/// Returns an error if a file is another package than the planned one.
async fn require_planned(planned: &PlannedPackage, file: PathBuf) -> Result<(), Error> {
    let package = &planned.package;
    let expected = PackageIdentity::new(&package.name, &package.version, &package.architecture);
    let read = move || PackageIdentity::read(&file, &Limits::default());
    let found = blocking("read a package", read).await??;
    if found == expected {
        return Ok(());
    }
    let source = planned.locations.first();
    let error = FetchError::OtherPackage {
        expected: expected.to_string(),
        found: found.to_string(),
        source_name: source.map_or_else(String::new, |location| location.source.clone()),
    };
    Err(error.into())
}

fn verify_rpm(
    signature: &RpmSignature,
    keyring: &KeyringSpec,
    now: Timestamp,
) -> Result<String, PackageSignatureError> {
    let RpmSignature {
        header,
        signatures,
        has_digests,
    } = signature;
    let key = verify_package(keyring, header, signatures, now)?;
    if *has_digests {
        Ok(key)
    } else {
        Err(PackageSignatureError::Missing(
            "the signed header contains no SHA-256 of the payload or of all files".to_owned(),
        ))
    }
}
