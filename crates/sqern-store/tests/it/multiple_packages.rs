//! Several packages of one kernel go into one folder.

use std::fs;

use sqern_testkit::package::Payload;

use crate::support::{Place, deb, refusal, rpm};

fn first() -> Payload {
    Payload::new().file("usr/src/shared", "same").symlink("usr/src/link", "shared").folder("usr/src/folder")
}

#[test]
fn folders_and_like_files_are_shared() {
    for (name, build) in [("a.deb", deb as fn(&Payload) -> Vec<u8>), ("a.rpm", rpm)] {
        let place = Place::new();
        place.unpack(name, &build(&first())).unwrap();
        let second = first().file("usr/src/folder/new", "new").hard_link("usr/src/other", "usr/src/shared");
        let unpacked = place.unpack(name, &build(&second)).unwrap();
        assert_eq!((unpacked.files + unpacked.hard_links, unpacked.shared), (2, 2), "{name}");
        assert_eq!(fs::read(place.root().join("usr/src/other")).unwrap(), b"same");
        // A name that is a hard link in one package and a file in the other.
        let unpacked = place.unpack(name, &build(&second)).unwrap();
        assert_eq!((unpacked.files, unpacked.shared), (0, 4), "{name}");
    }
}

#[test]
fn the_same_path_with_other_content_is_refused() {
    for (payload, words) in [
        (Payload::new().file("usr/src/shared", "else"), "expected the same content as in another package, found other content"),
        (
            Payload::new().file("usr/src/shared", "longer"),
            "expected the same size and mode as in another package, found another size or mode",
        ),
        (
            Payload::new().file("usr/src/shared", "same").mode(0o755),
            "expected the same size and mode as in another package, found another size or mode",
        ),
    ] {
        let place = Place::new();
        place.unpack("a.deb", &deb(&first())).unwrap();
        assert_eq!(refusal(place.unpack("b.deb", &deb(&payload))), format!("{words}, at usr/src/shared"));
        assert_eq!(refusal(place.unpack("b.rpm", &rpm(&payload))), format!("{words}, at usr/src/shared"));
    }
}

#[test]
fn another_link_or_kind_at_the_same_path_is_refused() {
    for (payload, words) in [
        (
            Payload::new().symlink("usr/src/link", "other"),
            "expected a free path for another link, found a symbolic link, at usr/src/link",
        ),
        (
            Payload::new().file("usr/src/link", "same"),
            "expected a free path for a new file, found a symbolic link, at usr/src/link",
        ),
        (Payload::new().file("usr/src/folder", ""), "expected a free path for a new file, found a directory, at usr/src/folder"),
        (Payload::new().file("usr/src/link/x", ""), "expected a directory at \"link\", found a symbolic link, at usr/src/link/x"),
    ] {
        let place = Place::new();
        place.unpack("a.deb", &deb(&first())).unwrap();
        assert_eq!(refusal(place.unpack("b.deb", &deb(&payload))), words);
    }
}

#[test]
fn a_file_of_another_package_is_not_linked_to() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&first())).unwrap();
    let got = refusal(place.unpack("b.deb", &deb(&Payload::new().hard_link("usr/src/x", "usr/src/shared"))));
    assert!(got.starts_with("expected a hard link to an earlier file of the package"), "{got}");
}
