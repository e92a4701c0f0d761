use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};

use super::*;
use crate::Store;

/// Returns the directories and links that an error of root names, relative to `base`.
fn component(result: Result<(), Error>, base: &Path) -> Option<String> {
    let error = result.err()?;
    assert_eq!(error.kind(), ErrorKind::UnsafeDirectory, "{error}");
    let cause = error.description().cause();
    let (_, rest) = cause.split_once("other users can change ").unwrap();
    let path = Path::new(rest.split_once(" (owner").unwrap().0);
    Some(path.strip_prefix(base).unwrap().display().to_string())
}

fn set(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), None).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn root_rejects_directories_that_others_can_change() {
    if !geteuid().is_root() {
        // An ordinary user can use a directory of the group.
        return;
    }
    let base = tempfile::tempdir().unwrap();
    for (owner, mode, is_safe) in [
        (0, 0o755, true),
        (0, 0o1777, true),
        (0, 0o777, false),
        (0, 0o775, false),
        (1000, 0o755, false),
    ] {
        set(base.path(), owner, mode);
        let is_opened = component(open(base.path(), Missing::Fail).map(drop), base.path());
        assert_eq!(is_opened.is_none(), is_safe, "{owner} {mode:o}");
        // Other users can create files in a subdirectory with the sticky bit.
        let subdirectory = base.path().join("subdirectory");
        fs::create_dir_all(&subdirectory).unwrap();
        set(&subdirectory, owner, mode);
        let parent = fs::File::open(base.path()).unwrap();
        let opened = open_subdirectory(parent, base.path(), "subdirectory", Missing::Fail);
        let found = component(opened.map(drop), base.path());
        assert_eq!(
            found.is_none(),
            is_safe && mode & 0o1000 == 0,
            "{owner} {mode:o}"
        );
    }
}

#[test]
fn root_rejects_paths_that_others_can_replace() {
    if !geteuid().is_root() {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| base.path().join(name);
    fs::create_dir_all(path("parent/directory/store")).unwrap();
    for name in ["parent/directory", "parent/directory/store"] {
        set(&path(name), 0, 0o755);
    }
    // The links are in a directory such as /tmp.
    fs::create_dir(path("links")).unwrap();
    set(&path("links"), 0, 0o1777);
    symlink("../parent/directory", path("links/link")).unwrap();
    symlink(path("links/link"), path("links/chain")).unwrap();
    let names = [
        "parent/directory/store",
        "links/../parent/directory/store",
        "links/link/store",
        "links/chain/store",
    ];
    let rejected = || {
        names.map(|name| {
            let opened = open(&path(name), Missing::Create(0o755)).map(drop);
            let store = Store::open(&path(name)).map(drop);
            let [opened, store] = [opened, store].map(|result| component(result, base.path()));
            assert_eq!(opened, store);
            opened.unwrap_or_default()
        })
    };
    assert_eq!(rejected(), [""; 4]);
    for (owner, mode) in [(0, 0o777), (0, 0o775), (1000, 0o755), (1000, 0o1777)] {
        set(&path("parent"), owner, mode);
        assert_eq!(rejected(), ["parent"; 4], "{owner} {mode:o}");
    }
    set(&path("parent"), 0, 0o1777);
    assert_eq!(rejected(), [""; 4]);

    lchown(path("links/link"), Some(1000), None).unwrap();
    assert_eq!(rejected(), ["", "", "links/link", "links/link"]);
    lchown(path("links/link"), Some(0), None).unwrap();
    lchown(path("links/chain"), Some(1000), None).unwrap();
    assert_eq!(rejected(), ["", "", "", "links/chain"]);
    let new = path("links/chain/new/directory");
    for error in [
        open(&new, Missing::Create(0o755)).map(drop).unwrap_err(),
        Store::open(&new).map(drop).unwrap_err(),
    ] {
        assert_eq!(
            error.description().message(),
            format!(
                "cannot use directory {0}/chain/new/directory as root: other users can change {0}/chain (owner: user ID 1000)",
                path("links").display()
            )
        );
    }
    assert!(!path("parent/directory/new").exists());
}

#[test]
fn group_of_the_system_logs_is_accepted() {
    for (directory, owner, mode, expected) in [
        ("/var/log", 0, 0o775, true),
        ("/var/log", 0, 0o777, false),
        ("/var/log", 104, 0o775, false),
        ("/var/log/sqern", 0, 0o775, false),
        ("/var/lib", 0, 0o775, false),
    ] {
        let is_safe = is_safe(Path::new(directory), owner, Mode::from_raw_mode(mode));
        assert_eq!(is_safe, expected, "{directory} {owner} {mode:o}");
    }
}

#[test]
fn cyclic_links_are_errors() {
    if !geteuid().is_root() {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    symlink("link", base.path().join("link")).unwrap();
    let error = open(&base.path().join("link"), Missing::Fail).unwrap_err();
    assert!(error.to_string().contains("oo many"), "{error}");
}
