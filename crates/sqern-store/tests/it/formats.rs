//! The variants of each format, and files of other formats.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sqern_archive::Compression;
use sqern_store::{Error, ErrorKind, Limits, unpack};
use sqern_testkit::package::{DebFile, ItemKind, Payload, RpmFile, ar, tar_block};

use crate::support::{UnpackTest, deb, rejection, rpm};

const TREE: [&str; 9] = [
    "usr/ 755",
    "usr/src/ 755",
    "usr/src/a/ 755",
    "usr/src/a/link -> Makefile",
    "usr/src/a/other 644 1767225600 x2 all:\\n",
    "usr/src/a/Makefile 644 1767225600 x2 all:\\n",
    "usr/src/a/program 755 1767225600 x1 #!",
    "usr/src/a/empty 644 1767225600 x2 ",
    "usr/src/a/void 644 1767225600 x2 ",
];

fn payload() -> Payload {
    Payload::new()
        .directory("usr/src/a")
        .file("usr/src/a/Makefile", "all:\n")
        .hard_link("usr/src/a/other", "usr/src/a/Makefile")
        .file("usr/src/a/program", "#!")
        .mode(0o711)
        .symlink("usr/src/a/link", "Makefile")
        .file("usr/src/a/empty", "")
        .hard_link("usr/src/a/void", "usr/src/a/empty")
        .file("usr/share/doc/a/changelog.gz", "old")
}

fn assert_tree(test: &UnpackTest, context: &str) {
    let mut expected = TREE.map(str::to_owned);
    expected.sort();
    assert_eq!(test.tree(), expected, "{context}");
}

#[test]
fn debs_are_unpacked_from_each_compression() {
    for compression in [
        Compression::Plain,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let test = UnpackTest::new();
        let bytes = DebFile::new("a", "1", "all")
            .payload(&payload())
            .compression(compression)
            .bytes()
            .unwrap();
        let unpacked = test.unpack("a.deb", &bytes).unwrap();
        assert_tree(&test, compression.suffix());
        assert_eq!(
            (
                unpacked.files,
                unpacked.symlinks,
                unpacked.hard_links,
                unpacked.skipped
            ),
            (3, 1, 2, 1)
        );
    }
}

#[test]
fn rpms_are_unpacked_from_each_compression_and_cpio_format() {
    for compression in [
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let file = RpmFile::new("a", "1", "1", "noarch")
            .payload(&payload())
            .compression(compression);
        for (file, form) in [(file.clone(), "newc"), (file.stripped(), "stripped")] {
            let test = UnpackTest::new();
            let unpacked = test.unpack("a.rpm", &file.bytes().unwrap()).unwrap();
            assert_tree(&test, &format!("{form}{}", compression.suffix()));
            assert_eq!(
                (
                    unpacked.files,
                    unpacked.symlinks,
                    unpacked.hard_links,
                    unpacked.skipped
                ),
                (3, 1, 2, 1)
            );
            assert_eq!(unpacked.checked, 3);
        }
    }
}

#[test]
fn content_and_name_of_a_package_must_agree() {
    let test = UnpackTest::new();
    let message = rejection(test.unpack("a.rpm", &deb(&payload())));
    assert!(
        message.starts_with("expected a .rpm package, found an ar archive"),
        "{message}"
    );
    let message = rejection(test.unpack("a.deb", &rpm(&payload())));
    assert!(
        message.starts_with("expected a .deb package, found an rpm"),
        "{message}"
    );
    let message = rejection(test.unpack("a.deb", b"<!DOCTYPE html>"));
    assert!(
        message.starts_with("expected a .deb package, found a file that starts with \"<\""),
        "{message}"
    );
    let message = rejection(test.unpack("a.deb", b""));
    assert!(
        message.starts_with("expected a .deb package, found an empty file"),
        "{message}"
    );
    let message = rejection(test.unpack("a.tar", b"x"));
    assert!(
        message.starts_with("expected a package whose name ends in .deb or .rpm, found \"a.tar\""),
        "{message}"
    );
}

#[test]
fn truncated_packages_are_invalid() {
    for (name, bytes) in [("a.deb", deb(&payload())), ("a.rpm", rpm(&payload()))] {
        for length in (0..bytes.len()).step_by(7) {
            let truncated = UnpackTest::new().unpack(name, &bytes[..length]);
            let kind = truncated.as_ref().map_err(Error::kind);
            assert_eq!(
                kind,
                Err(ErrorKind::InvalidPackage),
                "{name} of {length} bytes: {truncated:?}"
            );
        }
    }
}

fn with_data(data: &[u8]) -> Vec<u8> {
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", b""),
        ("data.tar", data),
    ])
}

#[test]
fn order_and_version_of_members_are_checked() {
    let tar = payload().tar().unwrap();
    let version: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let control: (&str, &[u8]) = ("control.tar", b"");
    let data: (&str, &[u8]) = ("data.tar", &tar);
    for (members, expected) in [
        (
            vec![control, version, data],
            "expected debian-binary as the first member, found \"control.tar\", at control.tar",
        ),
        (
            vec![version, data, control],
            "expected control.tar as the next member, found \"data.tar\", at data.tar",
        ),
        (
            vec![version, control],
            "expected data.tar as the next member, found the end of the archive, at the last member",
        ),
        (
            vec![version, control, ("other", b""), data],
            "expected data.tar as the next member, found \"other\", at other",
        ),
        (
            vec![("debian-binary", b"3.0\n"), control, data],
            "expected format version 2.x, found \"3.0\", at debian-binary",
        ),
        (
            vec![("debian-binary", b"2.0"), control, data],
            "expected format version 2.x, found \"2.0\", at debian-binary",
        ),
        (
            vec![("debian-split", b"2.1\n")],
            "expected a complete package, found a part of a package (deb-split(5)), at debian-split",
        ),
        (
            vec![version, control, ("data.tar.lz4", b"")],
            "expected data.tar in gzip, xz, zstd, bzip2 or lzma, or plain, found \"data.tar.lz4\", at data.tar.lz4",
        ),
        (
            vec![version, control, ("data.tar.xz", b"x")],
            "expected an archive in xz, found a file that starts with the bytes 78, at data.tar.xz",
        ),
    ] {
        assert_eq!(
            rejection(UnpackTest::new().unpack("a.deb", &ar(&members))),
            expected
        );
    }
    for members in [
        vec![
            ("debian-binary", &b"2.7\nmore\n"[..]),
            ("_new", b"x"),
            control,
            ("_other", b""),
            data,
        ],
        vec![
            ("debian-binary/", b"2.0\n"),
            control,
            data,
            ("_gpgorigin", b"x"),
            ("anything", b"odd"),
        ],
    ] {
        let test = UnpackTest::new();
        test.unpack("a.deb", &ar(&members)).unwrap();
        assert_tree(&test, "a .deb with additional members");
    }
}

#[test]
fn members_longer_than_the_archive_are_invalid() {
    let mut bytes = with_data(&payload().tar().unwrap());
    bytes.truncate(bytes.len() - 600);
    let message = rejection(UnpackTest::new().unpack("a.deb", &bytes));
    assert!(
        message.starts_with("expected a member of ") && message.ends_with(", at data.tar"),
        "{message}"
    );
}

#[test]
fn only_zeros_may_follow_the_end_of_a_tar() {
    let mut tar = payload().tar().unwrap();
    tar.resize(tar.len() + 10_000, 0);
    assert!(UnpackTest::new().unpack("a.deb", &with_data(&tar)).is_ok());
    tar.extend(b"more");
    let message = rejection(UnpackTest::new().unpack("a.deb", &with_data(&tar)));
    assert!(
        message.starts_with("expected zeros after the end of the archive, found data, at offset "),
        "{message}"
    );
}

#[test]
fn pax_headers_and_unknown_kinds_are_invalid() {
    for (kind, message) in [
        (b'x', "a pax header"),
        (b'g', "a pax header"),
        (b'S', "an entry of type 'S'"),
        (b'V', "an entry of type 'V'"),
        (b'z', "an entry of type 'z'"),
    ] {
        let tar = tar_block(b"usr/x", kind, 0o644, 0, b"");
        let expected = format!("expected a file, a directory or a link, found {message}, at usr/x");
        assert_eq!(
            rejection(UnpackTest::new().unpack("a.deb", &with_data(&tar))),
            expected
        );
    }
}

#[test]
fn inconsistent_tar_entries_are_invalid() {
    let data = tar_block(b"usr/x", b'2', 0o777, 512, b"y");
    assert_eq!(
        rejection(UnpackTest::new().unpack("a.deb", &with_data(&data))),
        "expected data only after the header of a regular file, found 512 bytes, at usr/x"
    );
    let mut sum = tar_block(b"usr/x", b'0', 0o644, 0, b"");
    sum[0] = b'v';
    let expected =
        "expected a tar header with a valid checksum, found another checksum, at offset 0";
    assert_eq!(
        rejection(UnpackTest::new().unpack("a.deb", &with_data(&sum))),
        expected
    );
    let name = [
        tar_block(b"././@LongLink", b'L', 0, 4, b""),
        b"usr\0".to_vec(),
        vec![0; 508 + 1024],
    ]
    .concat();
    let expected = "expected an entry after the GNU long-name header, found the end of the archive, at offset 1536";
    assert_eq!(
        rejection(UnpackTest::new().unpack("a.deb", &with_data(&name))),
        expected
    );
}

#[test]
fn other_rpm_formats_are_invalid() {
    let file = RpmFile::new("a", "1", "1", "noarch").payload(&payload());
    let message =
        rejection(UnpackTest::new().unpack("a.rpm", &file.clone().format("drpm").bytes().unwrap()));
    assert_eq!(
        message,
        "expected a payload in the format cpio, found \"drpm\", at the header"
    );
    let message = rejection(
        UnpackTest::new().unpack("a.rpm", &file.clone().compressor("rot13").bytes().unwrap()),
    );
    assert_eq!(
        message,
        "expected a payload in gzip, xz, zstd, bzip2 or lzma, found \"rot13\", at the header"
    );
    let message = rejection(
        UnpackTest::new().unpack("a.rpm", &file.clone().compressor("zstd").bytes().unwrap()),
    );
    assert!(
        message.starts_with("expected an archive in zstd, found a file that starts with"),
        "{message}"
    );
    let mut source = file.bytes().unwrap();
    source[7] = 1;
    let message = rejection(UnpackTest::new().unpack("a.rpm", &source));
    assert_eq!(
        message,
        "expected a binary package, found a source package, at the lead"
    );
}

#[test]
fn data_after_the_payload_is_invalid() {
    let bytes = [rpm(&payload()), b"more".to_vec()].concat();
    let message = rejection(UnpackTest::new().unpack("a.rpm", &bytes));
    assert!(
        message.starts_with("expected a complete archive, found a "),
        "{message}"
    );
}

#[test]
fn directories_writable_by_others_are_rejected() {
    let test = UnpackTest::new();
    fs::set_permissions(test.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = test.unpack("a.deb", &deb(&payload())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsafeDirectory);
    assert!(
        error.to_string().starts_with("cannot use directory "),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("; hint: Create a new directory: mkdir -m 700 "),
        "{error}"
    );
    assert!(test.tree().is_empty());
}

#[test]
fn only_regular_files_are_opened() {
    let test = UnpackTest::new();
    let error = unpack(&test.root(), &test.root(), &Limits::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("expected a package, found no regular file, at "),
        "{error}"
    );
    let error = unpack(
        &test.root().join("none.deb"),
        &test.root(),
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn long_names_and_targets_are_supported() {
    let (name, target) = (
        format!("usr/src/{}/x", "a".repeat(150)),
        format!("../{}", "b".repeat(150)),
    );
    let payload = Payload::new()
        .file(&name, "x")
        .symlink(format!("{name}-link"), &target)
        .item(format!("{name}-directory"), ItemKind::Directory);
    for (package, bytes) in [("a.deb", deb(&payload)), ("a.rpm", rpm(&payload))] {
        let test = UnpackTest::new();
        test.unpack(package, &bytes).unwrap();
        assert_eq!(fs::read(test.root().join(&name)).unwrap(), b"x");
        assert_eq!(
            fs::read_link(test.root().join(format!("{name}-link")))
                .unwrap()
                .to_str(),
            Some(&*target)
        );
    }
}

#[test]
fn dependencies_are_read_from_both_formats() {
    let depends = " libelf1 (>= 0.142),\n gcc-12 | gcc:any [amd64]";
    for compression in [Compression::Plain, Compression::Xz, Compression::Zstd] {
        let file = DebFile::new("a", "1", "all")
            .field("Pre-Depends", "dpkg")
            .field("Recommends", "x")
            .field("Depends", depends);
        let unpacked = UnpackTest::new()
            .unpack("a.deb", &file.compression(compression).bytes().unwrap())
            .unwrap();
        assert_eq!(unpacked.depends, ["dpkg", "libelf1", "gcc-12", "gcc"]);
    }
    let file = RpmFile::new("a", "1", "1", "noarch").requires(&[
        "/usr/bin/pahole",
        "rpmlib(FileDigests)",
        "make",
    ]);
    let unpacked = UnpackTest::new()
        .unpack("a.rpm", &file.bytes().unwrap())
        .unwrap();
    assert_eq!(unpacked.depends, ["/usr/bin/pahole", "make"]);
}
