//! The identity of packages.

use std::fs;

use sqern_archive::Compression;
use sqern_store::{Error, ErrorKind, Limits, PackageIdentity};
use sqern_testkit::package::{DebFile, Payload, RpmFile, ar};

fn read(name: &str, bytes: &[u8]) -> Result<PackageIdentity, Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let package = directory.path().join(name);
    fs::write(&package, bytes).expect("a file");
    PackageIdentity::read(&package, &Limits::default())
}

#[test]
fn identity_of_an_rpm_is_that_of_its_header() {
    let file = RpmFile::new("kernel-devel", "4.18.0", "553.el8", "x86_64");
    let identity = |version| PackageIdentity::new("kernel-devel", version, "x86_64");
    for (file, version) in [
        (file.clone(), "4.18.0-553.el8"),
        (file.clone(), "0:4.18.0-553.el8"),
        (file.clone().epoch(0), "4.18.0-553.el8"),
        (file.clone().epoch(10), "10:4.18.0-553.el8"),
    ] {
        let found = read("a.rpm", &file.bytes().unwrap()).unwrap();
        assert_eq!(found, identity(version));
    }
    let found = read("a.rpm", &file.epoch(1).bytes().unwrap()).unwrap();
    assert_ne!(found, identity("4.18.0-553.el8"));
    assert_eq!(found.to_string(), "kernel-devel 1:4.18.0-553.el8 x86_64");
}

#[test]
fn identity_of_a_deb_is_that_of_its_control_file() {
    for compression in [Compression::Plain, Compression::Xz, Compression::Zstd] {
        let file = DebFile::new("linux-headers", "1:6.1.106-3", "amd64")
            .field("Depends", "a,\n Package: other")
            .compression(compression);
        let found = read("a.deb", &file.bytes().unwrap()).unwrap();
        assert_eq!(
            found,
            PackageIdentity::new("linux-headers", "1:6.1.106-3", "amd64")
        );
    }
}

#[test]
fn packages_without_a_unique_identity_are_invalid() {
    let deb = |files: &[(&str, &str)]| {
        let control = files.iter().fold(Payload::new(), |payload, (name, text)| {
            payload.file(name, text)
        });
        let control = control.tar().unwrap();
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control)])
    };
    let text = "Package: a\nVersion: 1\nArchitecture: all\n";
    let package = "Package : b\n";
    for (control, expected) in [
        (vec![], "expected a file control, found none"),
        (
            vec![("control", text), ("control", package)],
            "expected one file control",
        ),
        (
            vec![("control", "Package: a\nVersion: 1\n")],
            "expected a field Architecture, found none",
        ),
        (
            vec![("control", &*[text, package].concat())],
            "expected one field Package, found several",
        ),
    ] {
        let error = read("a.deb", &deb(&control)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPackage, "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    for (file, expected) in [
        (
            RpmFile::new("a", "1", "1", "x86_64").source_package(),
            "expected a binary package, found a source package",
        ),
        (
            RpmFile::new("a", "1", "", "x86_64"),
            "expected a text in tag 1002, found none",
        ),
    ] {
        let error = read("a.rpm", &file.bytes().unwrap()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
