use std::fs;
use std::path::Path;

use sqern_model::{Kernel, PackageRole};

use super::*;

fn kernel() -> Kernel {
    Kernel { distro: "debian12".parse().unwrap(), version: "6.1.0-25-amd64".parse().unwrap() }
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
    };
    Manifest {
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

fn made(store: &Store, text: &str) -> Manifest {
    let staged = store.begin(&kernel()).unwrap().expect("nobody else makes it");
    fs::create_dir(staged.root().join("usr")).unwrap();
    fs::write(staged.root().join("usr/Makefile"), text).unwrap();
    std::os::unix::fs::symlink("usr", staged.root().join("build")).unwrap();
    let manifest = manifest(staged.root());
    staged.commit(&manifest).unwrap();
    manifest
}

#[test]
fn a_tree_is_there_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.find(&kernel()).unwrap(), None);
    {
        let staged = store.begin(&kernel()).unwrap().expect("nobody else makes it");
        fs::write(staged.root().join("half"), "").unwrap();
        assert!(store.begin(&kernel()).unwrap().is_none(), "it is being made already");
    }
    assert_eq!(store.find(&kernel()).unwrap(), None, "what was not committed is nowhere");
    let manifest = made(&store, "all:");
    assert_eq!(store.find(&kernel()).unwrap(), Some(Found::Tree(Box::new(manifest.clone()))));
    assert_eq!(store.verify(&kernel(), &manifest), Ok(()));
    assert_eq!(store.kernels().unwrap().into_keys().collect::<Vec<_>>(), [kernel()]);
}

#[test]
fn a_tree_that_was_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let manifest = made(&store, "all:");
    let tree = store.tree(&kernel()).unwrap();
    fs::write(tree.join("usr/Makefile"), "all;").unwrap();
    let told = store.verify(&kernel(), &manifest).unwrap_err().to_string();
    assert!(told.contains("an unchanged tree (1 file, 1 link, 4 bytes") && told.contains("sqern store prune"), "{told}");
    fs::write(tree.join(MANIFEST), "{}").unwrap();
    assert!(matches!(store.find(&kernel()).unwrap(), Some(Found::Other(_))));
}

#[test]
fn another_tree_takes_the_place_of_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    made(&store, "old:");
    let manifest = made(&store, "new:");
    assert_eq!(store.verify(&kernel(), &manifest), Ok(()));
    let left: Vec<_> = fs::read_dir(folder.path().join(".staging")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["debian12@6.1.0-25-amd64.lock"], "the old one is gone");
    store.remove(&kernel()).unwrap();
    assert_eq!(store.find(&kernel()).unwrap(), None);
}

#[test]
fn what_one_that_was_killed_left_behind_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let left = folder.path().join(".staging/debian12@6.1.0-25-amd64");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("half"), "").unwrap();
    let staged = store.begin(&kernel()).unwrap().expect("nobody makes it now");
    assert!(!staged.root().join("half").exists());
}

#[test]
fn a_version_that_is_a_path_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for version in ["../../etc", ".cache", "a/b"] {
        let Ok(version) = version.parse() else { continue };
        let kernel = Kernel { version, ..kernel() };
        assert!(store.tree(&kernel).is_err() && store.begin(&kernel).is_err(), "{kernel}");
    }
}

#[test]
fn a_package_is_kept_once_by_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    // "abc", FIPS 180-4
    let checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let Cached::Missing(partial) = store.cached(checksum, 3, "deb").unwrap() else { panic!("an empty cache has nothing") };
    fs::write(partial.path(), "abc").unwrap();
    let kept = partial.keep().unwrap();
    assert!(matches!(store.cached(checksum, 3, "deb").unwrap(), Cached::There(path) if path == kept));
    fs::write(&kept, "abd").unwrap();
    assert!(matches!(store.cached(checksum, 3, "deb").unwrap(), Cached::Missing(_)), "a file that changed is not believed");
    assert!(store.cached("../../x", 3, "deb").is_err());
}

#[test]
fn a_package_is_received_by_one_and_what_came_of_it_stays_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let missing = |checksum: &str| match store.cached(checksum, 3, "deb").unwrap() {
        Cached::Missing(partial) => partial,
        other => panic!("expected a package that is missing, found {other:?}"),
    };
    let first = missing("aa");
    fs::write(first.path(), "ab").unwrap();
    assert!(matches!(store.cached("aa", 3, "deb").unwrap(), Cached::Busy));
    drop(first);
    let second = missing("aa");
    assert_eq!(fs::read(second.path()).unwrap(), b"ab");
    drop(missing("bb"));
    assert_eq!(fs::read_dir(folder.path().join(".cache/sha256/bb")).unwrap().count(), 0, "nothing is not kept");

    let needed = std::collections::BTreeSet::new();
    assert_eq!(store.prune_cache(&needed, false).unwrap(), Pruned::default(), "it is being received");
    drop(second);
    let pruned = Pruned { files: 1, bytes: 2 };
    assert_eq!(store.prune_cache(&needed, true).unwrap(), pruned);
    assert_eq!(store.prune_cache(&needed, false).unwrap(), pruned);
    assert_eq!(store.prune_cache(&needed, false).unwrap(), Pruned::default());
}
