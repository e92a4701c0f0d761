//! Verifies signatures.
//!
//! sequoia computes the digests, and its standard policy decides which algorithms are accepted. As in
//! gpgv, SHA-1 is also accepted in self-signatures; see [`policy_at`]. The validity of keys is decided as in gpgv: a key must be bound, valid and unrevoked at
//! the time of the crawl (apt rejects `EXPKEYSIG`), and must have been created before the signature.
//! sequoia also requires that it was bound at the time of the signature. A key of which only the
//! newest self-signature is published, after it was prolonged, does not meet this condition.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation as _, ValidateAmalgamation as _};
use sequoia_openpgp::cert::prelude::ErasedKeyAmalgamation;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Signature, Tag};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationError, VerificationHelper,
};
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy as _, StandardPolicy};
use sequoia_openpgp::types::{HashAlgorithm, RevocationStatus};
use sequoia_openpgp::{Cert, Error, Fingerprint, KeyHandle, anyhow};

use super::armor::{SIGNATURE, dearmor};
use crate::error::error_chain;

/// The result of the verification of a text, best first. One good signature is sufficient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// A signature by a valid key of the certificate with this fingerprint.
    Good(String),
    /// A signature of this text by a key that is expired or revoked in the keyring.
    Outdated(String),
    /// A signature of another text.
    Altered(String),
    /// A signature by an unknown key.
    UnknownKey(String),
    /// A signature that cannot be accepted: unreadable, not valid now, with an insecure algorithm, or
    /// by a key that is bound with an insecure algorithm.
    Unusable(String),
}

/// Signed bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signed<'a> {
    /// A text of root metadata.
    Text(&'a [u8]),
    /// The header of a package, whose signatures may be of version 3.
    Package(&'a [u8]),
}

/// Verifies detached signatures, binary or in one or more armored blocks.
pub(crate) fn verify(
    signed: Signed<'_>,
    signatures: &[u8],
    certs: &[Cert],
    now: SystemTime,
) -> Verdict {
    let mut policy = policy_at(now);
    let bytes = match signed {
        Signed::Text(bytes) => bytes,
        Signed::Package(bytes) => {
            policy.accept_packet_tag_version(Tag::Signature, 3);
            bytes
        }
    };
    let signatures = dearmor(signatures, SIGNATURE);
    let mut verdict = None;
    let verifier_state = SignatureVerifier {
        certs,
        policy: &policy,
        now,
        verdict: &mut verdict,
    };
    let verified = DetachedVerifierBuilder::from_bytes(&*signatures)
        .and_then(|builder| builder.with_policy(&policy, Some(now), verifier_state))
        .and_then(|mut verifier| verifier.verify_bytes(bytes));
    match (verdict, verified) {
        (None, Ok(())) => Verdict::Unusable("no signatures".into()),
        // The library has the last decision.
        (None | Some(Verdict::Good(_)), Err(error)) => {
            Verdict::Unusable(error_chain(error.as_ref()))
        }
        (Some(verdict), _) => verdict,
    }
}

/// Returns the policy at a time. It accepts self-signatures with SHA-1, which the published keys of some
/// distributions have, but no signatures of data with SHA-1.
///
/// A forged self-signature requires a second preimage of SHA-1, which cannot be computed. Only
/// collisions can be.
pub(super) fn policy_at(now: SystemTime) -> StandardPolicy<'static> {
    let mut policy = StandardPolicy::at(now);
    policy.accept_hash_property(
        HashAlgorithm::SHA1,
        HashAlgoSecurity::SecondPreImageResistance,
    );
    policy
}

struct SignatureVerifier<'a> {
    certs: &'a [Cert],
    policy: &'a StandardPolicy<'a>,
    now: SystemTime,
    verdict: &'a mut Option<Verdict>,
}

impl VerificationHelper for SignatureVerifier<'_> {
    fn get_certs(&mut self, _ids: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(self.certs.to_vec())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        for layer in structure {
            if let MessageLayer::SignatureGroup { results } = layer {
                let best = results
                    .iter()
                    .map(|result| match result {
                        Ok(good) => self.check_signature(good.sig),
                        Err(
                            VerificationError::MissingKey { sig }
                            | VerificationError::UnboundKey { sig, .. }
                            | VerificationError::BadKey { sig, .. }
                            | VerificationError::BadSignature { sig, .. },
                        ) => self.check_signature(sig),
                        Err(other) => Verdict::Unusable(other.to_string()),
                    })
                    .min();
                *self.verdict = self.verdict.take().into_iter().chain(best).min();
            }
        }
        Ok(())
    }
}

impl SignatureVerifier<'_> {
    /// Verifies a signature, whose digest is already computed, with each key that it names.
    fn check_signature(&self, signature: &Signature) -> Verdict {
        let issuers = signature.get_issuers();
        let Some(issuer) = issuers.first() else {
            return Verdict::UnknownKey("the signature contains no key ID".into());
        };
        let keys = self
            .certs
            .iter()
            .flat_map(|cert| cert.keys().key_handles(issuers.iter()));
        keys.map(|key| self.check_with(signature, &key))
            .min()
            .unwrap_or_else(|| Verdict::UnknownKey(format!("unknown key {issuer}")))
    }

    fn check_with(
        &self,
        signature: &Signature,
        key: &ErasedKeyAmalgamation<'_, PublicParts>,
    ) -> Verdict {
        let id = key.key().fingerprint();
        let reason = |error: &anyhow::Error| format!("key {id}: {}", error_chain(error.as_ref()));
        if let Err(error) = self
            .policy
            .signature(signature, HashAlgoSecurity::default())
        {
            return Verdict::Unusable(reason(&error));
        }
        if let Err(error) = signature.signature_alive(self.now, Duration::ZERO) {
            return Verdict::Unusable(reason(&error));
        }
        if signature.signature_creation_time() < Some(key.key().creation_time()) {
            return Verdict::Unusable(format!("key {id} was created after the signature"));
        }
        if let Err(error) = signature.verify_document(key.key()) {
            return Verdict::Altered(reason(&error));
        }
        self.check_key(key)
    }

    /// Returns whether a key is valid at the time of the crawl.
    fn check_key(&self, key: &ErasedKeyAmalgamation<'_, PublicParts>) -> Verdict {
        let id = key.key().fingerprint();
        let key = match key.clone().with_policy(self.policy, self.now) {
            Ok(key) => key,
            Err(error) => return unbound(&id, &error),
        };
        let cert = key.valid_cert();
        if matches!(cert.revocation_status(), RevocationStatus::Revoked(_))
            || matches!(key.revocation_status(), RevocationStatus::Revoked(_))
        {
            return Verdict::Outdated(format!("key {id} is revoked"));
        }
        if let Err(error) = cert.alive().and_then(|()| key.alive()) {
            return Verdict::Outdated(match error.downcast_ref() {
                Some(Error::Expired(at)) => {
                    format!("the local copy of key {id} expired on {}", date(*at))
                }
                _ => format!("key {id}: {}", error_chain(error.as_ref())),
            });
        }
        if !key.for_signing() {
            return Verdict::Unusable(format!("key {id} must not sign data"));
        }
        Verdict::Good(cert.cert().fingerprint().to_hex())
    }
}

/// Returns the verdict for a key without an accepted self-signature.
fn unbound(id: &Fingerprint, error: &anyhow::Error) -> Verdict {
    match insecure_algorithm(error) {
        Some(algorithm) => Verdict::Unusable(format!(
            "the self-signature of key {id} uses the insecure algorithm {algorithm}"
        )),
        None => Verdict::Outdated(format!("key {id}: {}", error_chain(error.as_ref()))),
    }
}

/// Returns the algorithm because of which the policy rejects a self-signature, if that is the reason.
pub(super) fn insecure_algorithm(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(Error::PolicyViolation(algorithm, _)) => Some(algorithm.as_str()),
        _ => None,
    })
}

/// Returns the date of a time in UTC.
fn date(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| "an unknown date".into(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use sqern_testkit::repo::SigningKey;

    use super::*;
    use crate::openpgp::clearsign::split;
    use crate::openpgp::keyring::{KeyringSpec, read_keyrings};

    const TEXT: &str = "Suite: stable\nSHA256:";

    /// Returns 2026-01-01, a month after the signatures.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    /// Returns the verdicts of a cleartext signature and a detached signature of `TEXT` for another
    /// text.
    fn verdicts(text: &[u8]) -> [Verdict; 2] {
        let (key, at) = (
            SigningKey::shared(),
            "2025-12-01T00:00:00Z".parse().expect("a time"),
        );
        let certs: Vec<Cert> =
            sequoia_openpgp::cert::CertParser::from_bytes(&key.keyring().expect("a keyring"))
                .expect("certificates")
                .flatten()
                .collect();
        let inline = split(key.clearsign(TEXT, at).expect("signed").as_bytes())
            .expect("a clearsigned text")
            .signatures;
        let detached = key.sign(TEXT, at).expect("signed");
        [
            verify(Signed::Text(text), inline.as_bytes(), &certs, now()),
            verify(Signed::Text(text), &detached, &certs, now()),
        ]
    }

    #[test]
    fn carriage_return_is_a_line_end_in_cleartext_signatures() {
        let fingerprint = SigningKey::shared().fingerprint();
        assert_eq!(
            verdicts(TEXT.as_bytes()),
            [(); 2].map(|()| Verdict::Good(fingerprint.clone()))
        );
        let [inline, detached] = verdicts(TEXT.replace('\n', "\r").as_bytes());
        assert!(
            matches!((inline, detached), (Verdict::Good(_), Verdict::Altered(_))),
            "what split() and Release::parse() refuse it for"
        );
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn years(count: u64) -> Duration {
        Duration::from_secs(count * 366 * 86_400)
    }

    /// Verifies signatures of `TEXT` with keyrings, at the real time.
    fn verify_with(keyrings: &[&SigningKey], signatures: &[u8]) -> Verdict {
        let folder = tempfile::tempdir().expect("a directory");
        let files: Vec<String> = (0..keyrings.len())
            .map(|index| folder.path().join(index.to_string()).display().to_string())
            .collect();
        for (file, key) in files.iter().zip(keyrings) {
            std::fs::write(file, key.keyring().expect("a keyring")).expect("written");
        }
        let spec = KeyringSpec {
            files,
            keys: Vec::new(),
        };
        let keyring = read_keyrings(&spec).expect("keyrings");
        keyring.verify(Signed::Text(TEXT.as_bytes()), signatures, SystemTime::now())
    }

    /// Returns whether gpgv accepts signatures of `TEXT`; `None` if it is not installed.
    fn gpgv(keyring: &SigningKey, signatures: &[u8]) -> Option<bool> {
        let folder = tempfile::tempdir().expect("a directory");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        let output = Command::new("gpgv")
            .env("GNUPGHOME", folder.path())
            .args(["--status-fd", "1", "--keyring"])
            .arg(write("keyring.gpg", &keyring.keyring().expect("a keyring")))
            .arg(write("signatures", signatures))
            .arg(write("text", TEXT.as_bytes()))
            .output()
            .ok()?;
        // apt requires this status, and gpgv reports success also for expired keys.
        Some(String::from_utf8_lossy(&output.stdout).contains("[GNUPG:] GOODSIG"))
    }

    #[test]
    fn keys_must_be_valid_at_the_time_of_the_crawl_as_in_gpgv() {
        let key = SigningKey::expiring(years(2)).expect("a key");
        let id = key.fingerprint();
        let signed = |at: &str| key.sign(TEXT, time(at)).expect("signed");
        let early = signed("2021-06-01T00:00:00Z");
        let prolonged = key
            .prolonged(time("2021-12-01T00:00:00Z"), years(80))
            .expect("a key");
        let late = prolonged
            .sign(TEXT, time("2022-06-01T00:00:00Z"))
            .expect("signed");
        for (keyring, signature, expected) in [
            (&prolonged, &early, Ok(())),
            (&prolonged, &late, Ok(())),
            (&key, &early, Err("the local copy of key ")),
            (&key, &late, Err("the local copy of key ")),
            (
                &prolonged.revoked().expect("a key"),
                &early,
                Err(" is revoked"),
            ),
        ] {
            match (verify_with(&[keyring], signature), expected) {
                (Verdict::Good(by), Ok(())) => assert_eq!(by, id),
                (Verdict::Outdated(reason), Err(part)) => {
                    assert!(reason.contains(part), "{reason}");
                }
                (verdict, expected) => panic!("{verdict:?}, expected {expected:?}"),
            }
            if let Some(accepted) = gpgv(keyring, signature) {
                assert_eq!(accepted, expected.is_ok(), "gpgv {expected:?}");
            }
        }
        // A signature of another text is reported as such, also if the key has expired.
        let altered = verify(
            Signed::Text(b"x"),
            &early,
            std::slice::from_ref(&cert(&key)),
            now(),
        );
        assert!(matches!(altered, Verdict::Altered(_)), "{altered:?}");
    }

    fn cert(key: &SigningKey) -> Cert {
        Cert::from_bytes(&key.keyring().expect("a keyring")).expect("a certificate")
    }

    #[test]
    fn copies_of_a_key_are_merged_in_any_order() {
        let old = SigningKey::expiring(years(2)).expect("a key");
        let new = old
            .prolonged(time("2021-12-01T00:00:00Z"), years(80))
            .expect("a key");
        let revoked = new.revoked().expect("a key");
        for at in ["2021-06-01T00:00:00Z", "2023-06-01T00:00:00Z"] {
            let signature = new.sign(TEXT, time(at).max(time("2021-12-01T00:00:01Z")));
            let signature = signature.expect("signed");
            for keyrings in [[&old, &new], [&new, &old]] {
                let verdict = verify_with(&keyrings, &signature);
                assert!(matches!(verdict, Verdict::Good(_)), "{verdict:?}");
            }
            for keyrings in [[&revoked, &new], [&new, &revoked], [&old, &revoked]] {
                let verdict = verify_with(&keyrings, &signature);
                assert_eq!(
                    verdict,
                    Verdict::Outdated(format!("key {} is revoked", signing_key(&new)))
                );
            }
        }
    }

    /// Returns the fingerprint of the subkey that signs.
    fn signing_key(key: &SigningKey) -> String {
        let cert = cert(key);
        let subkey = cert.keys().subkeys().next().expect("a subkey");
        subkey.key().fingerprint().to_hex()
    }

    #[test]
    fn one_good_signature_in_any_block_suffices() {
        let (key, other) = (SigningKey::shared(), SigningKey::generate().expect("a key"));
        let at = time("2025-12-01T00:00:00Z");
        let [known, unknown] = [&key, &other].map(|key| key.sign(TEXT, at).expect("signed"));
        let wrong = key.sign("another text", at).expect("signed");
        let [binary, unknown_binary] =
            [&key, &other].map(|key| key.sign_bytes(TEXT.as_bytes(), at).expect("signed"));
        for (signatures, is_good) in [
            (vec![&unknown, &known], true),
            (vec![&known, &unknown], true),
            (vec![&wrong, &known], true),
            (vec![&unknown_binary, &binary], true),
            (vec![&unknown, &unknown], false),
            (vec![&wrong, &unknown], false),
        ] {
            let signatures: Vec<u8> = signatures.into_iter().flatten().copied().collect();
            let verdict = verify_with(&[&key], &signatures);
            assert_eq!(matches!(verdict, Verdict::Good(_)), is_good, "{verdict:?}");
        }
    }

    #[test]
    fn sha1_is_accepted_in_self_signatures_only_and_md5_nowhere() {
        let key = SigningKey::expiring(years(80)).expect("a key");
        let at = time("2024-01-01T00:00:00Z");
        let signature = key.sign(TEXT, at).expect("signed");
        let bound_with = |hash| key.bound_with(at, years(80), hash).expect("a key");
        for hash in [HashAlgorithm::SHA512, HashAlgorithm::SHA1] {
            let bound = bound_with(hash);
            let verdict = verify_with(&[&bound], &signature);
            assert!(matches!(verdict, Verdict::Good(_)), "{hash}: {verdict:?}");
            if let Some(accepted) = gpgv(&bound, &signature) {
                assert!(accepted, "gpgv {hash}");
            }
        }
        let id = signing_key(&key);
        assert_eq!(
            verify_with(&[&bound_with(HashAlgorithm::MD5)], &signature),
            Verdict::Unusable(format!(
                "the self-signature of key {id} uses the insecure algorithm MD5"
            ))
        );
        let signature = key
            .sign_bytes_with(TEXT.as_bytes(), at, HashAlgorithm::SHA1)
            .expect("signed");
        let verdict = verify_with(&[&key], &signature);
        assert!(
            matches!(&verdict, Verdict::Unusable(reason) if reason.contains("SHA1")),
            "{verdict:?}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn signature_is_invalid_for_other_texts(offset in 0..TEXT.len(), byte in "[\\PC\0\n]", more in "[ -~]{0,3}") {
            let mut text = TEXT.to_owned() + &more;
            text.replace_range(offset..=offset, &byte);
            if text != TEXT {
                prop_assert!(!verdicts(text.as_bytes()).iter().any(|verdict| matches!(verdict, Verdict::Good(_))), "{:?}", text);
            }
        }
    }
}
