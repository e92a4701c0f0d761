//! Tests of keyrings with real keys and packages.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqern_core::Error;
use sqern_core::keyring::{
    ImportOptions, Imported, KeyringChange, KeyringError, KeyringState, fetch, import, list,
};
use sqern_core::sources::load;
use sqern_model::{DistroName, SourceSet};
use sqern_testkit::package::{DebFile, Payload, RpmFile};
use sqern_testkit::repo::{HashAlgorithm, SigningKey};
use sqern_upstream::CrawlOptions;
use tempfile::TempDir;

/// A directory with the distributions `named`, whose sources name a key, and `open`.
struct Fixture {
    directory: TempDir,
    set: SourceSet,
}

impl Fixture {
    fn new(named: &SigningKey) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sources = directory.path().join("distros");
        fs::create_dir(&sources).unwrap();
        for (name, keys) in [
            (
                "named",
                format!(
                    "keys = [{:?}]\nkey-urls = [\"https://vendor.test/key.asc\"]",
                    named.fingerprint().to_lowercase()
                ),
            ),
            ("open", String::new()),
        ] {
            let keyring = directory.path().join(format!("keyrings/{name}.gpg"));
            let keyring = keyring.display();
            let text = format!(
                "name = {name:?}\nvariant = \"X\"\ntitle = \"X\"\n[[source]]\nkind = \"apt\"\nname = \"main\"\nbase = [\"https://h\"]\n\
                 suite = \"s\"\ncomponents = [\"main\"]\narchitectures = [\"amd64\"]\nkeyring = [\"/nonexistent.gpg\", \"{keyring}\"]\n{keys}\n"
            );
            fs::write(sources.join(format!("{name}.toml")), text).unwrap();
        }
        let set = load([sources.as_path()]).unwrap();
        Self { directory, set }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn state(&self, distro: &str) -> KeyringState {
        let statuses = list(&self.set, &[distro.parse().unwrap()], now()).unwrap();
        assert_eq!(statuses.len(), 1);
        assert_eq!(
            Path::new(&statuses[0].keyring),
            self.path(&format!("keyrings/{distro}.gpg"))
        );
        statuses[0].state
    }

    fn import(&self, file: &Path, options: &ImportOptions) -> Result<Imported, Error> {
        import(&self.set, &[file.to_owned()], options)
    }
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn options(distros: &[&str]) -> ImportOptions {
    ImportOptions {
        distros: distros.iter().map(|name| name.parse().unwrap()).collect(),
        now: now(),
        ..ImportOptions::default()
    }
}

fn changes(imported: &Imported) -> Vec<(&str, KeyringChange)> {
    imported
        .keyrings
        .iter()
        .map(|one| (one.distro.as_str(), one.change))
        .collect()
}

#[test]
fn named_keys_are_imported_from_files_and_packages() {
    let (key, other) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    let fixture = Fixture::new(&key);
    let payload = Payload::new()
        .directory("usr/share/keyrings")
        .file("usr/share/keyrings/vendor.gpg", key.keyring().unwrap())
        .file(
            "usr/share/keyrings/other.asc",
            other.armored_keyring().unwrap(),
        )
        .file("usr/share/keyrings/broken.gpg", "no key")
        .file("usr/share/doc/readme", "text");
    let deb = DebFile::new("vendor-keyring", "1", "all").payload(&payload);
    let rpm = RpmFile::new("vendor-keys", "1", "1", "noarch").payload(&payload);
    let armored = [
        other.armored_keyring().unwrap(),
        key.armored_keyring().unwrap(),
    ]
    .concat();
    for file in [
        fixture.write("vendor-keyring.deb", &deb.bytes().unwrap()),
        fixture.write("vendor-keys.rpm", &rpm.bytes().unwrap()),
        fixture.write("vendor.asc", &armored),
    ] {
        assert_eq!(fixture.state("named"), KeyringState::Missing);
        let dry_run = ImportOptions {
            dry_run: true,
            ..options(&[])
        };
        for (options, state) in [
            (&dry_run, KeyringState::Missing),
            (&options(&[]), KeyringState::Present),
        ] {
            let imported = fixture.import(&file, options).unwrap();
            assert_eq!(changes(&imported), [("named", KeyringChange::Created)]);
            assert_eq!(imported.keyrings[0].keys, [key.fingerprint()]);
            assert_eq!(imported.skipped, [other.fingerprint()]);
            assert_eq!(fixture.state("named"), state, "{}", file.display());
        }
        let again = fixture.import(&file, &options(&[])).unwrap();
        assert_eq!(changes(&again), [("named", KeyringChange::Unchanged)]);
        let keyring = fixture.path("keyrings/named.gpg");
        let mode = fs::metadata(&keyring).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        fs::remove_file(keyring).unwrap();
    }
}

#[test]
fn other_keys_are_imported_only_by_fingerprint() {
    let (key, other) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    let fixture = Fixture::new(&key);
    let file = fixture.write("other.gpg", &other.keyring().unwrap());
    let error = fixture.import(&file, &options(&[])).unwrap_err();
    assert!(
        matches!(&error, Error::Keyring(KeyringError::NoAcceptedKey { found, .. }) if *found == [other.fingerprint()])
    );
    let by_fingerprint = |distro: &str, key: &SigningKey| ImportOptions {
        fingerprints: vec![key.fingerprint()],
        ..options(&[distro])
    };
    let error = fixture
        .import(&file, &by_fingerprint("named", &other))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Keyring(KeyringError::NotAccepted { .. })
    ));
    let error = fixture
        .import(&file, &by_fingerprint("open", &key))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Keyring(KeyringError::NoSuchKey { .. })
    ));
    assert!(!fixture.path("keyrings").exists());
    let imported = fixture
        .import(&file, &by_fingerprint("open", &other))
        .unwrap();
    assert_eq!(changes(&imported), [("open", KeyringChange::Created)]);
    assert_eq!(fixture.state("open"), KeyringState::Present);
    // A keyring without a named key is not usable for the source that names it.
    fs::copy(
        fixture.path("keyrings/open.gpg"),
        fixture.path("keyrings/named.gpg"),
    )
    .unwrap();
    assert_eq!(fixture.state("named"), KeyringState::Missing);
}

#[test]
fn newer_copies_are_merged_and_insecure_keys_are_not_imported() {
    let life = Duration::from_secs(366 * 86_400);
    let old = SigningKey::expiring(life).unwrap();
    let at = "2025-06-01T00:00:00Z".parse().unwrap();
    let fixture = Fixture::new(&old);
    let insecure = old.bound_with(at, life * 20, HashAlgorithm::MD5).unwrap();
    let file = fixture.write("insecure.gpg", &insecure.keyring().unwrap());
    let error = fixture.import(&file, &options(&[])).unwrap_err();
    assert!(
        error.to_string().contains("its self-signature uses MD5"),
        "{error}"
    );
    let revoked = old.revoked().unwrap();
    for (key, change, state) in [
        (&old, KeyringChange::Created, KeyringState::Expired),
        (
            &old.prolonged(at, life * 20).unwrap(),
            KeyringChange::Updated,
            KeyringState::Present,
        ),
        (&old, KeyringChange::Unchanged, KeyringState::Present),
        (&revoked, KeyringChange::Updated, KeyringState::Unusable),
    ] {
        let file = fixture.write("key.gpg", &key.keyring().unwrap());
        let imported = fixture.import(&file, &options(&["named"])).unwrap();
        assert_eq!(changes(&imported), [("named", change)]);
        assert_eq!(fixture.state("named"), state);
    }
}

#[tokio::test]
async fn downloaded_keys_are_compared_by_fingerprint() {
    let (key, other) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    let fixture = Fixture::new(&key);
    let mirror = format!("file://{}", fixture.path("mirror").display());
    let crawl = CrawlOptions {
        mirror_base: Some(mirror.parse().unwrap()),
        ..CrawlOptions::new(now())
    };
    let named: DistroName = "named".parse().unwrap();
    for (served, expected) in [
        (None, "No such file"),
        (Some(b"<html>".to_vec()), "an HTML page"),
        (
            Some(other.armored_keyring().unwrap()),
            "contains no key that a selected source accepts",
        ),
    ] {
        if let Some(bytes) = served {
            fixture.write("mirror/vendor.test/key.asc", &bytes);
        }
        let fetched = fetch(&fixture.set, &options(&["named"]), &crawl)
            .await
            .unwrap();
        assert!(fetched.keyrings.is_empty() && fetched.errors.len() == 1);
        let message = fetched.errors[0].to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!fixture.path("keyrings").exists());
    }
    let both = [
        other.armored_keyring().unwrap(),
        key.armored_keyring().unwrap(),
    ]
    .concat();
    fixture.write("mirror/vendor.test/key.asc", &both);
    let fetched = fetch(&fixture.set, &options(&["named"]), &crawl)
        .await
        .unwrap();
    assert!(fetched.errors.is_empty(), "{:?}", fetched.errors);
    assert_eq!(fetched.keyrings[0].distro, named);
    assert_eq!(fetched.keyrings[0].keys, [key.fingerprint()]);
    assert_eq!(fixture.state("named"), KeyringState::Present);
    let without_url = fetch(&fixture.set, &options(&["open"]), &crawl)
        .await
        .unwrap();
    assert_eq!(
        without_url.errors[0].to_string(),
        "the sources of open contain no URL of their keys"
    );
}

#[test]
fn built_in_sources_name_valid_keys_and_one_keyring_to_write() {
    let set = load([]).unwrap();
    let sources: Vec<_> = set
        .distros
        .values()
        .flat_map(|distro| distro.sources.iter().map(move |source| (distro, source)))
        .collect();
    assert!(!sources.is_empty());
    for (distro, source) in sources {
        let target = source.keyring().last().unwrap();
        let prefix = format!("/etc/sqern/keyrings/{}", distro.name);
        assert!(target.starts_with(&prefix), "{} {target}", source.name());
        let has_unknown_keys = ["photon", "proxmox"]
            .iter()
            .any(|vendor| distro.name.as_str().starts_with(vendor));
        assert_eq!(
            source.keys().is_empty(),
            has_unknown_keys,
            "{}",
            distro.name
        );
    }
}
