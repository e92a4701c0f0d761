//! Signatures of packages.

use jiff::Timestamp;

use super::keyring::{KeyringSpec, missing_keyring, read_keyrings};
use super::verify::{Signed, Verdict};
use crate::Error;

/// The reason why a package is not verified.
#[derive(Debug, thiserror::Error)]
pub enum PackageSignatureError {
    /// There is no signature or no keyring. An attacker could have removed the signature.
    #[error("{0}")]
    Missing(String),
    /// The signature is invalid, or by an unknown, expired or revoked key.
    #[error("{0}")]
    Invalid(String),
    /// A keyring cannot be read.
    #[error(transparent)]
    Keyring(#[from] Error),
}

/// Verifies the signatures of a package, of which one valid signature is sufficient. Returns the
/// fingerprint of the certificate whose key made it.
///
/// `signed` are the signed bytes, `signatures` detached binary signatures, and `keyring` the keyring of
/// the source. Signatures of version 3 are accepted, as by rpm: rpm before 4.16 could
/// only write those.
///
/// # Errors
///
/// Returns [`PackageSignatureError`] if no signature is valid at the time `now`.
pub fn verify_package(
    keyring: &KeyringSpec,
    signed: &[u8],
    signatures: &[Vec<u8>],
    now: Timestamp,
) -> Result<String, PackageSignatureError> {
    if signatures.is_empty() {
        return Err(PackageSignatureError::Missing(
            "the package is not signed".to_owned(),
        ));
    }
    let certificates = read_keyrings(keyring)?;
    if !certificates.is_found() {
        return Err(PackageSignatureError::Missing(missing_keyring(
            keyring,
            &certificates,
        )));
    }
    let verdicts = signatures
        .iter()
        .map(|signature| certificates.verify(Signed::Package(signed), signature, now.into()));
    let reason = match verdicts.min() {
        Some(Verdict::Good(fingerprint)) => return Ok(fingerprint),
        Some(
            Verdict::Outdated(reason)
            | Verdict::Altered(reason)
            | Verdict::UnknownKey(reason)
            | Verdict::Unusable(reason),
        ) => reason,
        None => "no signatures".to_owned(),
    };
    Err(PackageSignatureError::Invalid(format!(
        "{reason} (keyring: {})",
        certificates.files.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use sqern_testkit::repo::SigningKey;

    use super::*;

    #[test]
    fn a_package_is_verified_by_one_valid_signature() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("keyring.gpg");
        let (key, other) = (SigningKey::shared(), SigningKey::generate().expect("a key"));
        std::fs::write(&file, key.keyring().expect("a keyring")).expect("written");
        let keyring = [file.display().to_string()];
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = "2025-12-01T00:00:00Z".parse().expect("a time");
        let good = key.sign_bytes(b"header", at).expect("signed");
        let unknown = other.sign_bytes(b"header", at).expect("signed");
        let fingerprint = key.fingerprint();
        for (signed, signatures, keyring, expected) in [
            (
                &b"header"[..],
                vec![good.clone()],
                &keyring[..],
                Ok(&*fingerprint),
            ),
            (
                b"header",
                vec![unknown.clone(), good.clone()],
                &keyring,
                Ok(&*fingerprint),
            ),
            (b"headers", vec![good.clone()], &keyring, Err("key ")),
            (b"header", vec![unknown], &keyring, Err("unknown key ")),
            (b"header", vec![b"no packet".to_vec()], &keyring, Err("")),
            (
                b"header",
                vec![],
                &keyring,
                Err("the package is not signed"),
            ),
            (
                b"header",
                vec![good.clone()],
                &[],
                Err("the source file contains no keyring"),
            ),
            (
                b"header",
                vec![good],
                &["/nonexistent".to_owned()],
                Err("keyring /nonexistent does not exist"),
            ),
        ] {
            let keyring = KeyringSpec {
                files: keyring.to_vec(),
                keys: Vec::new(),
            };
            let found = verify_package(&keyring, signed, &signatures, now);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().starts_with(expected), "{error}");
                }
                _ => panic!("{found:?}, expected {expected:?}"),
            }
        }
    }
}
