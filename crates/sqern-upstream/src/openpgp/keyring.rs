//! Keyring files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use sequoia_openpgp::serialize::Serialize as _;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Fingerprint};
use sqern_model::Source;

use super::certificates::certificates;
use super::verify::{Signed, Verdict, insecure_algorithm, policy_at, verify};
use crate::error::error_chain;
use crate::regular_file::{CONFIGURATION_BYTES, read_regular};
use crate::{Error, ErrorKind};

/// The keyring of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyringSpec {
    /// The files. Those that do not exist are skipped.
    pub files: Vec<String>,
    /// The fingerprints of the accepted certificates in upper-case hexadecimal digits. If empty, all
    /// certificates of the files are accepted.
    pub keys: Vec<String>,
}

impl KeyringSpec {
    /// Returns the keyring of a source.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        Self {
            files: source.keyring().to_vec(),
            keys: source.keys().to_vec(),
        }
    }
}

/// The certificates of a source.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    /// The accepted certificates of all existing files.
    pub(crate) certs: Vec<Cert>,
    /// The certificates of these files that the source does not accept.
    others: Vec<Cert>,
    /// The existing files.
    pub(crate) files: Vec<String>,
}

impl Keyring {
    /// Returns whether a file exists that contains an accepted certificate.
    pub(crate) fn is_found(&self) -> bool {
        !self.certs.is_empty()
    }

    /// Verifies detached signatures with the accepted certificates.
    pub(crate) fn verify(&self, signed: Signed<'_>, signatures: &[u8], now: SystemTime) -> Verdict {
        let verdict = verify(signed, signatures, &self.certs, now);
        if !matches!(verdict, Verdict::UnknownKey(_)) || self.others.is_empty() {
            return verdict;
        }
        match verify(signed, signatures, &self.others, now) {
            Verdict::Good(key) => Verdict::UnknownKey(format!(
                "the source does not accept key {key}, which is in the keyring but not in its \"keys\""
            )),
            _ => verdict,
        }
    }
}

/// Reads all existing keyring files, binary or armored. Copies of a certificate are merged, so that a
/// revocation or a new expiry time in one of them counts.
///
/// Unreadable certificates are skipped, because repositories keep keys of obsolete formats.
///
/// # Errors
///
/// Returns an error if a file cannot be read or contains no usable certificate.
pub(crate) fn read_keyrings(spec: &KeyringSpec) -> Result<Keyring, Error> {
    let mut keyring = Keyring::default();
    let mut all = KeySet::default();
    for file in &spec.files {
        if let Some(keys) = KeySet::read(Path::new(file))? {
            keyring.files.push(file.clone());
            all.merge(keys);
        }
    }
    (keyring.certs, keyring.others) = all
        .0
        .into_values()
        .partition(|cert| spec.keys.is_empty() || spec.keys.contains(&cert.fingerprint().to_hex()));
    Ok(keyring)
}

/// Returns the reason why the keyring of a source contains no accepted certificate.
pub(crate) fn missing_keyring(spec: &KeyringSpec, keyring: &Keyring) -> String {
    match (spec.files.as_slice(), keyring.files.as_slice()) {
        ([], _) => "the source file contains no keyring".to_owned(),
        ([file], []) => format!("keyring {file} does not exist"),
        (files, []) => format!("no keyring exists (searched {})", files.join(", ")),
        (_, found) => format!(
            "the keyring contains none of the keys of the source (keyring: {})",
            found.join(", ")
        ),
    }
}

/// OpenPGP certificates, each once.
#[derive(Debug, Clone, Default)]
pub struct KeySet(BTreeMap<Fingerprint, Cert>);

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The fingerprint in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// The primary user ID.
    pub user_id: Option<String>,
    /// Whether the key can verify signatures.
    pub state: KeyState,
    /// The time at which the key expires.
    pub expires_at: Option<Timestamp>,
}

/// Whether a key can verify signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It can.
    Valid,
    /// The local copy has expired.
    Expired,
    /// The owner has revoked the key.
    Revoked,
    /// The key or its self-signature is not accepted, for this reason.
    Unusable(String),
}

impl KeySet {
    /// Returns the certificates of a keyring, binary or in one or more armored blocks. Unreadable
    /// certificates are skipped. `name` is the name of the keyring for errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the keyring contains no readable certificate.
    pub fn parse(name: &str, keyring: &[u8]) -> Result<Self, Error> {
        let mut keys = Self::default();
        for cert in certificates(name, keyring)? {
            keys.add(cert);
        }
        Ok(keys)
    }

    /// Reads a keyring file of at most 4 MiB. Returns `None` if the file does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or the errors of [`parse`](Self::parse).
    pub fn read(file: &Path) -> Result<Option<Self>, Error> {
        match read_regular(file, CONFIGURATION_BYTES) {
            Ok(bytes) => Self::parse(&file.display().to_string(), &bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("could not read keyring", error, file.display())),
        }
    }

    /// Adds the certificates of another set. Copies of a certificate are merged.
    pub fn merge(&mut self, other: Self) {
        for cert in other.0.into_values() {
            self.add(cert);
        }
    }

    /// Returns the certificates with these fingerprints, in upper-case hexadecimal digits.
    #[must_use]
    pub fn select(&self, fingerprints: &[String]) -> Self {
        let selected = self
            .0
            .iter()
            .filter(|(fingerprint, _)| fingerprints.contains(&fingerprint.to_hex()))
            .map(|(fingerprint, cert)| (fingerprint.clone(), cert.clone()));
        Self(selected.collect())
    }

    /// Returns whether the set contains no certificate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fingerprints in upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        self.0.keys().map(Fingerprint::to_hex).collect()
    }

    /// Returns the certificates as a binary keyring, without secret keys.
    ///
    /// # Errors
    ///
    /// Returns an error if a certificate cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for cert in self.0.values() {
            cert.serialize(&mut bytes).map_err(|error| {
                let reason = error_chain(error.as_ref());
                Error::failed(ErrorKind::Keyring, "cannot write key", reason, cert)
            })?;
        }
        Ok(bytes)
    }

    /// Describes the certificates at a time.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> Vec<KeyInfo> {
        self.0
            .values()
            .map(|cert| describe(cert, now.into()))
            .collect()
    }

    fn add(&mut self, cert: Cert) {
        let merged = match self.0.remove(&cert.fingerprint()) {
            // Certificates with the same fingerprint have the same primary key.
            Some(other) => other.clone().merge_public(cert).unwrap_or(other),
            None => cert,
        };
        self.0.insert(merged.fingerprint(), merged);
    }
}

fn describe(cert: &Cert, now: SystemTime) -> KeyInfo {
    let policy = policy_at(now);
    let user_id = cert
        .userids()
        .next()
        .map(|id| String::from_utf8_lossy(id.userid().value()).into_owned());
    let fingerprint = cert.fingerprint().to_hex();
    let is_revoked = matches!(
        cert.revocation_status(&policy, now),
        RevocationStatus::Revoked(_)
    );
    let valid = match cert.with_policy(&policy, now) {
        Ok(valid) => valid,
        Err(_) if is_revoked => {
            return KeyInfo {
                fingerprint,
                user_id,
                state: KeyState::Revoked,
                expires_at: None,
            };
        }
        Err(error) => {
            let reason = match insecure_algorithm(&error) {
                Some(algorithm) => format!("its self-signature uses {algorithm}"),
                None => error_chain(error.as_ref()),
            };
            return KeyInfo {
                fingerprint,
                user_id,
                state: KeyState::Unusable(reason),
                expires_at: None,
            };
        }
    };
    let expires_at = valid
        .primary_key()
        .key_expiration_time()
        .and_then(|time| Timestamp::try_from(time).ok());
    let state = if is_revoked {
        KeyState::Revoked
    } else if valid.alive().is_err() {
        KeyState::Expired
    } else {
        let keys = valid.keys().supported().alive().revoked(false);
        match keys.for_signing().next() {
            Some(_) => KeyState::Valid,
            None => KeyState::Unusable("it contains no valid key that signs".to_owned()),
        }
    };
    KeyInfo {
        fingerprint,
        user_id,
        state,
        expires_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_files(files: &[String]) -> Result<Keyring, Error> {
        read_keyrings(&KeyringSpec {
            files: files.to_vec(),
            keys: Vec::new(),
        })
    }

    #[test]
    fn keys_that_the_source_does_not_name_are_not_accepted() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("keyring.gpg").display().to_string();
        let [named, other] =
            [(); 2].map(|()| sqern_testkit::repo::SigningKey::generate().expect("a key"));
        let both = [&named, &other]
            .map(|key| key.keyring().expect("a keyring"))
            .concat();
        std::fs::write(&file, both).expect("written");
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = "2025-12-01T00:00:00Z".parse().expect("a time");
        let verdicts = |keys: &[&sqern_testkit::repo::SigningKey]| {
            let spec = KeyringSpec {
                files: vec![file.clone()],
                keys: keys.iter().map(|key| key.fingerprint()).collect(),
            };
            let keyring = read_keyrings(&spec).expect("keys");
            [&named, &other].map(|key| {
                let signature = key.sign_bytes(b"text", at).expect("signed");
                keyring.verify(Signed::Text(b"text"), &signature, now.into())
            })
        };
        let [first, second] = verdicts(&[&named]);
        assert_eq!(first, Verdict::Good(named.fingerprint()));
        let expected = format!("the source does not accept key {}", other.fingerprint());
        assert!(
            matches!(&second, Verdict::UnknownKey(reason) if reason.contains(&expected)),
            "{second:?}"
        );
        assert!(
            verdicts(&[])
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Good(_)))
        );
    }

    #[test]
    fn keys_are_described_with_their_state() {
        use sequoia_openpgp::types::HashAlgorithm;
        use sqern_testkit::repo::SigningKey;
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = "2024-01-01T00:00:00Z".parse().expect("a time");
        let life = std::time::Duration::from_secs(366 * 86_400 * 10);
        let key = SigningKey::expiring(life).expect("a key");
        let old = SigningKey::expiring(life / 10).expect("a key");
        for (key, expected) in [
            (key.clone(), KeyState::Valid),
            (old, KeyState::Expired),
            (key.revoked().expect("a key"), KeyState::Revoked),
            (
                key.bound_with(at, life, HashAlgorithm::SHA1)
                    .expect("a key"),
                KeyState::Valid,
            ),
            (
                key.bound_with(at, life, HashAlgorithm::MD5).expect("a key"),
                KeyState::Unusable("its self-signature uses MD5".to_owned()),
            ),
        ] {
            let keys = KeySet::parse("here", &key.keyring().expect("a keyring")).expect("a key");
            let info = keys.describe(now).remove(0);
            assert_eq!(
                (info.state, info.fingerprint),
                (expected, key.fingerprint())
            );
            assert!(
                info.user_id
                    .is_some_and(|id| id.contains("sqern test archive"))
            );
        }
    }

    #[test]
    fn keyring_that_is_not_a_regular_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        let fifo = folder.path().join("keyring.gpg").display().to_string();
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo runs").success());
        let error = read_files(std::slice::from_ref(&fifo)).expect_err("a FIFO");
        assert_eq!(
            error.to_string(),
            format!("could not read keyring {fifo}: not a regular file")
        );
        let large = folder.path().join("large.gpg");
        let file = std::fs::File::create(&large).expect("created");
        file.set_len(CONFIGURATION_BYTES + 1).expect("extended");
        let error = read_files(&[large.display().to_string()]).expect_err("too large");
        assert!(
            error
                .to_string()
                .ends_with("the file has more than 4194304 bytes"),
            "{error}"
        );
    }

    #[test]
    fn missing_keyrings_are_not_errors() {
        let keyring = read_files(&["/nonexistent/keyring.gpg".to_owned()]).expect("nothing read");
        assert!(!keyring.is_found() && keyring.files.is_empty());
    }
}
