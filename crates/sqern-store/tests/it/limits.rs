//! Limits of sizes, entries, paths, depth, links and metadata.

use sqern_archive::Compression;
use sqern_store::Limits;
use sqern_testkit::package::{DebFile, Payload, RpmFile, ar, tar_block};
use sqern_testkit::repo::write_bomb;

use crate::support::{UnpackTest, deb, rejection, rpm};

fn assert_rejected(payload: &Payload, limits: &Limits, expected: &str) {
    assert_eq!(
        rejection(UnpackTest::new().unpack_with("a.deb", &deb(payload), limits)),
        expected,
        ".deb"
    );
    assert_eq!(
        rejection(UnpackTest::new().unpack_with("a.rpm", &rpm(payload), limits)),
        expected,
        ".rpm"
    );
}

#[test]
fn large_packages_are_not_opened() {
    let limits = Limits {
        package_bytes: 100,
        ..Limits::default()
    };
    let bytes = deb(&Payload::new());
    let message = rejection(UnpackTest::new().unpack_with("a.deb", &bytes, &limits));
    assert!(
        message.starts_with(&format!(
            "expected a package of at most 100 bytes, found {} bytes, at ",
            bytes.len()
        )),
        "{message}"
    );
}

#[test]
fn decompression_bombs_are_detected() {
    let limits = Limits {
        plain_bytes: 1 << 20,
        ..Limits::default()
    };
    let payload = Payload::new()
        .file("usr/src/a", "x")
        .file("usr/src/bomb", vec![0; 8 << 20]);
    for compression in [
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let deb = DebFile::new("a", "1", "all")
            .payload(&payload)
            .compression(compression)
            .bytes()
            .unwrap();
        let expected =
            "expected at most 1048576 bytes after decompression, found more, at usr/src/bomb";
        assert_eq!(
            rejection(UnpackTest::new().unpack_with("a.deb", &deb, &limits)),
            expected
        );
        let rpm = RpmFile::new("a", "1", "1", "noarch")
            .payload(&payload)
            .compression(compression)
            .bytes()
            .unwrap();
        assert_eq!(
            rejection(UnpackTest::new().unpack_with("a.rpm", &rpm, &limits)),
            expected
        );
    }
}

#[test]
fn decompression_bombs_in_skipped_data_are_detected() {
    let limits = Limits {
        plain_bytes: 1 << 20,
        ..Limits::default()
    };
    let expected = "expected at most 1048576 bytes after decompression, found more, at ";
    let skipped = Payload::new().file("usr/share/doc/bomb", vec![0; 8 << 20]);
    let message = rejection(UnpackTest::new().unpack_with("a.deb", &deb(&skipped), &limits));
    assert_eq!(message, format!("{expected}usr/share/doc/bomb"));
    // The bomb follows the end of the archive.
    let directory = tempfile::tempdir().unwrap();
    write_bomb(
        &directory.path().join("tail"),
        Compression::Gzip,
        0,
        64 << 20,
    )
    .unwrap();
    let tail = std::fs::read(directory.path().join("tail")).unwrap();
    let bytes = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", b""),
        ("data.tar.gz", &tail),
    ]);
    assert_eq!(
        rejection(UnpackTest::new().unpack_with("a.deb", &bytes, &limits)),
        format!("{expected}after the last entry")
    );
}

#[test]
fn skipped_entries_count_towards_the_limit() {
    let limits = Limits {
        entries: 3,
        ..Limits::default()
    };
    let many = |directory: &str| {
        (0..5).fold(Payload::new(), |all, number| {
            all.file(format!("{directory}/{number}"), "")
        })
    };
    let message =
        rejection(UnpackTest::new().unpack_with("a.deb", &deb(&many("usr/share/doc")), &limits));
    assert_eq!(
        message,
        "expected at most 3 entries, found one more, at ./usr/share/doc/3"
    );
    let message =
        rejection(UnpackTest::new().unpack_with("a.rpm", &rpm(&many("usr/src")), &limits));
    assert_eq!(message, "expected at most 3 files, found 5, at the header");
}

#[test]
fn long_and_deep_paths_are_invalid() {
    let limits = Limits {
        path_bytes: 40,
        depth: 3,
        link_bytes: 10,
        ..Limits::default()
    };
    let deep = Payload::new().file("a/b/c/d", "");
    assert_rejected(
        &deep,
        &limits,
        "expected a path of at most 3 directories, found 4, at ./a/b/c/d",
    );
    let long = Payload::new().symlink("a/b", "c".repeat(11));
    let message = rejection(UnpackTest::new().unpack_with("a.deb", &deb(&long), &limits));
    assert_eq!(
        message,
        "expected a link target of at most 10 bytes, found 11 bytes, at a/b -> ccccccccccc"
    );
    let message = rejection(UnpackTest::new().unpack_with("a.rpm", &rpm(&long), &limits));
    assert_eq!(
        message,
        "expected a link target of at most 10 bytes, found 11 bytes, at ./a/b"
    );
    let long = Payload::new().file("a".repeat(60), "");
    let message = rejection(UnpackTest::new().unpack_with("a.deb", &deb(&long), &limits));
    assert_eq!(
        message,
        format!(
            "expected a path of at most 40 bytes, found 62 bytes, at ./{}",
            "a".repeat(60)
        )
    );
    let message = rejection(UnpackTest::new().unpack_with("a.rpm", &rpm(&long), &limits));
    assert_eq!(
        message,
        "expected a path of at most 40 bytes, found 63 bytes, at offset 0"
    );
}

#[test]
fn length_of_a_name_is_checked_before_it_is_read() {
    let tar = [
        tar_block(b"././@LongLink", b'L', 0o644, 6 << 30, b""),
        vec![b'a'; 1024],
    ]
    .concat();
    let bytes = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", b""),
        ("data.tar", &tar),
    ]);
    let message = rejection(UnpackTest::new().unpack("a.deb", &bytes));
    assert_eq!(
        message,
        "expected a path of at most 1024 bytes, found 6442450944 bytes, at offset 512"
    );
}

#[test]
fn size_of_the_rpm_header_is_checked_before_it_is_read() {
    let mut bytes = rpm(&Payload::new().file("usr/src/a", "x"));
    // The size of the store of the signature header.
    bytes[96 + 12..96 + 16].copy_from_slice(&0xf000_0000_u32.to_be_bytes());
    let message = rejection(UnpackTest::new().unpack("a.rpm", &bytes));
    assert_eq!(
        message,
        "expected at most 65535 tags, and 33554432 bytes, found 3 tags with 4026531840 bytes, at the signature header"
    );
}

#[test]
fn names_in_memory_are_limited() {
    let limits = Limits {
        metadata_bytes: 8000,
        ..Limits::default()
    };
    let directory = "a".repeat(200);
    let many = (0..50).fold(Payload::new(), |all, number| {
        all.file(format!("{directory}/{number}"), "")
    });
    let message = rejection(UnpackTest::new().unpack_with("a.rpm", &rpm(&many), &limits));
    assert!(
        message.starts_with("expected paths of at most 8000 bytes, found more, at a"),
        "{message}"
    );
}

#[test]
fn changed_links_are_limited() {
    let limits = Limits {
        relinked: 2,
        ..Limits::default()
    };
    let many = (0..3).fold(Payload::new(), |all, number| {
        all.symlink(format!("usr/{number}"), "/etc/passwd")
    });
    assert_rejected(
        &many,
        &limits,
        "expected at most 2 links that must be changed, found one more, at usr/2",
    );
}
