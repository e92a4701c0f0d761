//! Verifies signatures.
//!
//! sequoia checks algorithms by its standard policy (no SHA-1) at the time of the crawl, and keys
//! at the time of the signature. Here, the key must also be valid and unrevoked at the time of the
//! crawl, as in gpgv (apt rejects `EXPKEYSIG`).

use std::time::SystemTime;

use sequoia_openpgp::packet::Tag;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, GoodChecksum, MessageLayer, MessageStructure, VerificationError,
    VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Error, KeyHandle};

use crate::error::error_chain;

/// The result of the verification of a text, best first. One good signature is sufficient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// A signature by a valid key of the certificate with this fingerprint.
    Good(String),
    /// A signature by an expired or revoked key.
    Outdated(String),
    /// A signature of another text.
    Altered(String),
    /// A signature by an unknown key.
    UnknownKey(String),
    /// A signature that cannot be verified: unreadable, not valid now, or with an insecure
    /// algorithm.
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

/// Verifies detached signatures, armored or binary.
pub(crate) fn verify(
    signed: Signed<'_>,
    signatures: &[u8],
    certs: &[Cert],
    now: SystemTime,
) -> Verdict {
    let mut policy = StandardPolicy::at(now);
    let bytes = match signed {
        Signed::Text(bytes) => bytes,
        Signed::Package(bytes) => {
            policy.accept_packet_tag_version(Tag::Signature, 3);
            bytes
        }
    };
    let mut verdict = None;
    let verifier_state = SignatureVerifier {
        certs,
        policy: &policy,
        now,
        verdict: &mut verdict,
    };
    let verified = DetachedVerifierBuilder::from_bytes(signatures)
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
                let verdicts = results.into_iter().map(|result| match result {
                    Ok(good) => self.still_alive(&good),
                    Err(error) => rejected(&error),
                });
                let best = verdicts.min();
                *self.verdict = self.verdict.take().into_iter().chain(best).min();
            }
        }
        Ok(())
    }
}

impl SignatureVerifier<'_> {
    /// Returns whether the key of a good signature is valid and unrevoked at the time of the crawl.
    fn still_alive(&self, good: &GoodChecksum<'_>) -> Verdict {
        let key = good.ka.key().fingerprint();
        let cert = match good.ka.cert().with_policy(self.policy, self.now) {
            Ok(cert) => cert,
            Err(error) => {
                return Verdict::Outdated(format!("key {key}: {}", error_chain(error.as_ref())));
            }
        };
        if let Err(error) = cert.alive() {
            return Verdict::Outdated(format!("key {key}: {}", error_chain(error.as_ref())));
        }
        if matches!(cert.revocation_status(), RevocationStatus::Revoked(_)) {
            return Verdict::Outdated(format!("key {key} is revoked"));
        }
        if cert
            .keys()
            .alive()
            .revoked(false)
            .for_signing()
            .any(|candidate| candidate.key().fingerprint() == key)
        {
            Verdict::Good(good.ka.cert().fingerprint().to_hex())
        } else {
            Verdict::Outdated(format!("key {key} is expired or revoked"))
        }
    }
}

fn rejected(error: &VerificationError<'_>) -> Verdict {
    match error {
        VerificationError::MissingKey { sig } => {
            Verdict::UnknownKey(sig.get_issuers().first().map_or_else(
                || "the signature contains no key ID".into(),
                |key| format!("unknown key {key}"),
            ))
        }
        VerificationError::BadSignature { ka, error, .. } => {
            let reason = format!(
                "key {}: {}",
                ka.key().fingerprint(),
                error_chain(error.as_ref())
            );
            // sequoia also reports signatures as bad that it does not verify: expired ones, and
            // those with insecure algorithms.
            match error.downcast_ref() {
                Some(Error::Expired(_) | Error::NotYetLive(_) | Error::PolicyViolation(..)) => {
                    Verdict::Unusable(reason)
                }
                _ => Verdict::Altered(reason),
            }
        }
        VerificationError::BadKey { ka, error, .. } => Verdict::UnknownKey(format!(
            "cannot use key {}: {}",
            ka.key().fingerprint(),
            error_chain(error.as_ref())
        )),
        other => Verdict::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use sqern_testkit::repo::SigningKey;

    use super::*;
    use crate::openpgp::clearsign::split;

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
        let inline = split(&key.clearsign(TEXT, at).expect("signed"))
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
