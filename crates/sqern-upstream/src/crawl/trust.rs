//! Verifies the signature of root metadata by the policy of its source.

use jiff::Timestamp;
use sqern_model::{Diagnostic as _, SignaturePolicy};

use crate::openpgp::{self, Verdict, read_keyrings, verify};
use crate::{Error, ErrorKind};

/// The hint that accepts a missing keyring or signature.
pub const ALLOW_UNSIGNED_HINT: &str =
    "sqern check --allow-unsigned  # accepts a missing keyring or signature in one check";

/// The requirements of a source for signatures.
pub(crate) struct TrustPolicy {
    pub(crate) policy: SignaturePolicy,
    /// The keyring files.
    pub(crate) keyring: Vec<String>,
    /// The package that contains the keyring files.
    pub(crate) keyring_package: Option<String>,
    /// Whether an earlier crawl of the source was verified. A missing signature or keyring is then an
    /// error, also if the policy makes the signature optional: an attacker could remove it.
    pub(crate) was_verified: bool,
    /// The name of the file with the signature, for errors.
    pub(crate) signature_file: &'static str,
}

/// The result of an accepted verification.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// The fingerprint of the certificate whose key signed the text; `None` if an unverified text is
    /// accepted.
    pub(crate) by: Option<String>,
    /// The warning about an unverified text.
    pub(crate) warning: Option<String>,
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

/// Verifies a signature by the policy of the source.
///
/// `allow_unsigned` accepts a text without a signature, keyring or valid key. An attacker could
/// remove these. It accepts neither a signature of another text nor one by another key.
///
/// # Errors
///
/// Returns an error if the policy requires a valid signature.
pub(crate) fn verify_signature(
    source: &TrustPolicy,
    allow_unsigned: bool,
    now: Timestamp,
    signed: &Signed,
) -> Result<Verified, Error> {
    let location = &signed.location;
    if source.policy == SignaturePolicy::Off {
        return Ok(Verified {
            by: None,
            warning: Some(format!(
                "NOT VERIFIED: signature = \"off\" in the source file, at {location}"
            )),
        });
    }
    let keyring = read_keyrings(&source.keyring)?;
    let is_optional = source.policy == SignaturePolicy::IfPresent && !source.was_verified;
    let with_history = |mut error: Error| {
        if source.policy == SignaturePolicy::IfPresent && source.was_verified {
            error.append("; earlier crawls of this source were verified");
        }
        error
    };
    let Some(signatures) = &signed.signatures else {
        if is_optional && !keyring.found {
            return tolerate(true, no_keyring(source, location));
        }
        let reason = format!("no signature ({})", source.signature_file);
        let error = Error::failed(
            ErrorKind::MissingSignature,
            "could not verify",
            reason,
            location,
        );
        return tolerate(
            allow_unsigned || is_optional,
            with_history(error.with_hint(ALLOW_UNSIGNED_HINT)),
        );
    };
    if !keyring.found {
        // An attacker could remove an optional signature, so a missing keyring does not weaken the
        // verification.
        let error = with_history(no_keyring(source, location));
        return tolerate(allow_unsigned || is_optional, error);
    }
    let invalid = |reason: String| {
        let reason = format!("{reason} (keyring: {})", source.keyring.join(", "));
        Error::failed(
            ErrorKind::InvalidSignature,
            "could not verify the signature of",
            reason,
            location,
        )
    };
    let with_update_hint = |error: Error| match &source.keyring_package {
        Some(package) => error.with_hint(format!("apt-get install --only-upgrade {package}")),
        None => error,
    };
    match verify(
        openpgp::Signed::Text(signed.text.as_bytes()),
        signatures,
        &keyring.certs,
        now.into(),
    ) {
        Verdict::Good(by) => Ok(Verified {
            by: Some(by),
            warning: None,
        }),
        Verdict::Outdated(reason) => tolerate(allow_unsigned, with_update_hint(invalid(reason))),
        Verdict::Altered(reason) => Err(invalid(format!("BAD signature: {reason}"))),
        Verdict::UnknownKey(reason) => Err(with_update_hint(invalid(reason))),
        Verdict::Unusable(reason) => Err(invalid(format!("unusable signature: {reason}"))),
    }
}

/// Returns a tolerated error as a warning in capitals, so that it is noticed in logs.
fn tolerate(is_tolerated: bool, error: Error) -> Result<Verified, Error> {
    if is_tolerated {
        return Ok(Verified {
            by: None,
            warning: Some(format!("NOT VERIFIED: {}", error.message())),
        });
    }
    Err(error)
}

fn no_keyring(source: &TrustPolicy, location: &str) -> Error {
    let reason = match source.keyring.as_slice() {
        [] => "the source file contains no keyring".to_owned(),
        [file] => format!("keyring {file} does not exist"),
        files => format!("no keyring exists (searched {})", files.join(", ")),
    };
    let hint = match &source.keyring_package {
        Some(package) => format!(
            "Install the keyring: apt-get install {package}. To accept a missing keyring in one check: sqern check --allow-unsigned"
        ),
        None => ALLOW_UNSIGNED_HINT.to_owned(),
    };
    Error::failed(
        ErrorKind::Keyring,
        "could not verify the signature of",
        reason,
        location,
    )
    .with_hint(hint)
}
