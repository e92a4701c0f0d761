//! Keyrings of sources: their state, and the import of keys.
//!
//! A source names the fingerprints of its keys, so a key can come from any file, package or server.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{
    DistroDef, DistroName, SignaturePolicy, Source, SourceSet, is_fingerprint, join_some,
};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, KeyInfo, KeySet, KeyState, fetch_keys};

use crate::Error;
use crate::blocking::blocking;
use crate::sources::select;
use files::{add_keys, read_keys};

/// The keyring of one or more sources of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyringStatus {
    /// The distribution.
    pub distro: DistroName,
    /// The first existing file; if none exists, the file that an import creates.
    pub keyring: String,
    /// The state of the keyring.
    pub state: KeyringState,
    /// The fingerprints of the accepted keys in the keyring. If there are none, those that the source
    /// names.
    pub keys: Vec<String>,
    /// The reason, if the keyring cannot verify signatures.
    pub reason: Option<String>,
}

/// Whether a keyring can verify signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyringState {
    /// It contains a valid key.
    Present,
    /// No file exists, or the files contain none of the named keys.
    Missing,
    /// The local copies of all keys have expired.
    Expired,
    /// All keys are revoked, expired or insecure, or a file cannot be read.
    Unusable,
}

/// The keys to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// The fingerprints of keys for the sources of `distros` that name no keys, as returned by
    /// [`parse_fingerprint`].
    pub fingerprints: Vec<String>,
    /// Whether no file is written.
    pub dry_run: bool,
    /// The time at which the keys are checked.
    pub now: Timestamp,
}

/// A keyring into which keys were imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportedKeyring {
    /// The distribution.
    pub distro: DistroName,
    /// The file.
    pub keyring: String,
    /// The change of the file. With a dry run, it was not made.
    pub change: KeyringChange,
    /// The fingerprints of the imported keys.
    pub keys: Vec<String>,
}

/// The change of a keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyringChange {
    /// The file was created.
    Created,
    /// Keys were added, or copies of keys were merged.
    Updated,
    /// The file already contained the keys.
    Unchanged,
}

/// The result of [`import`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The keyrings, by distribution.
    pub keyrings: Vec<ImportedKeyring>,
    /// The fingerprints of keys that no source accepts, which were not imported.
    pub skipped: Vec<String>,
    /// The accepted keys that cannot verify signatures, with the reason. They were not imported, because
    /// a source with only such keys fails.
    pub unusable: Vec<String>,
}

/// The result of [`fetch`].
#[derive(Debug, Default)]
pub struct FetchedKeyrings {
    /// The keyrings, by distribution.
    pub keyrings: Vec<ImportedKeyring>,
    /// The errors of URLs and of distributions.
    pub errors: Vec<Error>,
}

/// Keys that could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// No source accepts one of the keys.
    #[error("{file} contains no key that a selected source accepts (found {})", found.join(", "))]
    NoAcceptedKey {
        /// The file or URL.
        file: String,
        /// The fingerprints.
        found: Vec<String>,
    },
    /// The accepted keys cannot verify signatures.
    #[error("cannot import the keys of {file}: {}", reasons.join("; "))]
    Unusable {
        /// The file or URL.
        file: String,
        /// The key and the reason.
        reasons: Vec<String>,
    },
    /// A selected key is not in the file.
    #[error("{file} does not contain key {key}")]
    NoSuchKey {
        /// The file.
        file: String,
        /// The fingerprint.
        key: String,
    },
    /// The sources of a distribution name other keys.
    #[error("the sources of {distro} do not accept key {key}")]
    NotAccepted {
        /// The distribution.
        distro: DistroName,
        /// The fingerprint.
        key: String,
    },
    /// A package contains no keyring.
    #[error("package {file} contains no keyring")]
    NoKeyring {
        /// The file.
        file: String,
    },
    /// No source of a distribution names a URL.
    #[error("the sources of {} contain no URL of their keys", join_some(distros))]
    NoUrl {
        /// The distributions.
        distros: Vec<String>,
    },
}

impl KeyringError {
    /// Returns a command or a sentence that resolves the error.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoAcceptedKey { .. } => {
                "Compare the fingerprint with the website of the vendor. For a source that names no keys: sqern keyring import FILE --distro NAME --fingerprint FINGERPRINT".to_owned()
            }
            Self::Unusable { .. } => {
                "Ask the vendor for a copy of the key with a secure self-signature.".to_owned()
            }
            Self::NoSuchKey { file, .. } => format!("gpg --show-keys {file}"),
            Self::NotAccepted { distro, .. } => format!(
                "Write the output of this command to /etc/sqern/distros.d/{distro}.toml, and add the fingerprint to keys: sqern source show {distro} --toml"
            ),
            Self::NoKeyring { file } => {
                format!("dpkg-deb --contents {file}  # or: rpm -qlp {file}")
            }
            Self::NoUrl { .. } => {
                "Download the key from the vendor, and import it: sqern keyring import FILE --distro NAME --fingerprint FINGERPRINT".to_owned()
            }
        }
    }
}

/// Parses the fingerprint of a key: 40 hexadecimal digits, or 64 for keys of version 6, with or
/// without spaces. Returns it in upper case without spaces.
///
/// # Errors
///
/// Returns a message if the text is not a whole fingerprint.
pub fn parse_fingerprint(text: &str) -> Result<String, String> {
    let digits: String = text.split_whitespace().collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits).to_owned();
    if is_fingerprint(&digits) {
        Ok(digits.to_ascii_uppercase())
    } else {
        Err("expected a fingerprint with 40 hexadecimal digits".to_owned())
    }
}

/// Returns the state of the keyrings of distributions; of all if `distros` is empty. Sources without
/// a keyring, and those whose signatures are not checked, are omitted.
///
/// # Errors
///
/// Returns [`Error::NoSource`] if a distribution is not defined.
pub fn list(
    set: &SourceSet,
    distros: &[DistroName],
    now: Timestamp,
) -> Result<Vec<KeyringStatus>, Error> {
    let mut statuses = Vec::new();
    for distro in select(set, distros)? {
        for keyring in keyrings(distro) {
            statuses.push(status(&distro.name, &keyring, now));
        }
    }
    Ok(statuses)
}

/// Imports the keys of keyrings and packages (`.deb`, `.rpm`) into the keyrings of the sources that
/// name them. The last file of a keyring is written. Existing copies are merged.
///
/// # Errors
///
/// Returns an error if a file cannot be read or written, or contains no accepted key.
pub fn import(
    set: &SourceSet,
    files: &[PathBuf],
    options: &ImportOptions,
) -> Result<Imported, Error> {
    let mut keys = KeySet::default();
    for file in files {
        keys.merge(read_keys(file)?);
    }
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    import_keys(set, &names.join(", "), &keys, options)
}

/// Downloads the keys of sources from the URLs in their definition, and imports them.
///
/// The other URLs are read if one of them fails.
///
/// # Errors
///
/// Returns an error if no selected source names a URL, or if the client cannot be created.
pub async fn fetch(
    set: &SourceSet,
    options: &ImportOptions,
    crawl: &CrawlOptions,
) -> Result<FetchedKeyrings, Error> {
    let mut by_url: BTreeMap<String, Vec<DistroName>> = BTreeMap::new();
    for distro in select(set, &options.distros)? {
        for url in distro.sources.iter().flat_map(Source::key_urls) {
            let distros = by_url.entry(url.clone()).or_default();
            if !distros.contains(&distro.name) {
                distros.push(distro.name.clone());
            }
        }
    }
    let without_url = options
        .distros
        .iter()
        .filter(|name| !by_url.values().any(|distros| distros.contains(name)));
    let without_url: Vec<String> = without_url.map(ToString::to_string).collect();
    let mut fetched = FetchedKeyrings::default();
    if !without_url.is_empty() {
        let error = KeyringError::NoUrl {
            distros: without_url,
        };
        fetched.errors.push(error.into());
    }
    let client = Client::new(ClientOptions::default())?;
    let mut changes: BTreeMap<(DistroName, String), ImportedKeyring> = BTreeMap::new();
    for (url, distros) in by_url {
        let imported = match fetch_keys(&client, &url, crawl).await {
            Ok(keys) => {
                let options = ImportOptions {
                    distros,
                    ..options.clone()
                };
                let set = set.clone();
                blocking("import keys", move || {
                    import_keys(&set, &url, &keys, &options)
                })
                .await?
            }
            Err(error) => Err(error.into()),
        };
        match imported {
            Ok(imported) => {
                for keyring in imported.keyrings {
                    add_change(&mut changes, keyring);
                }
            }
            Err(error) => fetched.errors.push(error),
        }
    }
    fetched.keyrings = changes.into_values().collect();
    Ok(fetched)
}

/// Combines the changes of a keyring by several URLs.
fn add_change(
    changes: &mut BTreeMap<(DistroName, String), ImportedKeyring>,
    keyring: ImportedKeyring,
) {
    let place = (keyring.distro.clone(), keyring.keyring.clone());
    match changes.entry(place) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(keyring);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            if known.change == KeyringChange::Unchanged {
                known.change = keyring.change;
            }
            known.keys.extend(keyring.keys);
            known.keys.sort();
            known.keys.dedup();
        }
    }
}

/// A keyring that sources of a distribution share.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SourceKeyring {
    files: Vec<String>,
    keys: Vec<String>,
}

/// Returns the different keyrings of a distribution.
fn keyrings(distro: &DistroDef) -> Vec<SourceKeyring> {
    let mut keyrings = Vec::new();
    for source in &distro.sources {
        let keyring = SourceKeyring {
            files: source.keyring().to_vec(),
            keys: source.keys().to_vec(),
        };
        let is_used = source.signature() != SignaturePolicy::Off && !keyring.files.is_empty();
        if is_used && !keyrings.contains(&keyring) {
            keyrings.push(keyring);
        }
    }
    keyrings
}

fn status(distro: &DistroName, keyring: &SourceKeyring, now: Timestamp) -> KeyringStatus {
    let with = |file: &str, state, keys: Vec<String>, reason: Option<String>| KeyringStatus {
        distro: distro.clone(),
        keyring: file.to_owned(),
        state,
        keys,
        reason,
    };
    let target = keyring.files.last().map_or("", String::as_str);
    let mut found = None;
    let mut keys = KeySet::default();
    for file in &keyring.files {
        match KeySet::read(Path::new(file)) {
            Ok(Some(read)) => {
                keys.merge(read);
                found = found.or(Some(file));
            }
            Ok(None) => {}
            Err(error) => {
                let (named, reason) = (keyring.keys.clone(), error.to_string());
                return with(file, KeyringState::Unusable, named, Some(reason));
            }
        }
    }
    let Some(file) = found else {
        return with(target, KeyringState::Missing, keyring.keys.clone(), None);
    };
    if !keyring.keys.is_empty() {
        keys = keys.select(&keyring.keys);
    }
    if keys.is_empty() {
        let reason = "the keyring contains none of the keys of the source".to_owned();
        return with(
            file,
            KeyringState::Missing,
            keyring.keys.clone(),
            Some(reason),
        );
    }
    let (state, reason) = evaluate(&keys.describe(now));
    with(file, state, keys.fingerprints(), reason)
}

/// Returns the state of a keyring with these keys, of which there is at least one.
fn evaluate(keys: &[KeyInfo]) -> (KeyringState, Option<String>) {
    if keys.iter().any(|key| key.state == KeyState::Valid) {
        return (KeyringState::Present, None);
    }
    let reasons: Vec<String> = keys
        .iter()
        .map(|key| {
            let id = &key.fingerprint;
            match &key.state {
                KeyState::Valid => format!("key {id} is valid"),
                KeyState::Expired => match key.expires_at {
                    Some(at) => format!("the local copy of key {id} expired at {at}"),
                    None => format!("key {id} has expired"),
                },
                KeyState::Revoked => format!("key {id} is revoked"),
                KeyState::Unusable(reason) => format!("key {id} cannot be used: {reason}"),
            }
        })
        .collect();
    let state = if keys.iter().any(|key| key.state == KeyState::Expired) {
        KeyringState::Expired
    } else {
        KeyringState::Unusable
    };
    (state, Some(reasons.join("; ")))
}

/// Imports the keys that sources accept. `file` names the origin of the keys for errors.
fn import_keys(
    set: &SourceSet,
    file: &str,
    keys: &KeySet,
    options: &ImportOptions,
) -> Result<Imported, Error> {
    let found = keys.fingerprints();
    if let Some(key) = options.fingerprints.iter().find(|key| !found.contains(key)) {
        let (file, key) = (file.to_owned(), key.clone());
        return Err(KeyringError::NoSuchKey { file, key }.into());
    }
    let unusable: BTreeMap<String, String> = keys
        .describe(options.now)
        .into_iter()
        .filter_map(|key| match key.state {
            KeyState::Unusable(reason) => Some((key.fingerprint, reason)),
            _ => None,
        })
        .collect();
    // Sources of a distribution that name different keys can share a file.
    let mut accepted: BTreeMap<(DistroName, String), BTreeSet<String>> = BTreeMap::new();
    for distro in select(set, &options.distros)? {
        let keyrings = keyrings(distro);
        let accepts = |key: &String| {
            let named =
                |keyring: &SourceKeyring| keyring.keys.is_empty() || keyring.keys.contains(key);
            keyrings.iter().any(named)
        };
        if let Some(key) = options.fingerprints.iter().find(|key| !accepts(key)) {
            let (distro, key) = (distro.name.clone(), key.clone());
            return Err(KeyringError::NotAccepted { distro, key }.into());
        }
        for keyring in keyrings {
            let Some(target) = keyring.files.last() else {
                continue;
            };
            let named = if keyring.keys.is_empty() {
                &options.fingerprints
            } else {
                &keyring.keys
            };
            let place = (distro.name.clone(), target.clone());
            let place = accepted.entry(place).or_default();
            place.extend(named.iter().filter(|key| found.contains(key)).cloned());
        }
    }
    accepted.retain(|_, keys| !keys.is_empty());
    if accepted.is_empty() {
        let file = file.to_owned();
        return Err(KeyringError::NoAcceptedKey { file, found }.into());
    }
    let all_accepted: BTreeSet<String> = accepted.values().flatten().cloned().collect();
    let mut imported = Imported {
        skipped: found
            .into_iter()
            .filter(|key| !all_accepted.contains(key))
            .collect(),
        unusable: all_accepted
            .iter()
            .filter_map(|key| Some(format!("key {key}: {}", unusable.get(key)?)))
            .collect(),
        ..Imported::default()
    };
    for ((distro, target), accepted) in accepted {
        let is_usable = |key: &String| !unusable.contains_key(key);
        let accepted: Vec<String> = accepted.into_iter().filter(is_usable).collect();
        if accepted.is_empty() {
            continue;
        }
        let change = add_keys(Path::new(&target), keys.select(&accepted), options.dry_run)?;
        imported.keyrings.push(ImportedKeyring {
            distro,
            keyring: target,
            change,
            keys: accepted,
        });
    }
    if imported.keyrings.is_empty() {
        let (file, reasons) = (file.to_owned(), imported.unusable);
        return Err(KeyringError::Unusable { file, reasons }.into());
    }
    Ok(imported)
}
