//! Packages that an attacker makes: each is refused by the entry's name, and nothing is written outside.

use std::path::Path;

use sqern_store::{Limits, UnpackError, unpack};
use tar::EntryType;

use crate::package::*;

/// Unpacks into `inside` of a folder whose other contents must not change.
fn refused(entries: &[Entry]) -> String {
    refused_with(entries, &Limits::default())
}

fn refused_with(entries: &[Entry], limits: &Limits) -> String {
    let (packages, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = deb(packages.path(), entries);
    let inside = place.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(place.path().join("outside"), "untouched").unwrap();
    let error = unpack(&package, &inside, limits).expect_err("refused");
    assert!(matches!(error, UnpackError::Package(_)), "the package is to blame: {error}");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(std::fs::read_to_string(place.path().join("outside")).unwrap(), "untouched");
    error.to_string()
}

/// Asserts that the refusal names the entry.
fn assert_names(told: &str, entry: &str) {
    assert!(told.contains(entry), "{entry:?} in {told:?}");
}

#[test]
fn a_path_out_of_the_tree_is_refused() {
    for path in ["../outside", "usr/../../outside", "./usr/src/../../../outside", "/etc/passwd", "//etc/passwd"] {
        let told = refused(&[file(path, "evil")]);
        assert_names(&told, path.trim_start_matches("./").trim_start_matches('/').split('/').next_back().unwrap());
    }
}

#[test]
fn a_file_through_a_link_is_refused_wherever_the_link_leads() {
    for to in ["..", ".", "folder", "/usr/src"] {
        let told = refused(&[folder("usr"), folder("usr/folder"), link("usr/way", to), file("usr/way/outside", "evil")]);
        assert_names(&told, "usr/way");
    }
    let told = refused(&[folder("usr"), link("usr/way", ".."), folder("usr/way/x"), file("usr/way/x/y", "evil")]);
    assert_names(&told, "usr/way");
}

#[test]
fn a_link_that_leads_out_of_the_tree_is_refused_or_left_out() {
    let told = refused(&[folder("usr"), link("usr/way", "../../outside")]);
    assert_names(&told, "usr/way");
    let (packages, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = deb(packages.path(), &[folder("usr"), folder("usr/src"), link("usr/src/way", "/etc/passwd")]);
    let unpacked = unpack(&package, place.path(), &Limits::default()).unwrap();
    assert_eq!((unpacked.relinked.len(), &unpacked.relinked[0].now), (1, &None), "an absolute one is left out, and told");
    assert!(place.path().join("usr/src/way").symlink_metadata().is_err());
}

#[test]
fn a_hard_link_to_what_the_package_did_not_write_is_refused() {
    for to in ["../outside", "/etc/passwd", "usr/nothing"] {
        let told = refused(&[folder("usr"), hard_link("usr/way", to)]);
        assert!(told.contains("usr/way") || told.contains(to), "{told}");
    }
    let told = refused(&[folder("usr"), link("usr/a", "b"), hard_link("usr/c", "usr/a")]);
    assert_names(&told, "usr/c");
}

#[test]
fn devices_and_pipes_are_refused() {
    for kind in [EntryType::Block, EntryType::Char, EntryType::Fifo] {
        assert_names(&refused(&[folder("usr"), folder("usr/src"), of_kind("usr/src/thing", kind)]), "usr/src/thing");
    }
}

#[test]
fn set_id_and_sticky_bits_are_refused() {
    for mode in [0o4755, 0o2755, 0o1755] {
        assert_names(&refused(&[folder("usr"), Entry { mode, ..file("usr/program", "x") }]), "usr/program");
    }
}

#[test]
fn the_same_path_twice_with_other_content_is_refused() {
    assert_names(&refused(&[folder("usr"), file("usr/a", "one"), file("usr/a", "two")]), "usr/a");
    assert_names(&refused(&[folder("usr"), file("usr/a", "one"), link("usr/a", "b")]), "usr/a");
    assert_names(&refused(&[folder("usr"), link("usr/a", "b"), folder("usr/a")]), "usr/a");
}

#[test]
fn a_name_that_is_not_utf8_or_has_control_characters_is_refused() {
    let told = refused(&[folder("usr"), Entry { path: b"usr/\xff\xfe".to_vec(), ..file("", "x") }]);
    assert!(told.contains("usr/"), "{told}");
    let told = refused(&[folder("usr"), file("usr/a\u{1b}[31mb", "x")]);
    assert!(!told.contains('\u{1b}'), "what a terminal would obey is not shown: {told:?}");
}

#[test]
fn what_is_more_than_allowed_is_refused() {
    let few = Limits { entries: 3, ..Limits::default() };
    let entries: Vec<Entry> = (0..9).map(|number| file(&format!("a{number}"), "")).collect();
    assert_names(&refused_with(&entries, &few), "3");
    let small = Limits { plain_bytes: 64 * 1024, ..Limits::default() };
    let bomb = [file("zeros", &"\0".repeat(1024 * 1024))];
    assert!(refused_with(&bomb, &small).contains("65536 bytes"));
    let flat = Limits { depth: 3, ..Limits::default() };
    assert_names(&refused_with(&[file("a/b/c/d/e", "")], &flat), "a/b/c/d/e");
}

#[test]
fn a_package_that_is_cut_or_another_file_is_refused() {
    let (packages, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = deb(packages.path(), &[folder("usr"), file("usr/a", &"text".repeat(4096))]);
    let bytes = std::fs::read(&package).unwrap();
    for length in [0, 7, 60, 130, bytes.len() / 2, bytes.len() - 20] {
        std::fs::write(&package, &bytes[..length]).unwrap();
        let error = unpack(&package, place.path(), &Limits::default()).expect_err("cut");
        assert!(matches!(error, UnpackError::Package(_)), "{length}: {error}");
    }
    for (name, content) in [("x.deb", "<html></html>"), ("x.rpm", "!<arch>\n"), ("x.txt", "!<arch>\n")] {
        let path = packages.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert!(unpack(&path, place.path(), &Limits::default()).is_err(), "{name}");
    }
}

#[test]
fn a_right_package_is_written_as_it_is() {
    let (packages, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let entries = [
        folder("./"),
        folder("./usr/"),
        folder("./usr/src/"),
        file("./usr/src/a", "text"),
        Entry { mode: 0o755, ..file("./usr/src/program", "#!/bin/sh\n") },
        link("./usr/src/way", "a"),
        hard_link("./usr/src/again", "./usr/src/a"),
        link("./usr/src/shared", "/usr/src/a"),
    ];
    let package = deb(packages.path(), &entries);
    let unpacked = unpack(&package, place.path(), &Limits::default()).unwrap();
    assert_eq!((unpacked.files, unpacked.symlinks, unpacked.hard_links), (2, 2, 1));
    let read = |path: &str| std::fs::read_to_string(place.path().join(path)).unwrap();
    assert_eq!(
        (read("usr/src/way").as_str(), read("usr/src/again").as_str(), read("usr/src/shared").as_str()),
        ("text", "text", "text")
    );
    assert_eq!(
        std::fs::read_link(place.path().join("usr/src/shared")).unwrap(),
        Path::new("a"),
        "an absolute link becomes a relative one"
    );
    let other = deb(packages.path(), &[folder("usr"), folder("usr/src"), file("usr/src/a", "text"), file("usr/src/b", "")]);
    let again = unpack(&other, place.path(), &Limits::default()).unwrap();
    assert_eq!((again.files, again.shared), (1, 1), "what is the same in two packages is shared");
    let third = deb(packages.path(), &[folder("usr"), folder("usr/src"), file("usr/src/a", "another")]);
    assert!(unpack(&third, place.path(), &Limits::default()).is_err());
}
