//! Unpacks several packages of one kernel into the same directory.

use std::fs;

use sqern_testkit::package::Payload;

use crate::support::{UnpackTest, deb, rejection, rpm};

fn first() -> Payload {
    Payload::new()
        .file("usr/src/shared", "same")
        .symlink("usr/src/link", "shared")
        .directory("usr/src/directory")
}

#[test]
fn directories_and_equal_files_are_shared() {
    for (name, build) in [("a.deb", deb as fn(&Payload) -> Vec<u8>), ("a.rpm", rpm)] {
        let test = UnpackTest::new();
        test.unpack(name, &build(&first())).unwrap();
        let second = first()
            .file("usr/src/directory/new", "new")
            .hard_link("usr/src/other", "usr/src/shared");
        let unpacked = test.unpack(name, &build(&second)).unwrap();
        assert_eq!(
            (unpacked.files + unpacked.hard_links, unpacked.shared),
            (2, 2),
            "{name}"
        );
        assert_eq!(
            fs::read(test.root().join("usr/src/other")).unwrap(),
            b"same"
        );
        // A path can be a hard link in one package and a file in another.
        let unpacked = test.unpack(name, &build(&second)).unwrap();
        assert_eq!((unpacked.files, unpacked.shared), (0, 4), "{name}");
    }
}

#[test]
fn different_content_at_the_same_path_is_invalid() {
    for (payload, expected) in [
        (
            Payload::new().file("usr/src/shared", "else"),
            "expected the same content as in another package, found other content",
        ),
        (
            Payload::new().file("usr/src/shared", "longer"),
            "expected the same size and mode as in another package, found another size or mode",
        ),
        (
            Payload::new().file("usr/src/shared", "same").mode(0o755),
            "expected the same size and mode as in another package, found another size or mode",
        ),
    ] {
        let test = UnpackTest::new();
        test.unpack("a.deb", &deb(&first())).unwrap();
        assert_eq!(
            rejection(test.unpack("b.deb", &deb(&payload))),
            format!("{expected}, at usr/src/shared")
        );
        assert_eq!(
            rejection(test.unpack("b.rpm", &rpm(&payload))),
            format!("{expected}, at usr/src/shared")
        );
    }
}

#[test]
fn different_kinds_at_the_same_path_are_invalid() {
    for (payload, expected) in [
        (
            Payload::new().symlink("usr/src/link", "other"),
            "expected a free path for another link, found a symbolic link, at usr/src/link",
        ),
        (
            Payload::new().file("usr/src/link", "same"),
            "expected a free path for a new file, found a symbolic link, at usr/src/link",
        ),
        (
            Payload::new().file("usr/src/directory", ""),
            "expected a free path for a new file, found a directory, at usr/src/directory",
        ),
        (
            Payload::new().file("usr/src/link/x", ""),
            "expected a directory at \"link\", found a symbolic link, at usr/src/link/x",
        ),
    ] {
        let test = UnpackTest::new();
        test.unpack("a.deb", &deb(&first())).unwrap();
        assert_eq!(rejection(test.unpack("b.deb", &deb(&payload))), expected);
    }
}

#[test]
fn hard_links_to_files_of_other_packages_are_invalid() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&first())).unwrap();
    let message = rejection(test.unpack(
        "b.deb",
        &deb(&Payload::new().hard_link("usr/src/x", "usr/src/shared")),
    ));
    assert!(
        message.ends_with(" precedes it in the package"),
        "{message}"
    );
}
