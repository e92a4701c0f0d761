//! Tests of the kernels and dependencies of rpm packages.

use sqern_testkit::repo::{FakeRpmRepo, SUSE_RULE, rpm};

use crate::rpm_support::*;
use crate::support::{assert_complete, crawl_all, folder, kernels, options, rows};

#[tokio::test]
async fn kernel_is_determined_by_provides_or_template() {
    let repo = FakeRpmRepo::new()
        .package(
            rpm("kernel-devel", "4.18.0", "553.el8_10")
                .provides("kernel-devel-uname-r", "4.18.0-553.el8_10.x86_64+x"),
        )
        .package(rpm("kernel-devel", "3.10.0", "1160.el7"))
        .package(rpm("kernel-uek-devel", "5.15.0", "1.300.1.el8uek"));
    let expected = [
        "3.10.0-1160.el7.x86_64",
        "4.18.0-553.el8_10.x86_64+x",
        "5.15.0-1.300.1.el8uek.x86_64",
    ];
    assert_complete(&crawl(&repo).await, &expected);
}

#[tokio::test]
async fn flavors_of_suse_share_their_common_package() {
    let flavour = |flavour: &str, release: &str| {
        let version = format!("6.4.0-{release}");
        rpm(&format!("kernel-{flavour}-devel"), "6.4.0", release).requires("kernel-devel", &version)
    };
    let shared = |release: &str| rpm("kernel-devel", "6.4.0", release).architecture("noarch");
    let repo = FakeRpmRepo::new()
        .package(flavour("default", "150600.23.25.1"))
        .package(flavour("azure", "150600.8.1.1"))
        .package(shared("150600.23.25.1"))
        .package(shared("150600.23.30.1"));
    let folder = folder();
    repo.write(folder.path()).expect("a repository");
    let crawl = crawl_all(
        &distro_with(SUSE_RULE, &[("oss", &unsigned(folder.path()))]),
        &options(),
    )
    .await
    .remove(0);
    assert_eq!(
        rows(&crawl),
        [
            "6.4.0-150600.23.25-default headers kernel-default-devel=6.4.0-150600.23.25.1",
            "6.4.0-150600.23.25-default support kernel-devel=6.4.0-150600.23.25.1",
            "6.4.0-150600.8.1-azure headers kernel-azure-devel=6.4.0-150600.8.1.1",
        ]
    );
    let incomplete = crawl
        .warnings
        .iter()
        .find(|warning| warning.contains("6.4.0-150600.8.1-azure is incomplete"));
    assert!(
        incomplete.is_some_and(|warning| warning.contains("kernel-devel (= 6.4.0-150600.8.1.1)")),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn release_without_kernel_is_a_warning() {
    let folder = folder();
    FakeRpmRepo::new()
        .package(rpm("kernel-default-devel", "6.4.0", "1"))
        .write(folder.path())
        .expect("a repository");
    let crawl = crawl_all(
        &distro_with(SUSE_RULE, &[("oss", &unsigned(folder.path()))]),
        &options(),
    )
    .await
    .remove(0);
    assert_complete(&crawl, &[]);
    assert!(
        crawl
            .warnings
            .iter()
            .any(|warning| warning.contains("kernel-default-devel 6.4.0-1")),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn kernel_of_two_minor_releases_is_recorded_once() {
    let (first, second) = (folder(), folder());
    repo().write(first.path()).expect("a repository");
    repo()
        .package(devel("600.el8_10"))
        .write(second.path())
        .expect("a repository");
    let sources = [
        ("8.9", unsigned(first.path())),
        ("8.10", unsigned(second.path())),
    ];
    let sources: Vec<(&str, &str)> = sources
        .iter()
        .map(|(name, lines)| (*name, lines.as_str()))
        .collect();
    let crawls = crawl_all(
        &distro_with(sqern_testkit::repo::EL_RULE, &sources),
        &options(),
    )
    .await;
    let all: std::collections::BTreeSet<String> = crawls.iter().flat_map(kernels).collect();
    assert_eq!(
        crawls
            .iter()
            .map(|crawl| kernels(crawl).len())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
        ["4.18.0-553.el8_10.x86_64", "4.18.0-600.el8_10.x86_64"]
    );
}
