//! Tests of the cache between crawls: unchanged indexes are not read, and older metadata is an
//! error.

use sqern_model::CrawlState;
use sqern_testkit::repo::{EL_RULE, FakeRepo, FakeRpmRepo, UBUNTU_RULE, WrittenRepo, rpm};
use tempfile::TempDir;

use crate::rpm_support;
use crate::support::*;

#[tokio::test]
async fn index_of_an_unchanged_source_is_not_requested() {
    let served = Served::new(&bookworm()).await;
    let first = served.crawl().await;
    let requests_before = served.server.count("Packages");
    let again = crawl_again(&served.distro(), std::slice::from_ref(&first), &options())
        .await
        .remove(0);
    assert_eq!(
        (again.state, &again.packages),
        (CrawlState::Unchanged, &first.packages)
    );
    assert_eq!(
        (&again.checksum, &again.kept),
        (&first.checksum, &first.kept)
    );
    assert_eq!(served.server.count("Packages"), requests_before);
}

#[tokio::test]
async fn changed_rule_invalidates_the_cache() {
    let served = Served::new(&bookworm()).await;
    let first = served.crawl().await;
    let distro = distro_with(UBUNTU_RULE, &[(&served.written, &served.server.url())]);
    let again = crawl_again(&distro, &[first], &options()).await.remove(0);
    assert_eq!(
        (again.state, kernels(&again).len()),
        (CrawlState::Complete, 0)
    );
    assert_eq!(served.server.count("Packages"), 2);
}

#[tokio::test]
async fn changed_source_does_not_invalidate_others() {
    let (folder, other_folder) = (folder(), folder());
    let main = bookworm().write(folder.path()).expect("a repository");
    let updates = |repo: FakeRepo| repo.write(other_folder.path()).expect("a repository");
    let other = updates(FakeRepo::new("bookworm-updates"));
    let (main_url, other_url) = (main.file_url(), other.file_url());
    let distro = |other: &WrittenRepo| distro(&[(&main, &main_url), (other, &other_url)]);
    let first = crawl_all(&distro(&other), &options()).await;
    // Unchanged files are not read, so they may be missing.
    std::fs::remove_dir_all(folder.path().join("dists/bookworm/main")).expect("removed");
    let more = FakeRepo::new("bookworm-updates").package(headers().version("6.1.106-4"));
    let other = updates(more.date(time("2026-01-02T00:00:00Z")));
    let again = crawl_again(&distro(&other), &first, &options()).await;
    assert_eq!(
        again.iter().map(|crawl| crawl.state).collect::<Vec<_>>(),
        [CrawlState::Unchanged, CrawlState::Complete]
    );
    assert_eq!(again[0].packages, first[0].packages);
    assert_eq!(kernels(&again[1]).len(), 1);
}

fn rpm_repo(folder: &TempDir, made: &str, releases: &[&str]) {
    let devel = |release: &&str| rpm("kernel-devel", "4.18.0", release);
    let repo = releases
        .iter()
        .map(devel)
        .fold(FakeRpmRepo::new(), FakeRpmRepo::package);
    repo.date(time(made))
        .write(folder.path())
        .expect("a repository");
}

#[tokio::test]
async fn older_release_is_an_error_unless_accepted() {
    let folder = folder();
    let write = |repo: FakeRepo, date: &str| {
        repo.date(time(date))
            .write(folder.path())
            .expect("a repository")
    };
    let newer = write(
        bookworm().package(headers().version("6.1.106-4")),
        "2026-01-05T00:00:00Z",
    );
    let url = newer.file_url();
    let first = crawl_all(&distro(&[(&newer, &url)]), &options()).await;
    assert_eq!(first[0].state, CrawlState::Complete);

    let older = write(bookworm(), "2026-01-02T00:00:00Z");
    let distro = distro(&[(&older, &url)]);
    let refused = crawl_again(&distro, &first, &options()).await.remove(0);
    assert_failed(
        &refused,
        &[
            "than the last accepted one (2026-01-05T00:00:00Z)",
            "the Release file of 2026-01-02T00:00:00Z",
            "3 days older",
            "--accept-rollback",
        ],
    );
    assert_eq!(
        (refused.dated_at, &refused.kept),
        (None, &None),
        "a rejected Release replaces neither the date nor the cache"
    );

    let accepting = sqern_upstream::CrawlOptions {
        accept_rollback: true,
        ..options()
    };
    let accepted = crawl_again(&distro, &first, &accepting).await.remove(0);
    assert_complete(&accepted, &["6.1.0-25-amd64"]);
    assert!(
        accepted
            .warnings
            .iter()
            .any(|warning| warning.contains("accepted a Release")),
        "{:?}",
        accepted.warnings
    );
    let later = crawl_again(&distro, &[accepted], &options())
        .await
        .remove(0);
    assert_eq!(
        later.state,
        CrawlState::Unchanged,
        "the older one is the measure now"
    );
}

#[tokio::test]
async fn older_and_future_repomd_are_errors() {
    let folder = folder();
    let def = rpm_support::distro(&rpm_support::unsigned(folder.path()));
    rpm_repo(
        &folder,
        "2026-01-05T00:00:00Z",
        &["553.el8_10", "600.el8_10"],
    );
    let first = crawl_all(&def, &options()).await;
    assert_eq!(
        (first[0].state, first[0].dated_at),
        (CrawlState::Complete, Some(time("2026-01-05T00:00:00Z")))
    );

    rpm_repo(&folder, "2026-01-02T00:00:00Z", &["553.el8_10"]);
    let refused = crawl_again(&def, &first, &options()).await.remove(0);
    assert_failed(
        &refused,
        &[
            "than the last accepted one (2026-01-05T00:00:00Z)",
            "--accept-rollback",
        ],
    );

    rpm_repo(&folder, "2026-02-01T00:00:00Z", &["553.el8_10"]);
    let refused = crawl_again(&def, &first, &options()).await.remove(0);
    assert_failed(&refused, &["is in the future", "2026-02-01T00:00:00Z"]);
}

#[tokio::test]
async fn changed_rule_invalidates_the_cache_of_rpm_repositories() {
    let folder = folder();
    rpm_repo(&folder, "2026-01-01T00:00:00Z", &["553.el8_10"]);
    let mut def = rpm_support::distro_with(
        EL_RULE,
        &[("baseos", &rpm_support::unsigned(folder.path()))],
    );
    let first = crawl_all(&def, &options()).await;
    // Unchanged files are not read, so they may be missing.
    std::fs::remove_file(folder.path().join("repodata/primary.xml.gz")).expect("removed");
    let again = crawl_again(&def, &first, &options()).await.remove(0);
    assert_eq!(
        (again.state, &again.packages),
        (CrawlState::Unchanged, &first[0].packages)
    );
    def.rules[0].uname_provides = None;
    let other = crawl_again(&def, &first, &options()).await.remove(0);
    assert_eq!(other.state, CrawlState::Failed, "it is read again");
}

#[tokio::test]
async fn stale_source_is_a_warning() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let mut distro = distro(&[(&written, &written.file_url())]);
    apt_sources(&mut distro).for_each(|source| source.stale_after_days = Some(9));
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_complete(&crawl, &["6.1.0-25-amd64"]);
    assert!(
        crawl
            .warnings
            .iter()
            .any(|warning| warning.contains("10 days old")),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn closed_suite_is_valid_after_its_valid_until() {
    let folder = folder();
    let written = bookworm()
        .valid_until(time("2026-01-05T00:00:00Z"))
        .write(folder.path())
        .expect("a repository");
    let mut distro = distro(&[(&written, &written.file_url())]);
    assert_failed(
        &crawl_all(&distro, &options()).await.remove(0),
        &["current time is"],
    );
    apt_sources(&mut distro).for_each(|source| source.check_valid_until = false);
    assert_complete(
        &crawl_all(&distro, &options()).await.remove(0),
        &["6.1.0-25-amd64"],
    );
}
