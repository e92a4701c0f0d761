//! Packages that would write elsewhere, or what has no place in a tree: refused, by the entry's name.

use sqern_testkit::package::{ItemKind, Payload, RpmFile};

use crate::support::{Place, deb, refusal, rpm};

/// Both kinds of package refuse the payload with these words.
fn is_refused(payload: &Payload, words: &str) {
    assert_eq!(refusal(Place::new().unpack("a.deb", &deb(payload))), words, ".deb");
    assert_eq!(refusal(Place::new().unpack("a.rpm", &rpm(payload))), words, ".rpm");
}

fn some() -> Payload {
    Payload::new().file("usr/src/a/Makefile", "all:\n")
}

#[test]
fn a_path_that_climbs_out_is_refused() {
    let words = "expected a path within the package, found a path with \"..\", at ";
    is_refused(&some().file("usr/../../beside", "x"), &format!("{words}./usr/../../beside"));
    is_refused(&some().folder("../in"), &format!("{words}./../in"));
    is_refused(&some().symlink("..", "a"), &format!("{words}./.."));
}

#[test]
fn a_hard_link_out_of_the_package_is_refused() {
    let got = refusal(Place::new().unpack("a.deb", &deb(&some().hard_link("usr/b", "../beside"))));
    assert_eq!(got, "expected a path within the package, found a path with \"..\", at ./../beside");
    let got = refusal(Place::new().unpack("a.deb", &deb(&some().hard_link("usr/b", "usr/c"))));
    let words = "expected a hard link to an earlier file of the package, found none, at usr/b link to usr/c";
    assert_eq!(got, words);
    // By a link to what is outside, which was made for a root that is higher.
    let payload = some().symlink("usr/c", "src").hard_link("usr/b", "usr/c");
    let got = refusal(Place::new().unpack("a.deb", &deb(&payload)));
    assert!(got.starts_with("expected a hard link to an earlier file"), "{got}");
}

#[test]
fn a_link_out_of_the_tree_is_refused() {
    let words = "expected a link within the package, found a link out of the package, at usr/b -> ";
    for target in ["../../beside", "../..", "../src/../../../etc", "/usr/src/../../../etc"] {
        is_refused(&some().symlink("usr/b", target), &format!("{words}{target}"));
    }
}

#[test]
fn a_file_through_a_link_is_refused() {
    let words = "expected a directory at \"link\", found a symbolic link, at usr/link/x";
    is_refused(&some().symlink("usr/link", "src").file("usr/link/x", "x"), words);
    is_refused(&some().symlink("usr/link", "src/a").folder("usr/link/x"), words);
    is_refused(&some().symlink("usr/link", "nowhere").symlink("usr/link/x", "y"), words);
    let folder = "expected a directory at \"link\", found a symbolic link, at usr/link";
    assert_eq!(refusal(Place::new().unpack("a.deb", &deb(&some().symlink("usr/link", "src").folder("usr/link")))), folder);
    let hard = some().symlink("usr/link", "src/a").hard_link("usr/x", "usr/link/Makefile");
    let got = refusal(Place::new().unpack("a.deb", &deb(&hard)));
    assert!(got.contains("found a symbolic link, at usr/x link to usr/link/Makefile"), "{got}");
}

#[test]
fn a_way_up_through_another_link_stays_in_the_tree() {
    // `usr/l` is the root, and `l/../beside` from there would be outside.
    let place = Place::new();
    let payload = some().symlink("usr/l", "..").symlink("usr/m", "l/../beside");
    let unpacked = place.unpack("a.deb", &deb(&payload)).unwrap();
    assert_eq!(unpacked.relinked[0].now.as_deref(), Some("beside"));
    assert!(place.tree().contains(&"usr/m -> beside".to_owned()));
}

#[test]
fn a_file_below_a_file_is_refused() {
    let words = "expected a directory at \"Makefile\", found a file, at usr/src/a/Makefile/x";
    is_refused(&some().file("usr/src/a/Makefile/x", "x"), words);
}

#[test]
fn a_path_that_comes_twice_is_refused() {
    let words = "expected each path once, found a duplicate, at usr/src/a/Makefile";
    is_refused(&some().file("usr/src/a/Makefile", "all:\n"), words);
    let link = "expected each path once, found a duplicate, at usr/l";
    is_refused(&some().symlink("usr/l", "a").symlink("usr/l", "a"), link);
    // An rpm's header lists such a path once or twice: what comes is then not what one of them says.
    let in_deb = |payload: Payload| refusal(Place::new().unpack("a.deb", &deb(&payload)));
    assert_eq!(in_deb(some().file("usr/src/a/Makefile", "other")), words);
    assert_eq!(in_deb(some().symlink("usr/src/a/Makefile", "x")), words);
    assert_eq!(in_deb(some().hard_link("usr/src/a/Makefile", "usr/src/a/Makefile")), words);
    assert_eq!(in_deb(some().symlink("usr/l", "a").file("usr/l", "x")), link);
    let got = in_deb(some().folder("usr/b").file("usr/b", "x"));
    assert_eq!(got, "expected a free path for a new file, found a directory, at usr/b");
    let place = Place::new();
    assert!(place.unpack("a.deb", &deb(&some().folder("usr").folder("usr").folder("usr/src/a"))).is_ok());
}

#[test]
fn devices_and_fifos_are_refused() {
    for (kind, got) in
        [(ItemKind::CharDevice, "a character device"), (ItemKind::BlockDevice, "a block device"), (ItemKind::Fifo, "a FIFO")]
    {
        is_refused(&some().item("usr/x", kind), &format!("expected a file, a directory or a link, found {got}, at ./usr/x"));
    }
}

#[test]
fn set_id_and_sticky_bits_are_refused() {
    for mode in [0o4755, 0o2755, 0o1644] {
        let words = format!("expected a mode without set-id and sticky bits, found mode {mode:04o}, at ./usr/x");
        is_refused(&some().file("usr/x", "x").mode(mode), &words);
    }
    is_refused(
        &some().folder("usr/x").mode(0o1777),
        "expected a mode without set-id and sticky bits, found mode 1777, at ./usr/x",
    );
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    is_refused(&some().file(b"usr/\xff\xfe", "x"), "expected a path in UTF-8, found other bytes, at ./usr/\\xff\\xfe");
    is_refused(
        &some().file("usr/a\nb\u{1b}[2J", "x"),
        "expected a path without control characters, found control characters, at ./usr/a\\nb\\u{1b}[2J",
    );
    is_refused(&some().symlink("usr/x", b"\xff"), "expected a link target in UTF-8, found other bytes, at usr/x -> \\xff");
    is_refused(&some().symlink("usr/x", ""), "expected a link target without control characters, found \"\", at usr/x -> ");
}

#[test]
fn what_is_not_written_must_be_harmless_too() {
    is_refused(
        &some().file("usr/share/doc/../../../../beside", "x"),
        "expected a path within the package, found a path with \"..\", at ./usr/share/doc/../../../../beside",
    );
    is_refused(
        &some().file("usr/share/x", "x").mode(0o4755),
        "expected a mode without set-id and sticky bits, found mode 4755, at ./usr/share/x",
    );
}

#[test]
fn an_absolute_link_to_elsewhere_is_left_out_and_told() {
    for bytes in [("a.deb", deb(&escape())), ("a.rpm", rpm(&escape()))] {
        let place = Place::new();
        let unpacked = place.unpack(bytes.0, &bytes.1).unwrap();
        assert_eq!(unpacked.relinked[0].path, "usr/src/a/passwd");
        assert_eq!((unpacked.relinked[0].was.as_str(), &unpacked.relinked[0].now), ("/etc/passwd", &None));
        assert!(!place.root().join("usr/src/a/passwd").exists());
    }
}

fn escape() -> Payload {
    some().symlink("usr/src/a/passwd", "/etc/passwd")
}

#[test]
fn an_rpms_payload_that_its_header_does_not_list_is_refused() {
    let place = Place::new();
    let file = |listed: Payload, payload: Payload| {
        RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64").payload(&payload).listed(&listed).bytes().unwrap()
    };
    let got = refusal(place.unpack("a.rpm", &file(some(), some().file("usr/b", "x"))));
    assert_eq!(got, "expected a file that the header lists, found another file, at ./usr/b");
    let got = refusal(place.unpack("a.rpm", &file(some().symlink("usr/b", "x"), Payload::new().file("usr/b", "x"))));
    assert_eq!(got, "expected an entry of mode 120777 as in the header, found 100644, at ./usr/b");
}

#[test]
fn an_rpms_file_with_another_checksum_is_refused() {
    let file = RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
        .payload(&some())
        .listed(&Payload::new().file("usr/src/a/Makefile", "ALL:\n"));
    let got = refusal(Place::new().unpack("a.rpm", &file.bytes().unwrap()));
    assert!(got.starts_with("expected sha256 ") && got.contains(" as in the package header, found "), "{got}");
    assert!(got.ends_with(", at usr/src/a/Makefile"), "{got}");
}
