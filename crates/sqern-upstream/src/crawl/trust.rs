//! Verifies the signature of root metadata by the policy of its source.

use jiff::Timestamp;
use sqern_model::{Diagnostic as _, DistroName, SignaturePolicy, Source};

use super::context::Context;
use crate::openpgp::{self, Keyring, KeyringSpec, Verdict, missing_keyring, read_keyrings};
use crate::{Error, ErrorKind};

/// The hint that accepts a missing keyring or signature.
pub const ALLOW_UNSIGNED_HINT: &str =
    "sqern check --allow-unsigned  # accepts a missing keyring or signature in one check";

/// The requirements of a source for signatures.
pub(crate) struct TrustPolicy {
    pub(crate) policy: SignaturePolicy,
    /// The keyring.
    pub(crate) keyring: KeyringSpec,
    /// The commands that install the keyring.
    pub(crate) install: Vec<String>,
    /// The commands that install a newer copy of the keyring.
    pub(crate) update: Vec<String>,
    /// Whether an earlier crawl of the source was verified. A missing signature or keyring is then an
    /// error, also if the policy makes the signature optional: an attacker could remove it.
    pub(crate) was_verified: bool,
    /// The name of the file with the signature, for errors.
    pub(crate) signature_file: &'static str,
}

impl TrustPolicy {
    /// Returns the requirements of the source of a crawl.
    pub(crate) fn of(context: &Context<'_>, signature_file: &'static str) -> Self {
        let (distro, source) = (&context.distro.name, context.source);
        Self {
            policy: source.signature(),
            keyring: KeyringSpec::of(source),
            install: keyring_commands(distro, source, "install"),
            update: keyring_commands(distro, source, "install --only-upgrade"),
            was_verified: context.cache.was_verified,
            signature_file,
        }
    }

    /// Appends the command that downloads the keyring, because warnings have no hint.
    fn name_command(&self, mut error: Error) -> Error {
        if let Some(command) = self
            .install
            .iter()
            .find(|command| command.starts_with("sqern "))
        {
            error.append(&format!("; to import it: {command}"));
        }
        error
    }
}

/// Returns the commands that install the keyring of a source, best first. Empty if the definition of
/// the source contains neither a package of apt nor a URL.
#[must_use]
pub fn install_keyring_commands(distro: &DistroName, source: &Source) -> Vec<String> {
    keyring_commands(distro, source, "install")
}

/// `apt` is the operation of apt-get.
fn keyring_commands(distro: &DistroName, source: &Source, apt: &str) -> Vec<String> {
    let package = source
        .keyring_package()
        // Other distributions do not contain the packages of those with rpm.
        .filter(|_| matches!(source, Source::Apt(_)))
        .map(|package| format!("apt-get {apt} {package}"));
    let fetch =
        (!source.key_urls().is_empty()).then(|| format!("sqern keyring fetch --distro {distro}"));
    package.into_iter().chain(fetch).collect()
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
    pub(crate) text: Vec<u8>,
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
        if is_optional && !keyring.is_found() {
            return tolerate(
                true,
                source.name_command(no_keyring(source, &keyring, location)),
            );
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
    if !keyring.is_found() {
        // An attacker could remove an optional signature, so a missing keyring does not weaken the
        // verification.
        let error = with_history(no_keyring(source, &keyring, location));
        let is_tolerated = allow_unsigned || is_optional;
        let error = if is_tolerated {
            source.name_command(error)
        } else {
            error
        };
        return tolerate(is_tolerated, error);
    }
    let invalid = |reason: String| {
        let reason = format!("{reason} (keyring: {})", keyring.files.join(", "));
        Error::failed(
            ErrorKind::InvalidSignature,
            "could not verify the signature of",
            reason,
            location,
        )
    };
    let with_update_hint = |error: Error| match source.update.as_slice() {
        [] => error,
        commands => error.with_hint(commands.join("  # or: ")),
    };
    let text = openpgp::Signed::Text(&signed.text);
    match keyring.verify(text, signatures, now.into()) {
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

fn no_keyring(source: &TrustPolicy, keyring: &Keyring, location: &str) -> Error {
    let hint = if source.install.is_empty() {
        ALLOW_UNSIGNED_HINT.to_owned()
    } else {
        format!(
            "Install the keyring: {}. To accept a missing keyring in one check: sqern check --allow-unsigned",
            source.install.join(", or: ")
        )
    };
    Error::failed(
        ErrorKind::Keyring,
        "could not verify the signature of",
        missing_keyring(&source.keyring, keyring),
        location,
    )
    .with_hint(hint)
}
