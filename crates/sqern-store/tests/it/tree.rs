//! What was unpacked is made to build where it lies.

use std::fs;
use std::path::Path;

use sqern_model::KernelVersion;
use sqern_store::Failure;
use sqern_store::tree::{Adapted, adapt};
use sqern_testkit::package::Payload;

use crate::support::{Place, deb, rpm};

const HEADERS: &str = "usr/src/linux-headers-6.1.0-25-amd64";

fn adapted(root: &Path, version: &str) -> Result<Adapted, Failure> {
    adapt(root, &KernelVersion::new(version).expect("a version"))
}

fn release(folder: &str, version: &str) -> (String, String) {
    (format!("{folder}/include/generated/utsrelease.h"), format!("#define UTS_RELEASE \"{version}\"\n"))
}

/// Debian's headers: a flavour, that needs the common tree, and states another release to kbuild than to modules.
fn debian() -> Payload {
    let (path, text) = release(HEADERS, "6.1.0-25-amd64");
    Payload::new()
        .symlink("lib/modules/6.1.0-25-amd64/build", "/usr/src/linux-headers-6.1.0-25-amd64")
        .symlink("lib/modules/6.1.0-25-amd64/source", "/usr/src/linux-headers-6.1.0-25-common")
        .file(format!("{HEADERS}/Makefile"), "include /usr/src/linux-headers-6.1.0-25-common/Makefile\n")
        .file(format!("{HEADERS}/include/config/kernel.release"), "6.1.106\n")
        .file(path, text)
}

fn common() -> Payload {
    Payload::new().file("usr/src/linux-headers-6.1.0-25-common/Makefile", "modules:\n")
}

#[test]
fn debians_tree_is_fitted_and_fitted_once() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&debian())).unwrap();
    place.unpack("b.deb", &deb(&common())).unwrap();
    let first = adapted(&place.root(), "6.1.0-25-amd64").unwrap();
    assert_eq!((first.build, first.headers.as_str()), ("build", HEADERS));
    assert_eq!(first.changed[0].path, format!("{HEADERS}/Makefile"));
    let makefile = fs::read_to_string(place.root().join("build/Makefile")).unwrap();
    assert!(makefile.ends_with("include $(sqern_headers)/../linux-headers-6.1.0-25-common/Makefile\n"), "{makefile}");
    assert_eq!(fs::read_link(place.root().join("build")).unwrap(), Path::new(HEADERS));
    let before = place.tree();
    assert!(adapted(&place.root(), "6.1.0-25-amd64").unwrap().changed.is_empty());
    assert_eq!(place.tree(), before);
}

#[test]
fn links_to_the_host_lead_into_the_tree_wherever_it_is_moved() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&debian())).unwrap();
    place.unpack("b.deb", &deb(&common())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let moved = folder.path().join("moved");
    fs::rename(place.root(), &moved).unwrap();
    fs::create_dir(place.root()).unwrap();
    let modules = moved.join("lib/modules/6.1.0-25-amd64");
    assert!(modules.join("build/include/config/kernel.release").is_file());
    assert_eq!(fs::read_to_string(modules.join("source/Makefile")).unwrap(), "modules:\n");
}

#[test]
fn a_missing_common_tree_is_told_by_its_path() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&debian())).unwrap();
    let error = adapted(&place.root(), "6.1.0-25-amd64").unwrap_err();
    assert_eq!(error.expected, "/usr/src/linux-headers-6.1.0-25-common/Makefile in the packages");
    assert!(error.place.ends_with("/linux-headers-6.1.0-25-amd64/Makefile: line 1"), "{}", error.place);
    assert!(!place.root().join("build").exists());
}

#[test]
fn a_hard_link_to_a_makefile_keeps_what_it_had() {
    let place = Place::new();
    let payload = debian().hard_link(format!("{HEADERS}/other"), format!("{HEADERS}/Makefile"));
    place.unpack("a.deb", &deb(&payload)).unwrap();
    place.unpack("b.deb", &deb(&common())).unwrap();
    adapted(&place.root(), "6.1.0-25-amd64").unwrap();
    let other = fs::read_to_string(place.root().join(HEADERS).join("other")).unwrap();
    assert_eq!(other, "include /usr/src/linux-headers-6.1.0-25-common/Makefile\n");
}

#[test]
fn headers_of_other_distributions_are_found_by_what_they_state() {
    for (folder, version) in [
        ("usr/src/kernels/4.18.0-553.el8_10.x86_64", "4.18.0-553.el8_10.x86_64"),
        ("usr/src/linux-6.4.0-150600.21-obj/x86_64/default", "6.4.0-150600.21-default"),
        ("usr/src/linux-headers-6.8.0-40-generic", "6.8.0-40-generic"),
        ("usr/lib/modules/6.10.1-arch1-1/build", "6.10.1-arch1-1"),
    ] {
        let (path, text) = release(folder, version);
        let place = Place::new();
        place
            .unpack("a.rpm", &rpm(&Payload::new().file(path, text).file(format!("{folder}/Makefile"), "VERSION = 6\n")))
            .unwrap();
        let found = adapted(&place.root(), version).unwrap();
        assert_eq!((found.headers.as_str(), found.changed.len()), (folder, 0));
        assert!(place.root().join("build/Makefile").is_file());
    }
}

#[test]
fn a_makefile_that_is_a_link_to_the_shared_one_stays() {
    let (path, text) = release("usr/src/linux-headers-6.8.0-40-generic", "6.8.0-40-generic");
    let payload = Payload::new()
        .file(path, text)
        .file("usr/src/linux-headers-6.8.0-40/Makefile", "X = /usr/src/linux-headers-6.8.0-40/y\n")
        .symlink("usr/src/linux-headers-6.8.0-40-generic/Makefile", "../linux-headers-6.8.0-40/Makefile");
    let place = Place::new();
    place.unpack("a.deb", &deb(&payload)).unwrap();
    assert!(adapted(&place.root(), "6.8.0-40-generic").unwrap().changed.is_empty());
}

#[test]
fn headers_of_another_kernel_are_not_taken() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&debian())).unwrap();
    let error = adapted(&place.root(), "6.1.0-26-amd64").unwrap_err();
    assert_eq!((error.expected.as_str(), error.got.as_str()), ("the headers of 6.1.0-26-amd64", "the headers of 6.1.0-25-amd64"));
}

#[test]
fn a_package_may_not_bring_the_build_link_itself() {
    let place = Place::new();
    place.unpack("a.deb", &deb(&debian().symlink("build", "usr"))).unwrap();
    place.unpack("b.deb", &deb(&common())).unwrap();
    let error = adapted(&place.root(), "6.1.0-25-amd64").unwrap_err();
    assert_eq!(error.got, "a link to usr");
}
