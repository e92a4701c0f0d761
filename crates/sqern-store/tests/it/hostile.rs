//! Packages that would write outside the tree or create unsafe files. The errors name the entry.

use sqern_testkit::package::{ItemKind, Payload, RpmFile};

use crate::support::{UnpackTest, deb, rejection, rpm};

/// Asserts that both formats reject the payload with the message `expected`.
fn assert_rejected(payload: &Payload, expected: &str) {
    assert_eq!(
        rejection(UnpackTest::new().unpack("a.deb", &deb(payload))),
        expected,
        ".deb"
    );
    assert_eq!(
        rejection(UnpackTest::new().unpack("a.rpm", &rpm(payload))),
        expected,
        ".rpm"
    );
}

fn base_payload() -> Payload {
    Payload::new().file("usr/src/a/Makefile", "all:\n")
}

#[test]
fn paths_out_of_the_package_are_invalid() {
    let expected = "expected a path within the package, found a path with \"..\", at ";
    assert_rejected(
        &base_payload().file("usr/../../beside", "x"),
        &format!("{expected}./usr/../../beside"),
    );
    assert_rejected(
        &base_payload().directory("../in"),
        &format!("{expected}./../in"),
    );
    assert_rejected(
        &base_payload().symlink("..", "a"),
        &format!("{expected}./.."),
    );
}

#[test]
fn hard_links_out_of_the_package_are_invalid() {
    let message = rejection(UnpackTest::new().unpack(
        "a.deb",
        &deb(&base_payload().hard_link("usr/b", "../beside")),
    ));
    assert_eq!(
        message,
        "expected a path within the package, found a path with \"..\", at ./../beside"
    );
    let message = rejection(
        UnpackTest::new().unpack("a.deb", &deb(&base_payload().hard_link("usr/b", "usr/c"))),
    );
    let expected = "cannot create hard link usr/b: no file usr/c precedes it in the package";
    assert_eq!(message, expected);
    // The target is a symbolic link.
    let payload = base_payload()
        .symlink("usr/c", "src")
        .hard_link("usr/b", "usr/c");
    let message = rejection(UnpackTest::new().unpack("a.deb", &deb(&payload)));
    assert!(
        message.ends_with("no file usr/c precedes it in the package"),
        "{message}"
    );
}

#[test]
fn symbolic_links_out_of_the_tree_are_invalid() {
    let expected =
        "expected a link within the package, found a link out of the package, at usr/b -> ";
    for target in [
        "../../beside",
        "../..",
        "../src/../../../etc",
        "/usr/src/../../../etc",
    ] {
        assert_rejected(
            &base_payload().symlink("usr/b", target),
            &format!("{expected}{target}"),
        );
    }
}

#[test]
fn files_below_a_link_are_invalid() {
    let expected = "expected a directory at \"link\", found a symbolic link, at usr/link/x";
    assert_rejected(
        &base_payload()
            .symlink("usr/link", "src")
            .file("usr/link/x", "x"),
        expected,
    );
    assert_rejected(
        &base_payload()
            .symlink("usr/link", "src/a")
            .directory("usr/link/x"),
        expected,
    );
    assert_rejected(
        &base_payload()
            .symlink("usr/link", "nowhere")
            .symlink("usr/link/x", "y"),
        expected,
    );
    let directory = "expected a directory at \"link\", found a symbolic link, at usr/link";
    assert_eq!(
        rejection(
            UnpackTest::new().unpack(
                "a.deb",
                &deb(&base_payload()
                    .symlink("usr/link", "src")
                    .directory("usr/link"))
            )
        ),
        directory
    );
    let hard = base_payload()
        .symlink("usr/link", "src/a")
        .hard_link("usr/x", "usr/link/Makefile");
    let message = rejection(UnpackTest::new().unpack("a.deb", &deb(&hard)));
    assert!(
        message.contains("found a symbolic link, at usr/x link to usr/link/Makefile"),
        "{message}"
    );
}

#[test]
fn parents_of_linked_directories_stay_in_the_tree() {
    // `usr/l` is the root, so `l/../beside` would be outside the root.
    let test = UnpackTest::new();
    let payload = base_payload()
        .symlink("usr/l", "..")
        .symlink("usr/m", "l/../beside");
    let unpacked = test.unpack("a.deb", &deb(&payload)).unwrap();
    assert_eq!(unpacked.relinked[0].now.as_deref(), Some("beside"));
    assert!(test.tree().contains(&"usr/m -> beside".to_owned()));
}

#[test]
fn files_below_a_file_are_invalid() {
    let expected = "expected a directory at \"Makefile\", found a file, at usr/src/a/Makefile/x";
    assert_rejected(&base_payload().file("usr/src/a/Makefile/x", "x"), expected);
}

#[test]
fn duplicate_paths_are_invalid() {
    let expected = "cannot unpack usr/src/a/Makefile: the package contains the path twice";
    assert_rejected(
        &base_payload().file("usr/src/a/Makefile", "all:\n"),
        expected,
    );
    let link = "cannot unpack usr/l: the package contains the path twice";
    assert_rejected(
        &base_payload().symlink("usr/l", "a").symlink("usr/l", "a"),
        link,
    );
    // In an rpm, the second entry would differ from the header.
    let in_deb = |payload: Payload| rejection(UnpackTest::new().unpack("a.deb", &deb(&payload)));
    assert_eq!(
        in_deb(base_payload().file("usr/src/a/Makefile", "other")),
        expected
    );
    assert_eq!(
        in_deb(base_payload().symlink("usr/src/a/Makefile", "x")),
        expected
    );
    assert_eq!(
        in_deb(base_payload().hard_link("usr/src/a/Makefile", "usr/src/a/Makefile")),
        expected
    );
    assert_eq!(
        in_deb(base_payload().symlink("usr/l", "a").file("usr/l", "x")),
        link
    );
    let message = in_deb(base_payload().directory("usr/b").file("usr/b", "x"));
    assert_eq!(
        message,
        "expected a free path for a new file, found a directory, at usr/b"
    );
    let test = UnpackTest::new();
    assert!(
        test.unpack(
            "a.deb",
            &deb(&base_payload()
                .directory("usr")
                .directory("usr")
                .directory("usr/src/a"))
        )
        .is_ok()
    );
}

#[test]
fn devices_and_fifos_are_invalid() {
    for (kind, message) in [
        (ItemKind::CharDevice, "a character device"),
        (ItemKind::BlockDevice, "a block device"),
        (ItemKind::Fifo, "a FIFO"),
    ] {
        assert_rejected(
            &base_payload().item("usr/x", kind),
            &format!("expected a file, a directory or a link, found {message}, at ./usr/x"),
        );
    }
}

#[test]
fn set_id_and_sticky_bits_are_invalid() {
    for mode in [0o4755, 0o2755, 0o1644] {
        let expected = format!(
            "expected a mode without set-id and sticky bits, found mode {mode:04o}, at ./usr/x"
        );
        assert_rejected(&base_payload().file("usr/x", "x").mode(mode), &expected);
    }
    assert_rejected(
        &base_payload().directory("usr/x").mode(0o1777),
        "expected a mode without set-id and sticky bits, found mode 1777, at ./usr/x",
    );
}

#[test]
fn names_that_are_not_printable_text_are_invalid() {
    assert_rejected(
        &base_payload().file(b"usr/\xff\xfe", "x"),
        "expected a path in UTF-8, found other bytes, at ./usr/\\xff\\xfe",
    );
    assert_rejected(
        &base_payload().file("usr/a\nb\u{1b}[2J", "x"),
        "expected a path without control characters, found control characters, at ./usr/a\\nb\\u{1b}[2J",
    );
    assert_rejected(
        &base_payload().symlink("usr/x", b"\xff"),
        "expected a link target in UTF-8, found other bytes, at usr/x -> \\xff",
    );
    assert_rejected(
        &base_payload().symlink("usr/x", ""),
        "expected a link target, found an empty text, at usr/x -> ",
    );
}

#[test]
fn skipped_entries_are_checked_too() {
    assert_rejected(
        &base_payload().file("usr/share/doc/../../../../beside", "x"),
        "expected a path within the package, found a path with \"..\", at ./usr/share/doc/../../../../beside",
    );
    assert_rejected(
        &base_payload().file("usr/share/x", "x").mode(0o4755),
        "expected a mode without set-id and sticky bits, found mode 4755, at ./usr/share/x",
    );
}

#[test]
fn other_absolute_links_are_omitted_and_reported() {
    for (name, bytes) in [
        ("a.deb", deb(&absolute_link())),
        ("a.rpm", rpm(&absolute_link())),
    ] {
        let test = UnpackTest::new();
        let unpacked = test.unpack(name, &bytes).unwrap();
        assert_eq!(unpacked.relinked[0].path, "usr/src/a/passwd");
        assert_eq!(
            (unpacked.relinked[0].was.as_str(), &unpacked.relinked[0].now),
            ("/etc/passwd", &None)
        );
        assert!(!test.root().join("usr/src/a/passwd").exists());
    }
}

fn absolute_link() -> Payload {
    base_payload().symlink("usr/src/a/passwd", "/etc/passwd")
}

#[test]
fn rpm_payload_must_match_the_header() {
    let test = UnpackTest::new();
    let file = |listed: Payload, payload: Payload| {
        RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
            .payload(&payload)
            .listed(&listed)
            .bytes()
            .unwrap()
    };
    let message = rejection(test.unpack(
        "a.rpm",
        &file(base_payload(), base_payload().file("usr/b", "x")),
    ));
    assert_eq!(
        message,
        "expected a file that the header lists, found another file, at ./usr/b"
    );
    let message = rejection(test.unpack(
        "a.rpm",
        &file(
            base_payload().symlink("usr/b", "x"),
            Payload::new().file("usr/b", "x"),
        ),
    ));
    assert_eq!(
        message,
        "expected an entry of mode 120777 as in the header, found 100644, at ./usr/b"
    );
}

#[test]
fn rpm_files_must_match_their_checksums() {
    let file = RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
        .payload(&base_payload())
        .listed(&Payload::new().file("usr/src/a/Makefile", "ALL:\n"));
    let message = rejection(UnpackTest::new().unpack("a.rpm", &file.bytes().unwrap()));
    assert!(
        message.starts_with("expected sha256 ")
            && message.contains(" as in the package header, found "),
        "{message}"
    );
    assert!(message.ends_with(", at usr/src/a/Makefile"), "{message}");
}
