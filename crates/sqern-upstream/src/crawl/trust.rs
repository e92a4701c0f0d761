//! Whether the top of a source may be believed: its signature, the source's keyring, and the policy for it.

use jiff::Timestamp;
use sqern_model::SignaturePolicy;

use crate::Failure;
use crate::openpgp::{Verdict, read_keyrings, verify};

/// By what a source's signature is judged.
pub(crate) struct Trust {
    pub(crate) policy: SignaturePolicy,
    /// Keyring files.
    pub(crate) keyring: Vec<String>,
    /// The package that brings them.
    pub(crate) keyring_package: Option<String>,
    /// The file that the signature is in, in words.
    pub(crate) signature: &'static str,
}

/// A text, and the signatures that came with it.
pub(crate) struct Signed {
    /// The text that the signatures cover.
    pub(crate) text: String,
    /// The signatures; none when there are none.
    pub(crate) signatures: Option<Vec<u8>>,
    /// Where it came from.
    pub(crate) place: String,
}

/// Judges the signature by the source's policy: nothing to say, a warning to give, or a failure.
///
/// `allow_unsigned` takes what an attacker could have removed anyway: no signature, no keyring, a key past its life. It
/// never takes a signature that says something else than the text, nor one by another key.
pub(crate) fn judge(source: &Trust, allow_unsigned: bool, now: Timestamp, signed: &Signed) -> Result<Option<String>, Failure> {
    let place = &signed.place;
    if source.policy == SignaturePolicy::Off {
        return Ok(Some(format!("NOT VERIFIED: signature = \"off\" in the source file, at {place}")));
    }
    let keyring = read_keyrings(&source.keyring)?;
    let Some(signatures) = &signed.signatures else {
        if source.policy == SignaturePolicy::IfPresent && !keyring.found {
            return tolerate(true, no_keyring(source, place));
        }
        let tolerated = allow_unsigned || source.policy == SignaturePolicy::IfPresent;
        let failure = Failure::new(format!("a signature ({})", source.signature), "none", place);
        return tolerate(tolerated, failure.hint("sqern check --allow-unsigned  # skips the verification in one run"));
    };
    if !keyring.found {
        // Where a signature may be missing, whoever alters the text can leave it out: a missing keyring gives away no more.
        return tolerate(allow_unsigned || source.policy == SignaturePolicy::IfPresent, no_keyring(source, place));
    }
    let update = |failure: Failure| match &source.keyring_package {
        Some(package) => failure.hint(format!("apt-get install --only-upgrade {package}")),
        None => failure,
    };
    let expected = || format!("a valid signature by a key of {}", source.keyring.join(", "));
    match verify(signed.text.as_bytes(), signatures, &keyring.certs, now.into()) {
        Verdict::Good => Ok(None),
        Verdict::Outdated(why) => tolerate(
            allow_unsigned,
            update(Failure::new(expected(), format!("a signature by an expired or revoked key ({why})"), place)),
        ),
        Verdict::Altered(why) => Err(Failure::new(expected(), format!("a BAD signature ({why})"), place)),
        Verdict::UnknownKey(keys) => Err(update(Failure::new(expected(), format!("a signature by unknown key {keys}"), place))),
        Verdict::Unusable(why) => Err(Failure::new(expected(), format!("an unusable signature ({why})"), place)),
    }
}

/// A warning in capitals where the failure is tolerated: it must be seen in every log.
fn tolerate(tolerated: bool, failure: Failure) -> Result<Option<String>, Failure> {
    if tolerated {
        return Ok(Some(format!("NOT VERIFIED: {}", failure.message())));
    }
    Err(failure)
}

fn no_keyring(source: &Trust, place: &str) -> Failure {
    let expected = match source.keyring.as_slice() {
        [] => "a keyring in the source file".to_owned(),
        [file] => format!("keyring {file}"),
        files => format!("any of the keyrings {}", files.join(", ")),
    };
    let hint = match &source.keyring_package {
        Some(package) => format!("apt-get install {package}, or sqern check --allow-unsigned for one run"),
        None => "sqern check --allow-unsigned  # skips the verification in one run".to_owned(),
    };
    Failure::new(expected, "none", place).hint(hint)
}
