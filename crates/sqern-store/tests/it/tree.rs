//! Adapts unpacked trees.

use std::fs;
use std::path::Path;

use sqern_model::{Diagnostic as _, KernelVersion};
use sqern_store::tree::{Adapted, adapt};
use sqern_store::{Error, ErrorKind};
use sqern_testkit::package::Payload;

use crate::support::{UnpackTest, deb, rpm};

const HEADERS: &str = "usr/src/linux-headers-6.1.0-25-amd64";

fn adapted(root: &Path, version: &str) -> Result<Adapted, Error> {
    adapt(root, &KernelVersion::new(version).expect("a version"))
}

fn release(directory: &str, version: &str) -> (String, String) {
    (
        format!("{directory}/include/generated/utsrelease.h"),
        format!("#define UTS_RELEASE \"{version}\"\n"),
    )
}

/// Returns the headers of a kernel flavor of Debian, which require the common tree. Modules and
/// kbuild read different releases.
fn debian() -> Payload {
    let (path, text) = release(HEADERS, "6.1.0-25-amd64");
    Payload::new()
        .symlink(
            "lib/modules/6.1.0-25-amd64/build",
            "/usr/src/linux-headers-6.1.0-25-amd64",
        )
        .symlink(
            "lib/modules/6.1.0-25-amd64/source",
            "/usr/src/linux-headers-6.1.0-25-common",
        )
        .file(
            format!("{HEADERS}/Makefile"),
            "include /usr/src/linux-headers-6.1.0-25-common/Makefile\n",
        )
        .file(
            format!("{HEADERS}/include/config/kernel.release"),
            "6.1.106\n",
        )
        .file(path, text)
}

fn common() -> Payload {
    Payload::new().file(
        "usr/src/linux-headers-6.1.0-25-common/Makefile",
        "modules:\n",
    )
}

#[test]
fn trees_of_debian_are_adapted_once() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&debian())).unwrap();
    test.unpack("b.deb", &deb(&common())).unwrap();
    let first = adapted(&test.root(), "6.1.0-25-amd64").unwrap();
    assert_eq!((first.build, first.headers.as_str()), ("build", HEADERS));
    assert_eq!(first.changed[0].path, format!("{HEADERS}/Makefile"));
    let makefile = fs::read_to_string(test.root().join("build/Makefile")).unwrap();
    assert!(
        makefile.ends_with("include $(sqern_headers)/../linux-headers-6.1.0-25-common/Makefile\n"),
        "{makefile}"
    );
    assert_eq!(
        fs::read_link(test.root().join("build")).unwrap(),
        Path::new(HEADERS)
    );
    let before = test.tree();
    assert!(
        adapted(&test.root(), "6.1.0-25-amd64")
            .unwrap()
            .changed
            .is_empty()
    );
    assert_eq!(test.tree(), before);
}

#[test]
fn moved_trees_contain_the_targets_of_their_links() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&debian())).unwrap();
    test.unpack("b.deb", &deb(&common())).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let moved = directory.path().join("moved");
    fs::rename(test.root(), &moved).unwrap();
    fs::create_dir(test.root()).unwrap();
    let modules = moved.join("lib/modules/6.1.0-25-amd64");
    assert!(
        modules
            .join("build/include/config/kernel.release")
            .is_file()
    );
    assert_eq!(
        fs::read_to_string(modules.join("source/Makefile")).unwrap(),
        "modules:\n"
    );
}

#[test]
fn missing_common_tree_is_named_by_its_path() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&debian())).unwrap();
    let error = adapted(&test.root(), "6.1.0-25-amd64").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTree);
    let message = error.message();
    let missing = "/usr/src/linux-headers-6.1.0-25-common/Makefile";
    assert!(
        message.ends_with(&format!(": the included file {missing} is missing")),
        "{message}"
    );
    assert!(
        message.contains("/linux-headers-6.1.0-25-amd64/Makefile:1: "),
        "{message}"
    );
    assert!(!test.root().join("build").exists());
}

#[test]
fn hard_links_to_a_makefile_keep_their_content() {
    let test = UnpackTest::new();
    let payload = debian().hard_link(format!("{HEADERS}/other"), format!("{HEADERS}/Makefile"));
    test.unpack("a.deb", &deb(&payload)).unwrap();
    test.unpack("b.deb", &deb(&common())).unwrap();
    adapted(&test.root(), "6.1.0-25-amd64").unwrap();
    let other = fs::read_to_string(test.root().join(HEADERS).join("other")).unwrap();
    assert_eq!(
        other,
        "include /usr/src/linux-headers-6.1.0-25-common/Makefile\n"
    );
}

#[test]
fn headers_of_other_distributions_are_found() {
    for (directory, version) in [
        (
            "usr/src/kernels/4.18.0-553.el8_10.x86_64",
            "4.18.0-553.el8_10.x86_64",
        ),
        (
            "usr/src/linux-6.4.0-150600.21-obj/x86_64/default",
            "6.4.0-150600.21-default",
        ),
        ("usr/src/linux-headers-6.8.0-40-generic", "6.8.0-40-generic"),
        ("usr/lib/modules/6.10.1-arch1-1/build", "6.10.1-arch1-1"),
    ] {
        let (path, content) = release(directory, version);
        let test = UnpackTest::new();
        test.unpack(
            "a.rpm",
            &rpm(&Payload::new()
                .file(path, content)
                .file(format!("{directory}/Makefile"), "VERSION = 6\n")),
        )
        .unwrap();
        let found = adapted(&test.root(), version).unwrap();
        assert_eq!(
            (found.headers.as_str(), found.changed.len()),
            (directory, 0)
        );
        assert!(test.root().join("build/Makefile").is_file());
    }
}

#[test]
fn linked_makefiles_do_not_change() {
    let (path, content) = release("usr/src/linux-headers-6.8.0-40-generic", "6.8.0-40-generic");
    let payload = Payload::new()
        .file(path, content)
        .file(
            "usr/src/linux-headers-6.8.0-40/Makefile",
            "X = /usr/src/linux-headers-6.8.0-40/y\n",
        )
        .symlink(
            "usr/src/linux-headers-6.8.0-40-generic/Makefile",
            "../linux-headers-6.8.0-40/Makefile",
        );
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&payload)).unwrap();
    assert!(
        adapted(&test.root(), "6.8.0-40-generic")
            .unwrap()
            .changed
            .is_empty()
    );
}

#[test]
fn headers_of_another_kernel_are_rejected() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&debian())).unwrap();
    let error = adapted(&test.root(), "6.1.0-26-amd64").unwrap_err();
    let expected = "could not find the headers of 6.1.0-26-amd64 in ";
    assert!(error.message().starts_with(expected), "{error}");
}

#[test]
fn packages_must_not_contain_the_build_link() {
    let test = UnpackTest::new();
    test.unpack("a.deb", &deb(&debian().symlink("build", "usr")))
        .unwrap();
    test.unpack("b.deb", &deb(&common())).unwrap();
    let error = adapted(&test.root(), "6.1.0-25-amd64").unwrap_err();
    assert!(
        error.message().contains(": the path is a link to usr"),
        "{error}"
    );
}
