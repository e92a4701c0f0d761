//! Tests of dependencies over the sources of a distribution, and of progress.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sqern_model::{CrawlState, DistroName};
use sqern_testkit::repo::{FakeRepo, RepoFault, UBUNTU_RULE, WrittenRepo, deb};
use sqern_upstream::{Progress, crawl_distro};
use tempfile::TempDir;

use crate::support::*;

fn written(repo: &FakeRepo) -> (TempDir, WrittenRepo) {
    let folder = folder();
    let written = repo.write(folder.path()).expect("a repository");
    (folder, written)
}

#[tokio::test]
async fn dependencies_are_found_in_all_sources() {
    let common = || {
        deb("linux-headers-6.1.0-25-common")
            .version("6.1.106-3")
            .architecture("all")
            .depends("libc6")
    };
    let kernel = headers().depends(
        "linux-headers-6.1.0-25-common (= 6.1.106-3), linux-kbuild-6.1 (>= 6.1.106-3), gcc-12",
    );
    let main = FakeRepo::new("bookworm")
        .package(kernel.clone())
        .package(common())
        .package(deb("linux-kbuild-6.1").version("6.1.99-1"));
    let security = FakeRepo::new("bookworm-security")
        .package(kernel)
        .package(common())
        .package(deb("linux-kbuild-6.1").version("6.1.112-1"));
    let ((_keep, main), (_keep_too, security)) = (written(&main), written(&security));
    let (main_url, security_url) = (main.file_url(), security.file_url());
    let crawls = crawl_all(
        &distro(&[(&main, &main_url), (&security, &security_url)]),
        &options(),
    )
    .await;
    let kernel = "6.1.0-25-amd64 headers linux-headers-6.1.0-25-amd64=6.1.106-3";
    let common = "6.1.0-25-amd64 support linux-headers-6.1.0-25-common=6.1.106-3";
    assert_eq!(rows(&crawls[0]), [kernel, common]);
    assert_eq!(
        rows(&crawls[1]),
        [
            kernel,
            common,
            "6.1.0-25-amd64 support linux-kbuild-6.1=6.1.112-1"
        ]
    );
    assert!(
        crawls
            .iter()
            .all(|crawl| crawl.state == CrawlState::Complete && crawl.warnings.is_empty()),
        "{crawls:?}"
    );
}

#[tokio::test]
async fn hwe_kernel_requires_headers_of_its_series() {
    let repo = FakeRepo::new("jammy-updates")
        .calls_itself("jammy-updates", "jammy")
        .package(
            deb("linux-headers-6.8.0-40-generic")
                .version("6.8.0-40.40~22.04.3")
                .depends("linux-hwe-6.8-headers-6.8.0-40, libc6 (>= 2.34)"),
        )
        .package(
            deb("linux-hwe-6.8-headers-6.8.0-40")
                .version("6.8.0-40.40~22.04.3")
                .architecture("all"),
        )
        .package(deb("linux-headers-generic").depends("linux-headers-6.8.0-40-generic"));
    let (_keep, repo) = written(&repo);
    let crawl = crawl_all(
        &distro_with(UBUNTU_RULE, &[(&repo, &repo.file_url())]),
        &options(),
    )
    .await
    .remove(0);
    assert_complete(&crawl, &["6.8.0-40-generic"]);
    assert_eq!(
        rows(&crawl)[1],
        "6.8.0-40-generic support linux-hwe-6.8-headers-6.8.0-40=6.8.0-40.40~22.04.3"
    );
}

#[tokio::test]
async fn missing_common_headers_are_a_warning() {
    let repo = FakeRepo::new("jammy")
        .package(deb("linux-headers-6.8.0-40-generic").depends("linux-headers-6.8.0-40"));
    let (_keep, repo) = written(&repo);
    let crawl = crawl_all(
        &distro_with(UBUNTU_RULE, &[(&repo, &repo.file_url())]),
        &options(),
    )
    .await
    .remove(0);
    assert_complete(&crawl, &["6.8.0-40-generic"]);
    let reported = "6.8.0-40-generic is incomplete: it requires linux-headers-6.8.0-40, which no index of fake contains";
    assert_eq!(crawl.warnings, [reported]);
}

#[tokio::test]
async fn incomplete_kernel_is_reported_with_the_failed_source() {
    let jammy = FakeRepo::new("jammy")
        .package(deb("linux-headers-6.8.0-40-generic").depends("linux-headers-6.8.0-40"));
    let updates = FakeRepo::new("jammy-updates")
        .package(deb("linux-headers-6.8.0-40"))
        .fault(RepoFault::CutIndex);
    let ((_keep, jammy), (_keep_too, updates)) = (written(&jammy), written(&updates));
    let (jammy_url, updates_url) = (jammy.file_url(), updates.file_url());
    let crawls = crawl_all(
        &distro_with(
            UBUNTU_RULE,
            &[(&jammy, &jammy_url), (&updates, &updates_url)],
        ),
        &options(),
    )
    .await;
    assert_failed(&crawls[1], &["truncated"]);
    assert!(
        crawls[0].warnings[0].ends_with("(source jammy-updates failed)"),
        "{:?}",
        crawls[0].warnings
    );
}

/// Records the progress.
#[derive(Default)]
struct RecordedProgress(Mutex<Vec<String>>);

impl RecordedProgress {
    fn add(&self, text: String) {
        self.0.lock().expect("a lock").push(text);
    }
}

impl Progress for RecordedProgress {
    fn started(&self, distro: &DistroName, source: &str) {
        self.add(format!("{distro} {source} started"));
    }
    fn received(&self, _distro: &DistroName, _source: &str, bytes: u64) {
        self.add(bytes.to_string());
    }
    fn finished(&self, distro: &DistroName, source: &str) {
        self.add(format!("{distro} {source} finished"));
    }
}

#[tokio::test]
async fn progress_is_reported_from_start_to_end() {
    let served = Served::new(&bookworm()).await;
    let reported = RecordedProgress::default();
    let crawl = crawl_distro(
        &client(),
        &served.distro(),
        &BTreeMap::new(),
        &options(),
        &reported,
    )
    .await
    .remove(0);
    let reported = reported.0.into_inner().expect("a lock");
    assert_eq!(
        reported.first().map(String::as_str),
        Some("fake bookworm started")
    );
    assert_eq!(reported.last(), Some(&"fake bookworm finished".to_owned()));
    let received: u64 = reported[1..reported.len() - 1]
        .iter()
        .map(|bytes| bytes.parse::<u64>().expect("bytes"))
        .sum();
    assert_eq!(received, crawl.bytes);
}
