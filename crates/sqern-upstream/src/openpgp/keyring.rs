//! Keyring files.

use std::collections::BTreeMap;
use std::path::Path;

use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::{Cert, Fingerprint};

use super::armor::{PUBLIC_KEY, dearmor};
use crate::error::error_chain;
use crate::http::is_html;
use crate::regular_file::{CONFIGURATION_BYTES, read_regular};
use crate::{Error, ErrorKind};

/// The certificates of a source.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    /// The certificates of all existing files.
    pub(crate) certs: Vec<Cert>,
    /// Whether a file exists.
    pub(crate) found: bool,
}

/// Reads all existing keyring files, binary or armored. Copies of a certificate are merged, so that a
/// revocation or a new expiry time in one of them counts.
///
/// Unreadable certificates are skipped, because repositories keep keys of obsolete formats.
///
/// # Errors
///
/// Returns an error if a file cannot be read or contains no usable certificate.
pub(crate) fn read_keyrings(files: &[String]) -> Result<Keyring, Error> {
    let mut keyring = Keyring::default();
    let mut certs: BTreeMap<Fingerprint, Cert> = BTreeMap::new();
    for file in files {
        match read_regular(Path::new(file), CONFIGURATION_BYTES) {
            Ok(bytes) => {
                keyring.found = true;
                for cert in certificates(file, &bytes)? {
                    let merged = match certs.remove(&cert.fingerprint()) {
                        // Certificates with the same fingerprint have the same primary key.
                        Some(other) => other.clone().merge_public(cert).unwrap_or(other),
                        None => cert,
                    };
                    certs.insert(merged.fingerprint(), merged);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("could not read keyring", error, file)),
        }
    }
    keyring.certs = certs.into_values().collect();
    Ok(keyring)
}

/// Returns the certificates of a keyring, binary or in one or more armored blocks. Unreadable
/// certificates are skipped. `file` is the name of the keyring for errors.
///
/// # Errors
///
/// Returns an error if the keyring contains no readable certificate.
pub(super) fn certificates(file: &str, bytes: &[u8]) -> Result<Vec<Cert>, Error> {
    let unusable = |actual: String| {
        Error::unexpected(
            ErrorKind::Keyring,
            "an OpenPGP keyring (binary or armored)",
            actual,
            file,
        )
    };
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
        return Err(unusable(format.to_string()).with_hint(hint));
    }
    let unusable = |actual| unusable(actual).with_hint(format!("gpg --show-keys {file}"));
    let packets = dearmor(bytes, PUBLIC_KEY);
    let parser =
        CertParser::from_bytes(&*packets).map_err(|error| unusable(error_chain(error.as_ref())))?;
    let (mut certs, mut refused) = (Vec::new(), None);
    for cert in parser {
        match cert {
            Ok(cert) => certs.push(cert),
            Err(error) => refused = Some(error_chain(error.as_ref())),
        }
    }
    if certs.is_empty() {
        return Err(unusable(
            refused.unwrap_or_else(|| "no certificates".into()),
        ));
    }
    Ok(certs)
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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keyring_without_keys_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        for (content, expected, hint) in [
            (&b""[..], "an empty file", "gpg --show-keys /"),
            (b"no key", "keyring", "gpg --show-keys /"),
            (b"\n<!DOCTYPE HTML><p>404", "an HTML page", "head /"),
            (b"<html>", "an HTML page", "head /"),
        ] {
            let file = folder.path().join("keyring.gpg");
            std::fs::write(&file, content).expect("written");
            let error = read_keyrings(&[file.display().to_string()])
                .expect_err("no key in it")
                .to_string();
            assert!(error.contains(expected) && error.contains(hint), "{error}");
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
            let error = read_keyrings(std::slice::from_ref(&name)).expect_err("a keybox");
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

    #[test]
    fn keyring_that_is_not_a_regular_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        let fifo = folder.path().join("keyring.gpg").display().to_string();
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo runs").success());
        let error = read_keyrings(std::slice::from_ref(&fifo)).expect_err("a FIFO");
        assert_eq!(
            error.to_string(),
            format!("could not read keyring {fifo}: not a regular file")
        );
        let large = folder.path().join("large.gpg");
        let file = std::fs::File::create(&large).expect("created");
        file.set_len(CONFIGURATION_BYTES + 1).expect("extended");
        let error = read_keyrings(&[large.display().to_string()]).expect_err("too large");
        assert!(
            error
                .to_string()
                .ends_with("the file has more than 4194304 bytes"),
            "{error}"
        );
    }

    #[test]
    fn missing_keyrings_are_not_errors() {
        let keyring =
            read_keyrings(&["/nonexistent/keyring.gpg".to_owned()]).expect("nothing read");
        assert!(!keyring.found && keyring.certs.is_empty());
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
