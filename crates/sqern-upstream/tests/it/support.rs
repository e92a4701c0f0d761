//! Fixtures of all tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqern_model::{AptSource, Crawl, CrawlCache, DistroDef, PackageRole, Source};
use sqern_testkit::repo::{DEBIAN_RULE, Deb, FakeRepo, FileServer, WrittenRepo, deb, distro_toml};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, Silent, crawl_distro};
use tempfile::TempDir;

/// Returns the time of the crawls. Repositories are created 10 days earlier, on 2026-01-01.
pub(crate) fn now() -> Timestamp {
    time("2026-01-11T00:00:00Z")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Returns the header package of `6.1.0-25-amd64`.
pub(crate) fn headers() -> Deb {
    deb("linux-headers-6.1.0-25-amd64").version("6.1.106-3")
}

/// Returns a signed suite with one kernel.
pub(crate) fn bookworm() -> FakeRepo {
    FakeRepo::new("bookworm").package(headers())
}

pub(crate) fn client() -> Client {
    Client::new(ClientOptions {
        idle_timeout: Duration::from_millis(300),
        backoff: Duration::from_millis(1),
        system_proxy: false,
        ..ClientOptions::default()
    })
    .expect("a client")
}

pub(crate) fn options() -> CrawlOptions {
    CrawlOptions::new(now())
}

/// Returns a distribution `fake` with the rule of Debian, and a source for each suite.
pub(crate) fn distro(sources: &[(&WrittenRepo, &str)]) -> DistroDef {
    distro_with(DEBIAN_RULE, sources)
}

pub(crate) fn distro_with(rule: &str, sources: &[(&WrittenRepo, &str)]) -> DistroDef {
    let text = distro_toml("fake", rule, sources);
    sqern_upstream::sources::parse("fake.toml", &text).expect("a distribution")
}

/// Returns the sources of a distribution, for changes.
pub(crate) fn apt_sources(distro: &mut DistroDef) -> impl Iterator<Item = &mut AptSource> {
    distro.sources.iter_mut().filter_map(|source| match source {
        Source::Apt(source) => Some(source),
        Source::RpmMd(_) => None,
    })
}

pub(crate) async fn crawl_all(distro: &DistroDef, options: &CrawlOptions) -> Vec<Crawl> {
    crawl_distro(&client(), distro, &BTreeMap::new(), options, &Silent).await
}

/// Returns the cache of crawls, as the database stores it.
pub(crate) fn remembered(crawls: &[Crawl]) -> BTreeMap<String, CrawlCache> {
    let remember = |crawl: &Crawl| CrawlCache {
        was_verified: crawl.verified_by.is_some(),
        checksum: crawl.checksum.clone().filter(|_| crawl.state.is_whole()),
        dated_at: crawl.dated_at,
        kept: crawl.kept.clone().unwrap_or_default(),
    };
    crawls
        .iter()
        .map(|crawl| (crawl.source.clone(), remember(crawl)))
        .collect()
}

/// Crawls with the cache of earlier crawls.
pub(crate) async fn crawl_again(
    distro: &DistroDef,
    before: &[Crawl],
    options: &CrawlOptions,
) -> Vec<Crawl> {
    crawl_distro(&client(), distro, &remembered(before), options, &Silent).await
}

/// Writes a repository and crawls its `file:` URL.
pub(crate) async fn crawl(repo: &FakeRepo) -> Crawl {
    crawl_with(repo, &options()).await
}

pub(crate) async fn crawl_with(repo: &FakeRepo, options: &CrawlOptions) -> Crawl {
    let folder = folder();
    let written = repo.write(folder.path()).expect("a repository");
    let url = written.file_url();
    crawl_all(&distro(&[(&written, &url)]), options)
        .await
        .remove(0)
}

/// A repository on a server.
pub(crate) struct Served {
    pub server: FileServer,
    pub written: WrittenRepo,
    _folder: TempDir,
}

impl Served {
    pub(crate) async fn new(repo: &FakeRepo) -> Self {
        let folder = folder();
        let written = repo.write(folder.path()).expect("a repository");
        let server = FileServer::start(folder.path()).await.expect("a server");
        Self {
            server,
            written,
            _folder: folder,
        }
    }

    pub(crate) fn distro(&self) -> DistroDef {
        distro(&[(&self.written, &self.server.url())])
    }

    pub(crate) async fn crawl(&self) -> Crawl {
        crawl_all(&self.distro(), &options()).await.remove(0)
    }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Returns the kernels with headers in a crawl.
pub(crate) fn kernels(crawl: &Crawl) -> BTreeSet<String> {
    let headers = crawl
        .packages
        .iter()
        .filter(|package| package.role == PackageRole::Headers);
    headers.map(|package| package.kernel.to_string()).collect()
}

/// Returns the packages of a crawl as `kernel role name=version`, sorted.
pub(crate) fn rows(crawl: &Crawl) -> Vec<String> {
    let row = |package: &sqern_model::KernelPackage| {
        format!(
            "{} {} {}={}",
            package.kernel,
            package.role.as_str(),
            package.name,
            package.version
        )
    };
    crawl.packages.iter().map(row).collect()
}

/// Asserts that a crawl failed without packages, and that its reason contains all these texts.
pub(crate) fn assert_failed(crawl: &Crawl, messages: &[&str]) {
    assert_eq!(crawl.state, sqern_model::CrawlState::Failed, "{crawl:?}");
    assert!(crawl.packages.is_empty());
    let reason = crawl
        .reason
        .as_deref()
        .expect("a failed crawl has a reason");
    for part in messages {
        assert!(reason.contains(part), "{part:?} in {reason:?}");
    }
}

/// Asserts that a crawl is complete and found exactly these kernels.
pub(crate) fn assert_complete(crawl: &Crawl, expected: &[&str]) {
    assert_eq!(
        (crawl.state, &crawl.reason),
        (sqern_model::CrawlState::Complete, &None),
        "{crawl:?}"
    );
    assert_eq!(
        kernels(crawl)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        expected
    );
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("written");
}
