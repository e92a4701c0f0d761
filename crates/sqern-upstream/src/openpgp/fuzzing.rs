//! Fuzz targets of signed texts, keyrings and signatures.

use std::time::{Duration, SystemTime};

use super::certificates::certificates;
use super::clearsign::split;
use super::verify::{Verdict, verify};

/// The time of verification: 2026-01-01.
const NOW_UNIX_S: u64 = 1_767_225_600;

/// Splits a clearsigned text. Its parts form the same text again, and text outside the frame is an
/// error.
pub(crate) fn clearsign(data: &[u8]) -> bool {
    let parts = match split(data) {
        Ok(parts) => parts,
        Err(error) => {
            assert!(error.to_string().len() <= 1000, "{error}");
            return false;
        }
    };
    // OpenPGP treats a single CR as a line end, so the signed lines would differ from the parsed
    // ones.
    assert!(!parts.text.contains(&b'\r'), "{:?}", parts.text);
    let escaped: Vec<u8> = parts
        .text
        .split(|byte| *byte == b'\n')
        .flat_map(escaped)
        .collect();
    let framed = |header: &str| {
        let frame = format!("-----BEGIN PGP SIGNED MESSAGE-----\n{header}\n\n");
        [frame.as_bytes(), &escaped, parts.signatures.as_bytes()].concat()
    };
    assert_eq!(
        split(&framed("Hash: SHA512")).as_ref(),
        Ok(&parts),
        "framed again"
    );
    assert!(
        split(&[b"x\n", data].concat()).is_err() && split(&[data, b"\nx"].concat()).is_err(),
        "text outside the frame"
    );
    assert!(
        split(&framed("Hash: SHA512\nSuite: x")).is_err(),
        "text in a header"
    );
    true
}

fn escaped(line: &[u8]) -> Vec<u8> {
    let dash: &[u8] = if line.starts_with(b"-") { b"- " } else { b"" };
    [dash, line, b"\n"].concat()
}

/// Verifies a text. A valid signature is invalid for any other text.
///
/// The data consists of keyring, signatures and text. The first 2 are preceded by their lengths in
/// 2 bytes.
pub(crate) fn signature(data: &[u8]) -> bool {
    let Some((keyring, rest)) = split_length(data) else {
        return false;
    };
    let Some((signatures, text)) = split_length(rest) else {
        return false;
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_UNIX_S);
    let certs = certificates("here", keyring).unwrap_or_default();
    let is_good = |text: &[u8], certs: &[sequoia_openpgp::Cert]| {
        matches!(
            verify(crate::openpgp::Signed::Text(text), signatures, certs, now),
            Verdict::Good(_)
        )
    };
    let good = is_good(text, &certs);
    if good {
        assert!(!is_good(text, &[]), "without a key");
        assert!(!is_good(&[text, b"x"].concat(), &certs), "with more text");
    }
    good
}

/// Returns the bytes after a length in 2 bytes, and the rest.
fn split_length(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
