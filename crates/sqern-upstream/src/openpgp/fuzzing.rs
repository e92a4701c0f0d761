//! Signed texts, keyrings and signatures, tried over any bytes.

use std::time::{Duration, SystemTime};

use super::clearsign::split;
use super::keyring::certificates;
use super::verify::{Verdict, verify};

/// When signatures are judged: 2026-01-01.
const NOW_UNIX_S: u64 = 1_767_225_600;

/// A clearsigned text: the frame put around its parts again gives the same, and nothing may stand outside of it.
pub(crate) fn clearsign(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let parts = match split(text) {
        Ok(parts) => parts,
        Err(error) => {
            assert!(error.to_string().len() <= 1000, "{error}");
            return false;
        }
    };
    // OpenPGP takes a lone CR in a text for a line's end too: what it covers would have other lines than what is read.
    assert!(!parts.text.contains('\r'), "{:?}", parts.text);
    let escaped: String = parts.text.split('\n').map(|line| escaped(line) + "\n").collect();
    let framed = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{escaped}{}", parts.signatures);
    assert_eq!(split(&framed).as_ref(), Ok(&parts), "framed again");
    assert!(split(&format!("x\n{text}")).is_err() && split(&format!("{text}\nx")).is_err(), "text outside of the frame");
    assert!(split(&framed.replacen("SHA512", "SHA512\nSuite: x", 1)).is_err(), "text in a header");
    true
}

fn escaped(line: &str) -> String {
    if line.starts_with('-') { format!("- {line}") } else { line.to_owned() }
}

/// A keyring, signatures and a text, each but the last behind its length in two bytes: whatever is good is so for this text alone.
pub(crate) fn signature(data: &[u8]) -> bool {
    let Some((keyring, rest)) = taken(data) else { return false };
    let Some((signatures, text)) = taken(rest) else { return false };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_UNIX_S);
    let certs = certificates("here", keyring).unwrap_or_default();
    let good = verify(text, signatures, &certs, now) == Verdict::Good;
    if good {
        assert_ne!(verify(text, signatures, &[], now), Verdict::Good, "without a key");
        assert_ne!(verify(&[text, b"x"].concat(), signatures, &certs, now), Verdict::Good, "with more text");
    }
    good
}

/// What stands behind its length in two bytes, and what follows it.
fn taken(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
