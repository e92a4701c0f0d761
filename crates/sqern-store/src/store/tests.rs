use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
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
    symlink("usr", staged.root().join("build")).unwrap();
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

/// Returns a store with one tree, and a directory with one file outside the store.
fn store_and_victim() -> (tempfile::TempDir, Store, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store")).unwrap();
    create(&store, "all:");
    let victim = directory.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "content").unwrap();
    (directory, store, victim)
}

fn replace_with_link(path: &Path, target: &Path) {
    fs::rename(path, path.with_extension("moved")).unwrap();
    symlink(target, path).unwrap();
}

/// Runs every operation that changes a store, or that returns files for use. Returns the names of
/// the operations that did not fail.
fn accepted(store: &Store) -> Vec<&'static str> {
    let checksum = "a".repeat(64);
    let staged = || {
        let staged = store.begin(&kernel())?.unwrap();
        let manifest = manifest(staged.root());
        staged.commit(&manifest)
    };
    [
        ("open", Store::open(store.root()).map(drop)),
        ("commit", staged().map(drop)),
        ("scratch", store.scratch().map(drop)),
        ("cached", store.cached(&checksum, 3, "deb").map(drop)),
        ("prune", store.prune_cache(&[].into(), false).map(drop)),
        ("use", store.usable_tree(&kernel()).map(drop)),
        ("remove", store.remove(&kernel())),
    ]
    .into_iter()
    .filter_map(|(name, result)| match result {
        Ok(()) => Some(name),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::UnsafeDirectory, "{name}: {error}");
            None
        }
    })
    .collect()
}

#[test]
fn links_in_a_store_are_not_followed() {
    for (link, expected) in [
        (".staging", vec!["cached", "prune", "use"]),
        (".cache", vec!["commit", "scratch", "use", "remove"]),
        ("debian12", vec!["open", "scratch", "cached", "prune"]),
        (
            ".cache/sha256",
            vec!["open", "commit", "scratch", "use", "remove"],
        ),
        (
            ".staging/scratch",
            vec!["open", "commit", "cached", "prune", "use", "remove"],
        ),
    ] {
        let (_directory, store, victim) = store_and_victim();
        fs::create_dir_all(store.root().join(".cache/sha256/aa")).unwrap();
        store.scratch().unwrap();
        // An attacker can prepare the directories and files that sqern expects.
        fs::create_dir_all(victim.join("6.1.0-25-amd64")).unwrap();
        fs::create_dir_all(victim.join("sha256/aa")).unwrap();
        fs::create_dir_all(victim.join("aa")).unwrap();
        fs::write(victim.join("sha256/aa/file.deb"), "").unwrap();
        fs::write(victim.join("aa/file.deb"), "").unwrap();
        replace_with_link(&store.root().join(link), &victim);
        assert_eq!(accepted(&store), expected, "{link}");
        let remaining = |path: &str| {
            let names = fs::read_dir(victim.join(path)).unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(
            remaining(""),
            ["6.1.0-25-amd64", "aa", "file", "sha256"],
            "{link}"
        );
        assert_eq!(remaining("sha256/aa"), ["file.deb"], "{link}");
        assert_eq!(remaining("aa"), ["file.deb"], "{link}");
    }
}

#[test]
fn links_are_removed_instead_of_their_targets() {
    let (_directory, store, victim) = store_and_victim();
    let tree = store.tree(&kernel()).unwrap();
    replace_with_link(&tree, &victim);
    let staging = store.root().join(".staging");
    symlink(&victim, staging.join("removed-debian12@6.1.0-25-amd64")).unwrap();
    symlink(&victim, staging.join("debian12@6.1.0-25-amd64")).unwrap();
    assert!(matches!(
        store.find(&kernel()).unwrap(),
        Some(Found::Invalid(error)) if error.kind() == ErrorKind::UnsafeDirectory
    ));
    assert!(store.usable_tree(&kernel()).is_err());
    store.remove(&kernel()).unwrap();
    assert!(fs::symlink_metadata(&tree).is_err());
    create(&store, "all:");
    assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "content");
}

#[test]
fn files_that_are_not_regular_do_not_block_a_reader() {
    let (_directory, store, _) = store_and_victim();
    let tree = store.tree(&kernel()).unwrap();
    let Some(Found::Tree(manifest)) = store.find(&kernel()).unwrap() else {
        panic!("the tree is invalid")
    };
    let fifo = |path: &Path| {
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0).unwrap();
    };
    fifo(&tree.join("fifo"));
    let error = store.verify(&kernel(), &manifest).unwrap_err();
    assert!(error.to_string().contains("regular file"), "{error}");
    fs::remove_file(tree.join(manifest::MANIFEST)).unwrap();
    fifo(&tree.join(manifest::MANIFEST));
    assert!(matches!(
        store.find(&kernel()).unwrap(),
        Some(Found::Invalid(_))
    ));
    fifo(&store.root().join(".staging/fifo"));
    assert!(!store.is_busy().unwrap());
}

#[test]
fn root_rejects_stores_with_directories_of_other_users() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let all = [
        "open", "commit", "scratch", "cached", "prune", "use", "remove",
    ];
    for (name, rejected) in [
        ("", &all[..]),
        (".staging", &["open", "commit", "scratch", "remove"]),
        (".staging/scratch", &["scratch"]),
        (".cache", &["open", "cached", "prune"]),
        (".cache/sha256", &["cached", "prune"]),
        (".cache/sha256/aa", &["cached", "prune"]),
        ("debian12", &["open", "commit", "use", "remove"]),
        ("debian12/6.1.0-25-amd64", &["use"]),
    ] {
        for (owner, mode) in [(65534, 0o755), (0, 0o775)] {
            let (_directory, store, _) = store_and_victim();
            fs::create_dir_all(store.root().join(".cache/sha256/aa")).unwrap();
            store.scratch().unwrap();
            let path = store.root().join(name);
            std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            // Other users can read the store.
            let reader = Store::open_read_only(store.root()).unwrap();
            assert!(matches!(
                reader.find(&kernel()).unwrap(),
                Some(Found::Tree(_))
            ));
            assert_eq!(reader.kernels().unwrap().len(), 1);
            assert_eq!(
                store.usable_tree(&kernel()).is_err(),
                rejected.contains(&"use")
            );
            let accepted = accepted(&store);
            for operation in all.iter().filter(|operation| **operation != "use") {
                let is_accepted = accepted.contains(operation);
                assert_eq!(
                    is_accepted,
                    !rejected.contains(operation),
                    "{name:?} {operation}"
                );
            }
        }
    }
}

#[test]
fn commit_sets_the_mode_of_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let staged = store.begin(&kernel()).unwrap().unwrap();
    fs::set_permissions(staged.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let manifest = manifest(staged.root());
    let tree = staged.commit(&manifest).unwrap();
    let mode = fs::metadata(&tree).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert_eq!(store.usable_tree(&kernel()).unwrap(), Some(tree));
}

#[test]
fn reading_a_store_creates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open_read_only(&path).unwrap();
    assert!(store.kernels().unwrap().is_empty() && !store.is_busy().unwrap());
    assert_eq!(store.find(&kernel()).unwrap(), None);
    assert_eq!(
        store.prune_cache(&[].into(), true).unwrap(),
        Pruned::default()
    );
    assert!(!path.exists());
}
