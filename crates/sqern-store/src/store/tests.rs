use std::fs;
use std::path::Path;

use sqern_model::{Kernel, KernelVersion, PackageRole};

use super::*;

fn kernel() -> Kernel {
    Kernel {
        distro: "debian12".parse().unwrap(),
        version: "6.1.0-25-amd64".parse().unwrap(),
    }
}

fn manifest(tree: &Path) -> Manifest {
    let package = ManifestPackage {
        role: PackageRole::Headers,
        name: "linux-headers-6.1.0-25-amd64".into(),
        version: "6.1.106-3".into(),
        architecture: "amd64".into(),
        url: "https://mirror.example/a.deb".into(),
        size_bytes: 1,
        checksum: "0".repeat(64),
        source: "bookworm".into(),
        top_url: None,
        top_dated_at: None,
        verified: None,
    };
    Manifest {
        sandbox: None,
        compilers: None,
        schema: Manifest::schema(),
        distro: kernel().distro,
        version: kernel().version,
        architecture: "amd64".into(),
        made_at: "2026-01-01T00:00:00Z".into(),
        packages: vec![package],
        changes: vec![],
        vermagic: Some("6.1.0-25-amd64 SMP".into()),
        tree: digest(tree).unwrap(),
    }
}

fn create(store: &Store, text: &str) -> Manifest {
    let staged = store
        .begin(&kernel())
        .unwrap()
        .expect("no other process prepares the tree");
    fs::create_dir(staged.root().join("usr")).unwrap();
    fs::write(staged.root().join("usr/Makefile"), text).unwrap();
    std::os::unix::fs::symlink("usr", staged.root().join("build")).unwrap();
    let manifest = manifest(staged.root());
    staged.commit(&manifest).unwrap();
    manifest
}

#[test]
fn trees_are_complete_or_absent() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.find(&kernel()).unwrap(), None);
    {
        let staged = store
            .begin(&kernel())
            .unwrap()
            .expect("no other process prepares the tree");
        fs::write(staged.root().join("half"), "").unwrap();
        assert!(
            store.begin(&kernel()).unwrap().is_none(),
            "the tree is being prepared"
        );
    }
    assert_eq!(
        store.find(&kernel()).unwrap(),
        None,
        "an uncommitted tree is removed"
    );
    let manifest = create(&store, "all:");
    assert_eq!(
        store.find(&kernel()).unwrap(),
        Some(Found::Tree(Box::new(manifest.clone())))
    );
    assert_eq!(store.verify(&kernel(), &manifest), Ok(()));
    assert_eq!(
        store.kernels().unwrap().into_keys().collect::<Vec<_>>(),
        [kernel()]
    );
}

#[test]
fn modified_trees_are_detected() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let manifest = create(&store, "all:");
    let tree = store.tree(&kernel()).unwrap();
    fs::write(tree.join("usr/Makefile"), "all;").unwrap();
    let error = store.verify(&kernel(), &manifest).unwrap_err().to_string();
    assert!(
        error.contains("the tree has changed from 1 file, 1 link, 4 bytes")
            && error.contains("sqern store prune"),
        "{error}"
    );
    fs::write(tree.join(manifest::MANIFEST), "{}").unwrap();
    assert!(matches!(
        store.find(&kernel()).unwrap(),
        Some(Found::Invalid(_))
    ));
}

#[test]
fn commit_replaces_an_existing_tree() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    create(&store, "old:");
    let manifest = create(&store, "new:");
    assert_eq!(store.verify(&kernel(), &manifest), Ok(()));
    let remaining: Vec<_> = fs::read_dir(directory.path().join(".staging"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(
        remaining,
        ["debian12@6.1.0-25-amd64.lock"],
        "the replaced tree is removed"
    );
    store.remove(&kernel()).unwrap();
    assert_eq!(store.find(&kernel()).unwrap(), None);
}

#[test]
fn manifest_that_could_not_be_read_again_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let commit = |change: String| {
        let staged = store.begin(&kernel()).unwrap().unwrap();
        fs::write(staged.root().join("file"), "").unwrap();
        let manifest = Manifest {
            changes: vec![change],
            ..manifest(staged.root())
        };
        staged.commit(&manifest)
    };
    let error = commit("x".repeat(4 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidManifest);
    assert!(
        error.to_string().contains("more than the limit of 4194304"),
        "{error}"
    );
    assert_eq!(store.find(&kernel()).unwrap(), None);
    let empty = serde_json::to_string_pretty(&manifest(directory.path())).unwrap();
    let margin = 1000 + empty.len();
    commit("x".repeat((4 << 20) - margin)).unwrap();
    assert!(matches!(
        store.find(&kernel()).unwrap(),
        Some(Found::Tree(_))
    ));
}

#[test]
fn remains_of_an_aborted_preparation_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let staging = directory.path().join(".staging/debian12@6.1.0-25-amd64");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("half"), "").unwrap();
    let staged = store
        .begin(&kernel())
        .unwrap()
        .expect("no other process prepares the tree");
    assert!(!staged.root().join("half").exists());
}

#[test]
fn versions_that_are_paths_are_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for version in ["../../etc", ".cache", "a/b", ".."] {
        // A kernel version of an older schema can contain any characters.
        let kernel = Kernel {
            version: KernelVersion::recorded(version).unwrap(),
            ..kernel()
        };
        assert!(
            store.tree(&kernel).is_err() && store.begin(&kernel).is_err(),
            "{kernel}"
        );
    }
}

#[test]
fn packages_are_cached_by_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    // The SHA-256 of "abc" (FIPS 180-4).
    let checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let Cached::Missing(partial) = store.cached(checksum, 3, "deb").unwrap() else {
        panic!("the cache is empty")
    };
    fs::write(partial.path(), "abc").unwrap();
    let path = partial.publish().unwrap();
    assert!(
        matches!(store.cached(checksum, 3, "deb").unwrap(), Cached::Available(found) if found == path)
    );
    fs::write(&path, "abd").unwrap();
    assert!(
        matches!(
            store.cached(checksum, 3, "deb").unwrap(),
            Cached::Missing(_)
        ),
        "the checksum is verified"
    );
    assert!(store.cached("../../x", 3, "deb").is_err());
}

#[test]
fn one_download_at_a_time_continues_an_incomplete_package() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let missing = |digit: &str| match store.cached(&digit.repeat(64), 3, "deb").unwrap() {
        Cached::Missing(partial) => partial,
        other => panic!("{other:?}"),
    };
    let first = missing("a");
    fs::write(first.path(), "ab").unwrap();
    assert!(matches!(
        store.cached(&"a".repeat(64), 3, "deb").unwrap(),
        Cached::Busy
    ));
    drop(first);
    let second = missing("a");
    assert_eq!(fs::read(second.path()).unwrap(), b"ab");
    drop(missing("b"));
    assert_eq!(
        fs::read_dir(directory.path().join(".cache/sha256/bb"))
            .unwrap()
            .count(),
        0,
        "an empty file is removed"
    );

    let needed = std::collections::BTreeSet::new();
    assert_eq!(
        store.prune_cache(&needed, false).unwrap(),
        Pruned::default(),
        "the package is being downloaded"
    );
    drop(second);
    let pruned = Pruned { files: 1, bytes: 2 };
    assert_eq!(store.prune_cache(&needed, true).unwrap(), pruned);
    assert_eq!(store.prune_cache(&needed, false).unwrap(), pruned);
    assert_eq!(
        store.prune_cache(&needed, false).unwrap(),
        Pruned::default()
    );
}
