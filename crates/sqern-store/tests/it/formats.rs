//! Each format in its forms, and what is none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sqern_store::{Limits, UnpackError, unpack};
use sqern_testkit::package::{DebFile, ItemKind, Payload, RpmFile, ar, tar_block};
use sqern_testkit::repo::Compression;

use crate::support::{Place, deb, refusal, rpm};

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
        .folder("usr/src/a")
        .file("usr/src/a/Makefile", "all:\n")
        .hard_link("usr/src/a/other", "usr/src/a/Makefile")
        .file("usr/src/a/program", "#!")
        .mode(0o711)
        .symlink("usr/src/a/link", "Makefile")
        .file("usr/src/a/empty", "")
        .hard_link("usr/src/a/void", "usr/src/a/empty")
        .file("usr/share/doc/a/changelog.gz", "old")
}

fn assert_tree(place: &Place, what: &str) {
    let mut expected = TREE.map(str::to_owned);
    expected.sort();
    assert_eq!(place.tree(), expected, "{what}");
}

#[test]
fn a_deb_is_unpacked_from_each_compression() {
    for compression in [Compression::Plain, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        let place = Place::new();
        let bytes = DebFile::new("a", "1", "all").payload(&payload()).compression(compression).bytes().unwrap();
        let unpacked = place.unpack("a.deb", &bytes).unwrap();
        assert_tree(&place, compression.suffix());
        assert_eq!((unpacked.files, unpacked.symlinks, unpacked.hard_links, unpacked.skipped), (3, 1, 2, 1));
    }
}

#[test]
fn an_rpm_is_unpacked_from_each_compression_and_form_of_cpio() {
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        let file = RpmFile::new("a", "1", "1", "noarch").payload(&payload()).compression(compression);
        for (file, form) in [(file.clone(), "newc"), (file.stripped(), "stripped")] {
            let place = Place::new();
            let unpacked = place.unpack("a.rpm", &file.bytes().unwrap()).unwrap();
            assert_tree(&place, &format!("{form}{}", compression.suffix()));
            assert_eq!((unpacked.files, unpacked.symlinks, unpacked.hard_links, unpacked.skipped), (3, 1, 2, 1));
            assert_eq!(unpacked.checked, 3);
        }
    }
}

#[test]
fn what_a_package_is_must_agree_with_its_name() {
    let place = Place::new();
    let got = refusal(place.unpack("a.rpm", &deb(&payload())));
    assert!(got.starts_with("expected a .rpm package, found an ar archive"), "{got}");
    let got = refusal(place.unpack("a.deb", &rpm(&payload())));
    assert!(got.starts_with("expected a .deb package, found an rpm"), "{got}");
    let got = refusal(place.unpack("a.deb", b"<!DOCTYPE html>"));
    assert!(got.starts_with("expected a .deb package, found a file that starts with \"<\""), "{got}");
    let got = refusal(place.unpack("a.deb", b""));
    assert!(got.starts_with("expected a .deb package, found an empty file"), "{got}");
    let got = refusal(place.unpack("a.tar", b"x"));
    assert!(got.starts_with("expected a package whose name ends in .deb or .rpm, found \"a.tar\""), "{got}");
}

#[test]
fn a_package_that_is_cut_anywhere_is_refused() {
    for (name, bytes) in [("a.deb", deb(&payload())), ("a.rpm", rpm(&payload()))] {
        for length in (0..bytes.len()).step_by(7) {
            let cut = Place::new().unpack(name, &bytes[..length]);
            assert!(matches!(cut, Err(UnpackError::Package(_))), "{name} of {length} bytes: {cut:?}");
        }
    }
}

fn with_data(data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar", data)])
}

#[test]
fn members_of_a_deb_are_in_their_order_and_of_version_2() {
    let tar = payload().tar().unwrap();
    let version: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let control: (&str, &[u8]) = ("control.tar", b"");
    let data: (&str, &[u8]) = ("data.tar", &tar);
    for (members, words) in [
        (vec![control, version, data], "expected debian-binary as the first member, found \"control.tar\", at control.tar"),
        (vec![version, data, control], "expected control.tar as the next member, found \"data.tar\", at data.tar"),
        (vec![version, control], "expected data.tar as the next member, found the end of the archive, at the last member"),
        (vec![version, control, ("other", b""), data], "expected data.tar as the next member, found \"other\", at other"),
        (vec![("debian-binary", b"3.0\n"), control, data], "expected format version 2.x, found \"3.0\", at debian-binary"),
        (vec![("debian-binary", b"2.0"), control, data], "expected format version 2.x, found \"2.0\", at debian-binary"),
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
            "expected an archive in xz, found a file that starts with [78], at data.tar.xz",
        ),
    ] {
        assert_eq!(refusal(Place::new().unpack("a.deb", &ar(&members))), words);
    }
    for members in [
        vec![("debian-binary", &b"2.7\nmore\n"[..]), ("_new", b"x"), control, ("_other", b""), data],
        vec![("debian-binary/", b"2.0\n"), control, data, ("_gpgorigin", b"x"), ("anything", b"odd")],
    ] {
        let place = Place::new();
        place.unpack("a.deb", &ar(&members)).unwrap();
        assert_tree(&place, "a .deb with further members");
    }
}

#[test]
fn a_member_that_is_longer_than_its_archive_is_refused() {
    let mut bytes = with_data(&payload().tar().unwrap());
    bytes.truncate(bytes.len() - 600);
    let got = refusal(Place::new().unpack("a.deb", &bytes));
    assert!(got.starts_with("expected a member of ") && got.ends_with(", at data.tar"), "{got}");
}

#[test]
fn data_after_the_end_of_a_tar_is_refused_and_zeros_are_not() {
    let mut tar = payload().tar().unwrap();
    tar.resize(tar.len() + 10_000, 0);
    assert!(Place::new().unpack("a.deb", &with_data(&tar)).is_ok());
    tar.extend(b"more");
    let got = refusal(Place::new().unpack("a.deb", &with_data(&tar)));
    assert!(got.starts_with("expected zeros after the end of the archive, found data, at offset "), "{got}");
}

#[test]
fn pax_headers_and_other_kinds_are_refused_as_dpkg_refuses_them() {
    for (kind, got) in [
        (b'x', "a pax header"),
        (b'g', "a pax header"),
        (b'S', "an entry of type 'S'"),
        (b'V', "an entry of type 'V'"),
        (b'z', "an entry of type 'z'"),
    ] {
        let tar = tar_block(b"usr/x", kind, 0o644, 0, b"");
        let words = format!("expected a file, a directory or a link, found {got}, at usr/x");
        assert_eq!(refusal(Place::new().unpack("a.deb", &with_data(&tar))), words);
    }
}

#[test]
fn what_contradicts_itself_in_a_tar_is_refused() {
    let data = tar_block(b"usr/x", b'2', 0o777, 512, b"y");
    assert_eq!(
        refusal(Place::new().unpack("a.deb", &with_data(&data))),
        "expected data behind files only, found 512 bytes, at usr/x"
    );
    let mut sum = tar_block(b"usr/x", b'0', 0o644, 0, b"");
    sum[0] = b'v';
    let words = "expected a tar header with a valid checksum, found another checksum, at offset 0";
    assert_eq!(refusal(Place::new().unpack("a.deb", &with_data(&sum))), words);
    let name = [tar_block(b"././@LongLink", b'L', 0, 4, b""), b"usr\0".to_vec(), vec![0; 508 + 1024]].concat();
    let words = "expected an entry after the long name, found the end of the archive, at the last entry";
    assert_eq!(refusal(Place::new().unpack("a.deb", &with_data(&name))), words);
}

#[test]
fn an_rpm_of_another_format_is_refused() {
    let file = RpmFile::new("a", "1", "1", "noarch").payload(&payload());
    let got = refusal(Place::new().unpack("a.rpm", &file.clone().format("drpm").bytes().unwrap()));
    assert_eq!(got, "expected a payload in the format cpio, found \"drpm\", at the header");
    let got = refusal(Place::new().unpack("a.rpm", &file.clone().compressor("rot13").bytes().unwrap()));
    assert_eq!(got, "expected a payload in gzip, xz, zstd, bzip2 or lzma, found \"rot13\", at the header");
    let got = refusal(Place::new().unpack("a.rpm", &file.clone().compressor("zstd").bytes().unwrap()));
    assert!(got.starts_with("expected an archive in zstd, found a file that starts with"), "{got}");
    let mut source = file.bytes().unwrap();
    source[7] = 1;
    let got = refusal(Place::new().unpack("a.rpm", &source));
    assert_eq!(got, "expected a binary package, found a source package, at the lead");
}

#[test]
fn a_payload_may_not_go_on_after_its_end() {
    let bytes = [rpm(&payload()), b"more".to_vec()].concat();
    let got = refusal(Place::new().unpack("a.rpm", &bytes));
    assert!(got.starts_with("expected a complete archive, found a "), "{got}");
}

#[test]
fn a_folder_that_others_may_write_into_is_not_unpacked_into() {
    let place = Place::new();
    fs::set_permissions(place.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = place.unpack("a.deb", &deb(&payload())).unwrap_err();
    assert!(
        matches!(&error, UnpackError::Machine(failure) if failure.expected == "a directory that only the current user can write to")
    );
    assert!(error.to_string().contains("; hint: Create a new directory: mkdir -m 700 "), "{error}");
    assert!(place.tree().is_empty());
}

#[test]
fn a_package_that_is_no_file_is_not_opened() {
    let place = Place::new();
    let error = unpack(&place.root(), &place.root(), &Limits::default()).unwrap_err();
    assert!(error.to_string().starts_with("expected a package, found no regular file, at "), "{error}");
    let error = unpack(&place.root().join("none.deb"), &place.root(), &Limits::default()).unwrap_err();
    assert!(matches!(error, UnpackError::Machine(_)));
}

#[test]
fn long_names_and_targets_are_kept() {
    let (name, target) = (format!("usr/src/{}/x", "a".repeat(150)), format!("../{}", "b".repeat(150)));
    let payload =
        Payload::new().file(&name, "x").symlink(format!("{name}-link"), &target).item(format!("{name}-folder"), ItemKind::Folder);
    for (package, bytes) in [("a.deb", deb(&payload)), ("a.rpm", rpm(&payload))] {
        let place = Place::new();
        place.unpack(package, &bytes).unwrap();
        assert_eq!(fs::read(place.root().join(&name)).unwrap(), b"x");
        assert_eq!(fs::read_link(place.root().join(format!("{name}-link"))).unwrap().to_str(), Some(&*target));
    }
}

#[test]
fn dependencies_are_read_from_either_format() {
    let depends = " libelf1 (>= 0.142),\n gcc-12 | gcc:any [amd64]";
    for compression in [Compression::Plain, Compression::Xz, Compression::Zstd] {
        let file = DebFile::new("a", "1", "all").field("Pre-Depends", "dpkg").field("Recommends", "x").field("Depends", depends);
        let unpacked = Place::new().unpack("a.deb", &file.compression(compression).bytes().unwrap()).unwrap();
        assert_eq!(unpacked.depends, ["dpkg", "libelf1", "gcc-12", "gcc"]);
    }
    let file = RpmFile::new("a", "1", "1", "noarch").requires(&["/usr/bin/pahole", "rpmlib(FileDigests)", "make"]);
    let unpacked = Place::new().unpack("a.rpm", &file.bytes().unwrap()).unwrap();
    assert_eq!(unpacked.depends, ["/usr/bin/pahole", "make"]);
}
