//! Verifies the signature of root metadata by the policy of its source.

use jiff::Timestamp;
use sqern_model::{Diagnostic as _, SignaturePolicy};

use crate::openpgp::{Verdict, read_keyrings, verify};
use crate::{Error, ErrorKind};

/// The requirements of a source for signatures.
pub(crate) struct TrustPolicy {
    pub(crate) policy: SignaturePolicy,
    /// The keyring files.
    pub(crate) keyring: Vec<String>,
    /// The package that contains the keyring files.
    pub(crate) keyring_package: Option<String>,
    /// The name of the file with the signature, for errors.
    pub(crate) signature_file: &'static str,
}

/// A text and its signatures.
pub(crate) struct Signed {
    /// The signed text.
    pub(crate) text: String,
    /// The signatures; `None` if the text is not signed.
    pub(crate) signatures: Option<Vec<u8>>,
    /// The URL of the text, for errors.
    pub(crate) location: String,
}

/// Verifies a signature, and returns a warning if an unverified text is accepted.
///
/// `allow_unsigned` accepts a text without a signature, keyring or valid key. An attacker could remove these. It accepts neither a
/// signature of another text nor one by another key.
///
/// # Errors
///
/// Returns an error if the policy requires a valid signature.
pub(crate) fn verify_signature(
    source: &TrustPolicy,
    allow_unsigned: bool,
    now: Timestamp,
    signed: &Signed,
) -> Result<Option<String>, Error> {
    let location = &signed.location;
    if source.policy == SignaturePolicy::Off {
        return Ok(Some(format!("NOT VERIFIED: signature = \"off\" in the source file, at {location}")));
    }
    let keyring = read_keyrings(&source.keyring)?;
    let is_optional = source.policy == SignaturePolicy::IfPresent;
    let Some(signatures) = &signed.signatures else {
        if is_optional && !keyring.found {
            return tolerate(true, no_keyring(source, location));
        }
        let expected = format!("a signature ({})", source.signature_file);
        let error = Error::unexpected(ErrorKind::MissingSignature, expected, "none", location);
        let hint = "sqern check --allow-unsigned  # skips the verification in one run";
        return tolerate(allow_unsigned || is_optional, error.with_hint(hint));
    };
    if !keyring.found {
        // An attacker could remove an optional signature, so a missing keyring does not weaken the verification.
        return tolerate(allow_unsigned || is_optional, no_keyring(source, location));
    }
    let invalid = |found: String| {
        let expected = format!("a valid signature by a key of {}", source.keyring.join(", "));
        Error::unexpected(ErrorKind::InvalidSignature, expected, found, location)
    };
    let with_update_hint = |error: Error| match &source.keyring_package {
        Some(package) => error.with_hint(format!("apt-get install --only-upgrade {package}")),
        None => error,
    };
    match verify(signed.text.as_bytes(), signatures, &keyring.certs, now.into()) {
        Verdict::Good => Ok(None),
        Verdict::Outdated(reason) => {
            let error = invalid(format!("a signature by an expired or revoked key ({reason})"));
            tolerate(allow_unsigned, with_update_hint(error))
        }
        Verdict::Altered(reason) => Err(invalid(format!("a BAD signature ({reason})"))),
        Verdict::UnknownKey(keys) => Err(with_update_hint(invalid(format!("a signature by unknown key {keys}")))),
        Verdict::Unusable(reason) => Err(invalid(format!("an unusable signature ({reason})"))),
    }
}

/// Returns a tolerated error as a warning in capitals, so that it is noticed in logs.
fn tolerate(is_tolerated: bool, error: Error) -> Result<Option<String>, Error> {
    if is_tolerated {
        return Ok(Some(format!("NOT VERIFIED: {}", error.message())));
    }
    Err(error)
}

fn no_keyring(source: &TrustPolicy, location: &str) -> Error {
    let expected = match source.keyring.as_slice() {
        [] => "a keyring in the source file".to_owned(),
        [file] => format!("keyring {file}"),
        files => format!("any of the keyrings {}", files.join(", ")),
    };
    let hint = match &source.keyring_package {
        Some(package) => format!("apt-get install {package}, or sqern check --allow-unsigned for one run"),
        None => "sqern check --allow-unsigned  # skips the verification in one run".to_owned(),
    };
    Error::unexpected(ErrorKind::Keyring, expected, "none", location).with_hint(hint)
}
