//! Keyring files.

use std::collections::BTreeMap;
use std::path::Path;

use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::{Cert, Fingerprint};

use crate::error::error_chain;
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

pub(super) fn certificates(file: &str, bytes: &[u8]) -> Result<Vec<Cert>, Error> {
    let unusable = |actual: String| {
        Error::unexpected(
            ErrorKind::Keyring,
            "an OpenPGP keyring (binary or armored)",
            actual,
            file,
        )
        .with_hint(format!("gpg --show-keys {file}"))
    };
    if bytes.is_empty() {
        return Err(unusable("an empty file".into()));
    }
    let parser =
        CertParser::from_bytes(bytes).map_err(|error| unusable(error_chain(error.as_ref())))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keyring_without_keys_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        for (content, expected) in [(&b""[..], "an empty file"), (b"<html>", "keyring")] {
            let file = folder.path().join("keyring.gpg");
            std::fs::write(&file, content).expect("written");
            let error = read_keyrings(&[file.display().to_string()])
                .expect_err("no key in it")
                .to_string();
            assert!(
                error.contains(expected) && error.contains("gpg --show-keys /"),
                "{error}"
            );
        }
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
                Err(failure) => prop_assert!(failure.to_string().contains("gpg --show-keys here"), "{}", failure),
            }
        }
    }
}
