//! Fixtures of tests with rpm-md repositories.

use std::path::Path;

use sqern_model::{Crawl, DistroDef};
use sqern_testkit::repo::{EL_RULE, FakeRpmRepo, Rpm, rpm, rpm_distro_toml};
use sqern_upstream::CrawlOptions;

use crate::support::{crawl_all, folder, options};

/// The kernel of the shared repository.
pub(crate) const KERNEL: &[&str] = &["4.18.0-553.el8_10.x86_64"];

/// Returns a header package that provides the kernel version `4.18.0-RELEASE.x86_64`.
pub(crate) fn devel(release: &str) -> Rpm {
    let uname = format!("4.18.0-{release}.x86_64");
    rpm("kernel-devel", "4.18.0", release)
        .provides("kernel-devel-uname-r", &uname)
        .requires("gcc", "")
}

/// Returns a repository with one kernel.
pub(crate) fn repo() -> FakeRpmRepo {
    FakeRpmRepo::new()
        .package(rpm("bash", "5", "1"))
        .package(devel("553.el8_10"))
}

/// Returns a distribution with the rule of Enterprise Linux and one source with these lines.
pub(crate) fn distro(lines: &str) -> DistroDef {
    distro_with(EL_RULE, &[("baseos", lines)])
}

pub(crate) fn distro_with(rule: &str, sources: &[(&str, &str)]) -> DistroDef {
    let text = rpm_distro_toml("fake", rule, sources);
    sqern_upstream::sources::parse("fake.toml", &text).expect("a distribution")
}

/// Returns the lines of an unsigned source in a directory.
pub(crate) fn unsigned(folder: &Path) -> String {
    format!(
        "base = [\"file://{}\"]\nsignature = \"off\"",
        folder.display()
    )
}

/// Writes a repository and crawls its `file:` URL without verification.
pub(crate) async fn crawl(repo: &FakeRpmRepo) -> Crawl {
    crawl_with(repo, &options()).await
}

pub(crate) async fn crawl_with(repo: &FakeRpmRepo, options: &CrawlOptions) -> Crawl {
    let folder = folder();
    repo.write(folder.path()).expect("a repository");
    crawl_all(&distro(&unsigned(folder.path())), options)
        .await
        .remove(0)
}
