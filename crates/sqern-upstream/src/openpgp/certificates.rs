//! The format of keyring files.

use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse;

use super::armor::{PUBLIC_KEY, dearmor};
use crate::error::error_chain;
use crate::http::is_html;
use crate::{Error, ErrorKind};

/// Returns the certificates of a keyring, binary or in one or more armored blocks. Unreadable
/// certificates are skipped. `file` is the name of the keyring for errors.
///
/// # Errors
///
/// Returns an error if the keyring contains no readable certificate.
pub(super) fn certificates(file: &str, bytes: &[u8]) -> Result<Vec<Cert>, Error> {
    if let Some(format) = other_format(bytes) {
        let hint = match format {
            OtherFormat::Keybox => {
                format!("gpg --no-default-keyring --keyring {file} --export > NEW")
            }
            OtherFormat::Html => {
                format!("head {file}  # prints the page, often an error of a server")
            }
            OtherFormat::Empty => format!("gpg --show-keys {file}"),
        };
        let expected = "an OpenPGP keyring (binary or armored)";
        let error = Error::unexpected(ErrorKind::Keyring, expected, format.to_string(), file);
        return Err(error.with_hint(hint));
    }
    let packets = dearmor(bytes, PUBLIC_KEY);
    let unusable = |reason: Option<String>| {
        // The reason of the parser is only meaningful if there is a certificate.
        let damaged = reason.filter(|_| packets.first().is_some_and(|tag| starts_key(*tag)));
        let (reason, hint) = match damaged {
            Some(reason) => (
                format!("its certificates are damaged or not supported ({reason})"),
                format!("gpg --show-keys {file}"),
            ),
            None => (
                "it contains no OpenPGP certificates".to_owned(),
                "Replace the file with the public keys of the repository, binary or armored."
                    .to_owned(),
            ),
        };
        Error::failed(ErrorKind::Keyring, "cannot read keyring", reason, file).with_hint(hint)
    };
    let parser = CertParser::from_bytes(&*packets)
        .map_err(|error| unusable(Some(error_chain(error.as_ref()))))?;
    let (mut certs, mut refused) = (Vec::new(), None);
    for cert in parser {
        match cert {
            Ok(cert) => certs.push(cert),
            Err(error) => refused = Some(error_chain(error.as_ref())),
        }
    }
    if certs.is_empty() {
        return Err(unusable(refused));
    }
    Ok(certs)
}

/// Returns whether a byte is the header of a public or secret key packet, which starts a certificate (RFC
/// 9580, sections 4.2 and 5): type 6 or 5, in the OpenPGP or the legacy format.
fn starts_key(byte: u8) -> bool {
    let packet_type = match byte >> 6 {
        0b11 => byte & 0x3f,
        0b10 => (byte & 0x3f) >> 2,
        _ => return false,
    };
    matches!(packet_type, 5 | 6)
}

/// A frequent content of a file that should be a keyring.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum OtherFormat {
    #[error("an empty file")]
    Empty,
    /// The format of keyrings that `gpg --import` creates.
    #[error("a GnuPG keybox")]
    Keybox,
    #[error("an HTML page")]
    Html,
}

/// Returns the format of a file that is not a keyring.
fn other_format(bytes: &[u8]) -> Option<OtherFormat> {
    if bytes.trim_ascii().is_empty() {
        Some(OtherFormat::Empty)
    } else if bytes.get(8..12) == Some(b"KBXf") {
        // The magic of the first record (kbx/keybox-blob.c of GnuPG).
        Some(OtherFormat::Keybox)
    } else if is_html(bytes) {
        Some(OtherFormat::Html)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::keyring::KeySet;
    use super::*;

    #[test]
    fn keyring_without_keys_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        for (content, expected, hint) in [
            (&b""[..], "an empty file", "gpg --show-keys /"),
            (
                b"no key",
                "it contains no OpenPGP certificates",
                "Replace the file",
            ),
            (b"\n<!DOCTYPE HTML><p>404", "an HTML page", "head /"),
            (b"<html>", "an HTML page", "head /"),
        ] {
            let file = folder.path().join("keyring.gpg");
            std::fs::write(&file, content).expect("written");
            let error = KeySet::read(&file).expect_err("no key in it").to_string();
            assert!(error.contains(expected) && error.contains(hint), "{error}");
        }
    }

    #[test]
    fn file_that_is_no_keyring_is_named() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("keyring.gpg").display().to_string();
        let key = sqern_testkit::repo::SigningKey::shared();
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        let signature = key.sign_bytes(b"text", at).expect("signed");
        let keyring = key.keyring().expect("a keyring");
        let none = "it contains no OpenPGP certificates";
        let damaged = "its certificates are damaged or not supported (";
        for (content, expected) in [
            (
                &b"deb http://mirror.example/debian bookworm main\n"[..],
                none,
            ),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", none),
            (b"!<arch>\ndebian-binary   0 ", none),
            (b"\xed\xab\xee\xdb\x03\0\0\0", none),
            (b"\x1f\x8b\x08\0\0\0\0\0", none),
            (b"\0\0\0\0", none),
            (b"\xff\xff\xff\xff", none),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                none,
            ),
            (
                b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n",
                none,
            ),
            (&signature, none),
            (&keyring[..keyring.len() / 20], damaged),
        ] {
            std::fs::write(&file, content).expect("written");
            let error = KeySet::read(Path::new(&file)).expect_err("no keyring");
            let message = sqern_model::Diagnostic::message(&error);
            let expected = format!("cannot read keyring {file}: {expected}");
            assert!(message.starts_with(&expected), "{message}");
            assert!(sqern_model::Diagnostic::hint(&error).is_some(), "{error}");
        }
    }

    #[test]
    fn keybox_is_named_with_the_command_that_exports_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("keyring.gpg");
        let mut contents = vec![b"\0\0\0\x20\x01\x01\0\x02KBXf\0\0\0\0".to_vec()];
        // A new keyring of gpg is a keybox.
        let imported = std::process::Command::new("gpg")
            .args(["--batch", "--homedir"])
            .arg(folder.path())
            .args(["--no-default-keyring", "--keyring"])
            .arg(folder.path().join("new.gpg"))
            .args(["--fingerprint"])
            .output();
        if let (Ok(_), Ok(keybox)) = (imported, std::fs::read(folder.path().join("new.gpg"))) {
            contents.push(keybox);
        }
        for content in contents {
            std::fs::write(&file, content).expect("written");
            let name = file.display().to_string();
            let error = KeySet::read(&file).expect_err("a keybox");
            assert!(
                error.to_string().contains("found a GnuPG keybox"),
                "{error}"
            );
            let hint = format!("gpg --no-default-keyring --keyring {name} --export > NEW");
            assert_eq!(sqern_model::Diagnostic::hint(&error), Some(hint.as_str()));
        }
    }

    #[test]
    fn all_armored_blocks_of_a_keyring_are_read() {
        let [first, second] =
            [(); 2].map(|()| sqern_testkit::repo::SigningKey::generate().expect("a key"));
        let [a, b] = [&first, &second].map(|key| key.armored_keyring().expect("armored"));
        let certs = certificates("here", &[b"A comment.\n".to_vec(), a, b].concat()).expect("keys");
        let found: Vec<String> = certs
            .iter()
            .map(|cert| cert.fingerprint().to_hex())
            .collect();
        assert_eq!(found, [first.fingerprint(), second.fingerprint()]);
    }

    proptest! {
        #[test]
        fn mutated_keyring_contains_keys_or_is_an_error(offset in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut keyring = sqern_testkit::repo::SigningKey::shared().keyring().expect("a keyring");
            let offset = offset.index(keyring.len());
            if cut { keyring.truncate(offset) } else { keyring[offset] = byte }
            match certificates("here", &keyring) {
                Ok(certs) => prop_assert!(!certs.is_empty()),
                Err(failure) => prop_assert!(failure.to_string().contains(" here"), "{}", failure),
            }
        }
    }
}
