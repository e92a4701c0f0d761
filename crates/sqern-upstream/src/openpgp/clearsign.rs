//! The cleartext signature framework (RFC 9580 §7). Like apt, it rejects text outside the signed
//! block.

/// The parts of a clearsigned text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clearsigned {
    /// The signed text, with LF as line ends and without dash escapes and trailing blanks.
    pub(crate) text: Vec<u8>,
    /// The armored signatures.
    pub(crate) signatures: String,
}

/// A text that does not consist of one clearsigned block.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClearsignError {
    /// The start of the block is missing.
    #[error("expected {BEGIN:?} at the start")]
    NotSigned,
    /// A line of the framework is missing.
    #[error("expected a line {0:?}, found none")]
    Without(&'static str),
    /// A line is not signed.
    #[error("line {line}: unsigned text {actual:?}")]
    Unsigned {
        /// The line, from 1.
        line: usize,
        /// The start of the line.
        actual: String,
    },
    /// A line contains a carriage return, which OpenPGP treats as a line end (RFC 9580 §5.2.1.2).
    /// The signed lines would differ from the parsed ones.
    #[error("line {line}: carriage return inside a line")]
    CarriageReturn {
        /// The line, from 1.
        line: usize,
    },
}

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// Splits a clearsigned text in any encoding. Only blank lines are allowed outside the block.
pub(crate) fn split(text: &[u8]) -> Result<Clearsigned, ClearsignError> {
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(trim_blanks)
        .enumerate()
        .map(|(offset, line)| (offset + 1, line))
        .peekable();
    while lines.next_if(|(_, line)| line.is_empty()).is_some() {}
    if lines.next().map(|(_, line)| line) != Some(BEGIN.as_bytes()) {
        return Err(ClearsignError::NotSigned);
    }
    // Other headers than Hash would seem to be signed, but are not.
    for (line, header) in lines.by_ref().take_while(|(_, header)| !header.is_empty()) {
        if !header.strip_prefix(b"Hash: ").is_some_and(is_hash_list) {
            return Err(unsigned(line, header));
        }
    }
    let mut signed = Vec::new();
    loop {
        match lines.next() {
            None => return Err(ClearsignError::Without(SIGNATURE)),
            Some((_, text)) if text == SIGNATURE.as_bytes() => break,
            Some((line, text)) if text.contains(&b'\r') => {
                return Err(ClearsignError::CarriageReturn { line });
            }
            Some((line, text)) => match text.strip_prefix(b"- ") {
                Some(escaped) => signed.push(escaped),
                None if text.starts_with(b"-") => return Err(unsigned(line, text)),
                None => signed.push(text),
            },
        }
    }
    let mut signatures = format!("{SIGNATURE}\n");
    loop {
        let (_, line) = lines.next().ok_or(ClearsignError::Without(END))?;
        signatures.push_str(&String::from_utf8_lossy(line));
        signatures.push('\n');
        if line == END.as_bytes() {
            break;
        }
    }
    match lines.find(|(_, line)| !line.is_empty()) {
        Some((line, text)) => Err(unsigned(line, text)),
        None => Ok(Clearsigned {
            text: signed.join(&b'\n'),
            signatures,
        }),
    }
}

/// Removes the blanks that are not signed (RFC 9580 §7.2), and the CR of a line end.
fn trim_blanks(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

/// Returns whether the value of a header is a list of hash algorithms: `SHA256, SHA512`.
fn is_hash_list(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .all(|name| {
            !name.is_empty()
                && name
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
}

fn unsigned(line: usize, text: &[u8]) -> ClearsignError {
    ClearsignError::Unsigned {
        line,
        actual: String::from_utf8_lossy(text).chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Result<Clearsigned, ClearsignError> {
        super::split(text.as_bytes())
    }

    const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: x \n- - dash\n\
                           -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn signed_text_is_extracted() {
        let split = super::split(MESSAGE.as_bytes()).expect("a clearsigned text");
        assert_eq!(split.text, b"Suite: x\n- dash");
        assert_eq!(
            split.signatures,
            "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
        );
        assert_eq!(
            super::split(format!("\n{}\r\n\n", MESSAGE.replace('\n', "\r\n")).as_bytes())
                .expect("CRLF")
                .text,
            split.text
        );
    }

    #[test]
    fn text_outside_the_signed_block_is_an_error() {
        assert_eq!(
            split(&format!("Suite: evil\n{MESSAGE}")),
            Err(ClearsignError::NotSigned)
        );
        assert_eq!(
            split(&format!("{MESSAGE}Suite: evil\n")),
            Err(ClearsignError::Unsigned {
                line: 10,
                actual: "Suite: evil".into()
            })
        );
        let header = MESSAGE.replace("Hash: SHA256", "Hash: SHA256\nSuite: evil");
        assert!(matches!(
            split(&header),
            Err(ClearsignError::Unsigned { line: 3, .. })
        ));
        let header = MESSAGE.replace("Hash: SHA256", "Hash: SHA256 Suite: evil");
        assert!(matches!(
            split(&header),
            Err(ClearsignError::Unsigned { line: 2, .. })
        ));
        assert!(split(&MESSAGE.replace("Hash: SHA256", "Hash: SHA256, SHA3-512")).is_ok());
        let twice = format!("{MESSAGE}{MESSAGE}");
        assert!(matches!(
            split(&twice),
            Err(ClearsignError::Unsigned { line: 10, .. })
        ));
    }

    #[test]
    fn carriage_returns_inside_lines_are_errors() {
        let hidden = MESSAGE.replace("Suite: x \n", "Suite: x\rValid-Until: y\n");
        assert_eq!(
            split(&hidden),
            Err(ClearsignError::CarriageReturn { line: 4 })
        );
    }

    #[test]
    fn truncated_texts_are_errors() {
        let lines: Vec<&str> = MESSAGE.lines().collect();
        for count in 0..lines.len() {
            assert!(split(&lines[..count].join("\n")).is_err(), "{count} lines");
        }
    }

    proptest! {
        #[test]
        fn splitter_never_panics(text in "(-----(BEGIN|END) PGP SIGN(ED MESSAGE|ATURE)-----\n|[ -~]{0,9}\n){0,9}") {
            let _ = split(&text);
        }

        #[test]
        fn framed_text_is_restored(lines in prop::collection::vec("[ -~]{0,9}", 1..9), end in "\r?\n") {
            let escaped = |line: &String| if line.starts_with('-') { format!("- {line}{end}") } else { format!("{line}{end}") };
            let text: String = lines.iter().map(escaped).collect();
            let framed = format!("{BEGIN}{end}Hash: SHA256{end}{end}{text}{SIGNATURE}{end}{end}x{end}{END}{end}");
            let parts = split(&framed).expect("a clearsigned text");
            prop_assert_eq!(parts.text, lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n").into_bytes());
            prop_assert_eq!(parts.signatures, format!("{SIGNATURE}\n\nx\n{END}\n"));
        }
    }
}
