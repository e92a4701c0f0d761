//! Tests of the limits of dependencies, memory and time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sqern_model::{Crawl, CrawlState, KernelPackage};
use sqern_testkit::repo::{FakeRepo, deb};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, Limits, Silent, crawl_distro};

use crate::support::*;

/// Returns the stanza of a package.
fn stanza(name: &str, version: &str, depends: &str) -> String {
    deb(name).version(version).depends(depends).stanza() + "\n"
}

/// Crawls an index with this text.
async fn crawl_index(text: &str, limits: Limits) -> Crawl {
    let options = CrawlOptions {
        limits,
        ..options()
    };
    crawl_with(&FakeRepo::new("bookworm").index(text), &options).await
}

/// Returns an index of kernels that all require the first package of a chain.
fn chained(kernels: usize, length: usize) -> String {
    let mut text = String::new();
    for kernel in 0..kernels {
        let name = format!("linux-headers-6.{kernel}.0-1-amd64");
        text += &stanza(&name, "1", "linux-kbuild-0");
    }
    for link in 0..length {
        let next = format!("linux-kbuild-{}", link + 1);
        let next = if link + 1 < length { &*next } else { "libc6" };
        text += &stanza(&format!("linux-kbuild-{link}"), "1", next);
    }
    text
}

#[tokio::test]
async fn kernel_over_the_limit_is_skipped_with_a_warning() {
    let text = chained(1, 30) + &stanza("linux-headers-6.1.0-25-amd64", "1", "libc6");
    let crawl = crawl_index(&text, Limits::default()).await;
    assert_eq!(crawl.state, CrawlState::Complete, "{crawl:?}");
    assert_eq!(
        kernels(&crawl).into_iter().collect::<Vec<_>>(),
        ["6.1.0-25-amd64"]
    );
    assert_eq!(crawl.packages.len(), 1);
    assert_eq!(
        crawl.warnings,
        ["skipped: 6.0.0-1-amd64: it requires more than 16 levels of dependencies"]
    );
}

#[tokio::test]
async fn kernels_share_the_packages_that_they_require() {
    let crawl = crawl_index(&chained(40, 16), Limits::default()).await;
    assert_eq!(crawl.state, CrawlState::Complete, "{crawl:?}");
    assert_eq!(crawl.packages.len(), 40 * 17);
    let distinct: std::collections::HashSet<*const _> = crawl
        .packages
        .iter()
        .map(|package: &KernelPackage| std::ptr::from_ref(&**package))
        .collect();
    assert_eq!(distinct.len(), 40 + 16);
}

#[tokio::test]
async fn source_with_too_many_packages_fails_and_others_are_recorded() {
    let limits = Limits {
        source_packages: 40 * 17 - 1,
        ..Limits::default()
    };
    let crawl = crawl_index(&chained(40, 16), limits.clone()).await;
    assert_eq!((crawl.state, crawl.packages.len()), (CrawlState::Failed, 0));
    let reason = crawl.reason.expect("a reason");
    assert!(
        reason.contains("they require more than 679 packages"),
        "{reason}"
    );
    assert_eq!(
        crawl.checksum, None,
        "the next check reads the source again"
    );
    let (hostile_folder, folder) = (folder(), folder());
    let hostile = FakeRepo::new("hostile").index(chained(40, 16));
    let hostile = hostile.write(hostile_folder.path()).expect("a repository");
    let good = bookworm().write(folder.path()).expect("a repository");
    let distro = distro(&[(&hostile, &hostile.file_url()), (&good, &good.file_url())]);
    let options = CrawlOptions {
        limits,
        ..options()
    };
    let crawls = crawl_all(&distro, &options).await;
    assert_eq!(
        crawls.iter().map(|crawl| crawl.state).collect::<Vec<_>>(),
        [CrawlState::Failed, CrawlState::Complete]
    );
    assert_eq!(kernels(&crawls[1]).len(), 1);
}

#[tokio::test]
async fn warnings_of_a_source_are_limited() {
    let mut text = String::new();
    for kernel in 0..150 {
        let name = format!("linux-headers-6.{kernel}.0-1-amd64");
        text += &stanza(&name, "1", "linux-kbuild-9");
    }
    let crawl = crawl_index(&text, Limits::default()).await;
    assert_eq!(kernels(&crawl).len(), 150);
    assert_eq!(crawl.warnings.len(), 101);
    assert_eq!(
        crawl.warnings.last().map(String::as_str),
        Some("50 further warnings omitted")
    );
}

#[tokio::test]
async fn memory_of_the_indexes_of_a_source_is_limited() {
    let mut relations = String::new();
    for number in 0..900 {
        write!(relations, "linux-kbuild-{number}, ").expect("memory accepts all bytes");
    }
    let mut text = String::new();
    for kernel in 0..300 {
        let name = format!("linux-headers-6.{kernel}.0-1-amd64");
        text += &stanza(&name, "1", &relations);
    }
    let crawl = crawl_index(&text, Limits::default()).await;
    assert_eq!(crawl.state, CrawlState::Failed);
    let reason = crawl.reason.expect("a reason");
    assert!(
        reason.contains("the kernel packages of the source require more than 16.00 MiB of memory"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_cached_index_counts_towards_the_memory_limit() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let distro = distro(&[(&written, &written.file_url())]);
    let first = crawl_all(&distro, &options()).await;
    let limited = CrawlOptions {
        limits: Limits {
            entry_bytes: 100,
            ..Limits::default()
        },
        ..options()
    };
    let second = crawl_again(&distro, &first, &limited).await.remove(0);
    assert_eq!(second.state, CrawlState::Failed, "{second:?}");
}

#[tokio::test]
async fn many_versions_of_a_package_are_resolved() {
    let mut text = String::new();
    for version in 0..3000 {
        text += &stanza("linux-kbuild-6.1", &format!("{version}"), "libc6");
    }
    for kernel in 0..100 {
        let name = format!("linux-headers-6.{kernel}.0-1-amd64");
        let bounds = (0..20).map(|bound| format!("linux-kbuild-6.1 (<= {})", kernel * 20 + bound));
        text += &stanza(&name, "1", &bounds.collect::<Vec<_>>().join(", "));
    }
    let crawl = crawl_index(&text, Limits::default()).await;
    assert_eq!(crawl.state, CrawlState::Complete, "{:?}", crawl.reason);
    assert_eq!(crawl.packages.len(), 100 * 21);
}

#[tokio::test]
async fn repeated_packages_of_an_index_are_read_once() {
    let common = stanza("linux-kbuild-6.1", "1", "libc6");
    let headers = stanza("linux-headers-6.1.0-25-amd64", "1", "linux-kbuild-6.1");
    let crawl = crawl_index(
        &(common.repeat(500) + &headers.repeat(2)),
        Limits::default(),
    )
    .await;
    assert_eq!(
        (crawl.state, crawl.packages.len()),
        (CrawlState::Complete, 2)
    );
}

#[tokio::test]
async fn source_that_exceeds_its_time_limit_fails_and_others_are_read() {
    let served = Served::new(&bookworm()).await;
    let folder = folder();
    let other = FakeRepo::new("bookworm-updates").package(headers());
    let written = other.write(folder.path()).expect("a repository");
    let distro = distro(&[
        (&served.written, &served.server.url()),
        (&written, &written.file_url()),
    ]);
    served.server.delay(Duration::from_secs(3600));
    let options = CrawlOptions {
        source_timeout: Duration::from_secs(3),
        ..options()
    };
    // The time limits of a request are longer than that of the source.
    let client = Client::new(ClientOptions::default()).expect("a client");
    let crawls = crawl_distro(&client, &distro, &BTreeMap::new(), &options, &Silent).await;
    assert_eq!(crawls[0].state, CrawlState::Failed);
    assert!(
        crawls[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("canceled after 3s")),
        "{:?}",
        crawls[0].reason
    );
    assert_eq!(crawls[1].state, CrawlState::Complete);
}
