//! Every length is bounded: bytes, entries, paths, depth, links, metadata.

use sqern_store::Limits;
use sqern_testkit::package::{DebFile, Payload, RpmFile, ar, tar_block};
use sqern_testkit::repo::{Compression, write_bomb};

use crate::support::{Place, deb, refusal, rpm};

fn is_refused(payload: &Payload, limits: &Limits, words: &str) {
    assert_eq!(refusal(Place::new().unpack_with("a.deb", &deb(payload), limits)), words, ".deb");
    assert_eq!(refusal(Place::new().unpack_with("a.rpm", &rpm(payload), limits)), words, ".rpm");
}

#[test]
fn a_package_that_is_too_large_is_not_opened() {
    let limits = Limits { package_bytes: 100, ..Limits::default() };
    let bytes = deb(&Payload::new());
    let got = refusal(Place::new().unpack_with("a.deb", &bytes, &limits));
    assert!(got.starts_with(&format!("expected a package of at most 100 bytes, found {} bytes, at ", bytes.len())), "{got}");
}

#[test]
fn a_bomb_is_refused_where_it_goes_off() {
    let limits = Limits { plain_bytes: 1 << 20, ..Limits::default() };
    let payload = Payload::new().file("usr/src/a", "x").file("usr/src/bomb", vec![0; 8 << 20]);
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        let deb = DebFile::new("a", "1", "all").payload(&payload).compression(compression).bytes().unwrap();
        let words = "expected at most 1048576 bytes after decompression, found more, at usr/src/bomb";
        assert_eq!(refusal(Place::new().unpack_with("a.deb", &deb, &limits)), words);
        let rpm = RpmFile::new("a", "1", "1", "noarch").payload(&payload).compression(compression).bytes().unwrap();
        assert_eq!(refusal(Place::new().unpack_with("a.rpm", &rpm, &limits)), words);
    }
}

#[test]
fn a_bomb_in_what_is_not_written_is_refused_too() {
    let limits = Limits { plain_bytes: 1 << 20, ..Limits::default() };
    let words = "expected at most 1048576 bytes after decompression, found more, at ";
    let skipped = Payload::new().file("usr/share/doc/bomb", vec![0; 8 << 20]);
    let got = refusal(Place::new().unpack_with("a.deb", &deb(&skipped), &limits));
    assert_eq!(got, format!("{words}usr/share/doc/bomb"));
    // After the archive's end, which is all zeros.
    let folder = tempfile::tempdir().unwrap();
    write_bomb(&folder.path().join("tail"), Compression::Gzip, 0, 64 << 20).unwrap();
    let tail = std::fs::read(folder.path().join("tail")).unwrap();
    let bytes = ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar.gz", &tail)]);
    assert_eq!(refusal(Place::new().unpack_with("a.deb", &bytes, &limits)), format!("{words}after the last entry"));
}

#[test]
fn too_many_entries_are_refused_whether_written_or_not() {
    let limits = Limits { entries: 3, ..Limits::default() };
    let many = |folder: &str| (0..5).fold(Payload::new(), |all, number| all.file(format!("{folder}/{number}"), ""));
    let got = refusal(Place::new().unpack_with("a.deb", &deb(&many("usr/share/doc")), &limits));
    assert_eq!(got, "expected at most 3 entries, found one more, at ./usr/share/doc/3");
    let got = refusal(Place::new().unpack_with("a.rpm", &rpm(&many("usr/src")), &limits));
    assert_eq!(got, "expected at most 3 files, found 5, at the header");
}

#[test]
fn long_and_deep_paths_are_refused() {
    let limits = Limits { path_bytes: 40, depth: 3, link_bytes: 10, ..Limits::default() };
    let deep = Payload::new().file("a/b/c/d", "");
    is_refused(&deep, &limits, "expected a path of at most 3 directories, found 4, at ./a/b/c/d");
    let long = Payload::new().symlink("a/b", "c".repeat(11));
    let got = refusal(Place::new().unpack_with("a.deb", &deb(&long), &limits));
    assert_eq!(got, "expected a link target of at most 10 bytes, found 11 bytes, at a/b -> ccccccccccc");
    let got = refusal(Place::new().unpack_with("a.rpm", &rpm(&long), &limits));
    assert_eq!(got, "expected a link target of at most 10 bytes, found 11 bytes, at ./a/b");
    let long = Payload::new().file("a".repeat(60), "");
    let got = refusal(Place::new().unpack_with("a.deb", &deb(&long), &limits));
    assert_eq!(got, format!("expected a path of at most 40 bytes, found 62 bytes, at ./{}", "a".repeat(60)));
    let got = refusal(Place::new().unpack_with("a.rpm", &rpm(&long), &limits));
    assert_eq!(got, "expected a path of at most 40 bytes, found 63 bytes, at offset 0");
}

#[test]
fn a_name_of_gigabytes_is_refused_before_it_is_read() {
    let tar = [tar_block(b"././@LongLink", b'L', 0o644, 6 << 30, b""), vec![b'a'; 1024]].concat();
    let bytes = ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar", &tar)]);
    let got = refusal(Place::new().unpack("a.deb", &bytes));
    assert_eq!(got, "expected a path of at most 1024 bytes, found 6442450944 bytes, at offset 512");
}

#[test]
fn an_rpms_header_is_bounded_before_it_is_read() {
    let mut bytes = rpm(&Payload::new().file("usr/src/a", "x"));
    // The size of the signature header's store.
    bytes[96 + 12..96 + 16].copy_from_slice(&0xf000_0000_u32.to_be_bytes());
    let got = refusal(Place::new().unpack("a.rpm", &bytes));
    assert_eq!(
        got,
        "expected at most 65535 tags, and 33554432 bytes, found 3 tags with 4026531840 bytes, at the signature header"
    );
}

#[test]
fn names_that_have_to_be_kept_are_bounded() {
    let limits = Limits { metadata_bytes: 8000, ..Limits::default() };
    let folder = "a".repeat(200);
    let many = (0..50).fold(Payload::new(), |all, number| all.file(format!("{folder}/{number}"), ""));
    let got = refusal(Place::new().unpack_with("a.rpm", &rpm(&many), &limits));
    assert!(got.starts_with("expected paths of at most 8000 bytes, found more, at a"), "{got}");
}

#[test]
fn links_that_have_to_be_changed_are_bounded() {
    let limits = Limits { relinked: 2, ..Limits::default() };
    let many = (0..3).fold(Payload::new(), |all, number| all.symlink(format!("usr/{number}"), "/etc/passwd"));
    is_refused(&many, &limits, "expected at most 2 links that must be changed, found one more, at usr/2");
}
