//! The test module of a kernel, and kernels whose packages changed.

use std::path::Path;

use sqern_testkit::repo::FakeRepo;

use super::{Fixture, kernel, kernel_with, module_of};

#[tokio::test(flavor = "multi_thread")]
async fn without_pahole_a_kernel_with_btf_is_proven_without_it() {
    let files = [
        (
            ".config",
            "CONFIG_CC_IS_GCC=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n",
        ),
        ("vmlinux", "x"),
    ];
    let fixture = Fixture::new(kernel_with("6.1.0-1", &files)).await;
    let ran = fixture.program.done(&fixture.arguments(&[]));
    let warned = ran.stderr.contains(
        "pahole is not installed; test modules for debian12 6.1.0-1-amd64 are compiled without BTF, which other builds require",
    );
    let is_installed = ["/usr/bin/pahole", "/usr/local/bin/pahole", "/bin/pahole"]
        .iter()
        .any(|file| Path::new(file).exists());
    assert_eq!(warned, !is_installed, "{ran:?}");
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn compilers_are_recorded_and_missing_symbol_versions_reported() {
    let versions = (".config", "CONFIG_CC_IS_GCC=y\nCONFIG_MODVERSIONS=y\n");
    let symbols = ("Module.symvers", "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n");
    let compiler = "CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n";
    let fixture = Fixture::new(kernel_with("6.1.0-1", &[(".config", compiler)])).await;
    fixture.program.done(&fixture.arguments(&[]));
    let manifest = std::fs::read(fixture.tree("6.1.0-1-amd64").join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let compilers = &manifest["compilers"];
    assert_eq!(compilers["kernel"], "gcc-12 (Debian 12.2.0-14) 12.2.0");
    assert!(
        compilers["module"]
            .as_str()
            .is_some_and(|text| text.contains("GCC") || text.contains("clang")),
        "{compilers}"
    );

    for (files, is_reported) in [
        (&[versions][..], true),
        (&[versions, symbols], false),
        (&[(".config", "CONFIG_CC_IS_GCC=y\n")], false),
    ] {
        let fixture = Fixture::new(kernel_with("6.1.0-1", files)).await;
        let ran = fixture.program.done(&fixture.arguments(&[]));
        let warning = "modules for debian12 6.1.0-1-amd64 have no symbol versions: its headers contain no Module.symvers";
        assert_eq!(ran.stderr.contains(warning), is_reported, "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_republished_package_is_reported_and_fetched_on_request() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    fixture.program.done(&fixture.arguments(&[]));
    let old = module_of(&fixture.tree("6.1.0-1-amd64"));
    let check = [
        "check",
        "--distro",
        "debian12",
        "--sources",
        &fixture.sources,
    ];
    fixture.program.done(&check);
    let nothing = fixture.program.done(&fixture.arguments(&[]));
    assert!(!nothing.stderr.contains("published again"), "{nothing:?}");

    // The same version with other content.
    kernel_with("6.1.0-1", &[("include/new.h", "")])
        .into_iter()
        .fold(FakeRepo::new("bookworm"), FakeRepo::package)
        .write(&fixture.archive)
        .unwrap();
    fixture.program.done(&check);
    let reported = fixture.program.done(&fixture.arguments(&[]));
    for text in [
        "the headers package of 1 fetched kernel was published again with other content",
        "hint: sqern fetch --republished",
        "nothing to fetch",
    ] {
        assert!(reported.stderr.contains(text), "{reported:?}");
    }
    let again = fixture.program.done(&fixture.arguments(&["--republished"]));
    assert!(again.stdout.contains("6.1.0-1-amd64"), "{again:?}");
    let header = fixture.tree("6.1.0-1-amd64").join("build/include/new.h");
    assert!(header.exists());
    assert_eq!(module_of(&fixture.tree("6.1.0-1-amd64")), old);
    let done = fixture.program.done(&fixture.arguments(&["--republished"]));
    assert!(
        done.stderr.contains("nothing to fetch") && !done.stderr.contains("published again"),
        "{done:?}"
    );
}
