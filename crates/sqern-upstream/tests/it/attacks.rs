//! Attacks by a mirror, with their names in The Update Framework
//! (<https://theupdateframework.io/docs/security/>).
//!
//! Each mirror is honest at first. No attack adds or removes a kernel: the crawl fails with the
//! problem and its location, and the cache is unchanged.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use sqern_model::{Crawl, CrawlState, DistroDef};
use sqern_testkit::repo::{FakeRepo, FakeRpmRepo, FileServer, RepoFault, ServerFault, SigningKey};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, Silent, crawl_distro};
use tempfile::TempDir;

use crate::rpm_support;
use crate::support::*;

/// A server whose files an attacker can replace, and the result of an honest crawl.
struct Mirror {
    folder: TempDir,
    server: FileServer,
    distro: DistroDef,
    honest: Vec<Crawl>,
}

/// Returns a repository with 2 kernels of January 5.
fn today() -> FakeRepo {
    bookworm()
        .package(sqern_testkit::repo::deb("linux-headers-6.1.0-26-amd64").version("6.1.112-1"))
        .date(time("2026-01-05T00:00:00Z"))
}

impl Mirror {
    async fn of_debs() -> Self {
        let folder = folder();
        let written = today().write(folder.path()).expect("a repository");
        let server = FileServer::start(folder.path()).await.expect("a server");
        let distro = distro(&[(&written, &server.url())]);
        Self::crawled(folder, server, distro).await
    }

    /// Returns a signed repository whose signature is required.
    async fn of_rpms() -> Self {
        let folder = folder();
        let keyring = Self::rpms("2026-01-05T00:00:00Z")
            .write(folder.path())
            .expect("a repository");
        let server = FileServer::start(folder.path()).await.expect("a server");
        let distro = rpm_support::distro(&format!(
            "base = [\"{}\"]\nkeyring = [\"{}\"]",
            server.url(),
            keyring.display()
        ));
        Self::crawled(folder, server, distro).await
    }

    fn rpms(date: &str) -> FakeRpmRepo {
        rpm_support::repo()
            .package(rpm_support::devel("600.el8_10"))
            .signed()
            .date(time(date))
    }

    async fn crawled(folder: TempDir, server: FileServer, distro: DistroDef) -> Self {
        let honest = crawl_all(&distro, &options()).await;
        assert_eq!(
            (honest[0].state, kernels(&honest[0]).len()),
            (CrawlState::Complete, 2),
            "{honest:?}"
        );
        Self {
            folder,
            server,
            distro,
            honest,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn again(&self) -> Crawl {
        crawl_again(&self.distro, &self.honest, &options())
            .await
            .remove(0)
    }
}

#[tokio::test]
async fn rollback_to_an_older_index_fails() {
    let mirror = Mirror::of_debs().await;
    bookworm()
        .date(time("2026-01-02T00:00:00Z"))
        .write(mirror.path())
        .expect("the older repository, rightly signed");
    assert_failed(
        &mirror.again().await,
        &[
            "3 days older than the last accepted one (2026-01-05T00:00:00Z)",
            "InRelease",
        ],
    );

    let mirror = Mirror::of_rpms().await;
    rpm_support::repo()
        .signed()
        .date(time("2026-01-02T00:00:00Z"))
        .write(mirror.path())
        .expect("the older repository");
    assert_failed(
        &mirror.again().await,
        &[
            "3 days older than the last accepted one (2026-01-05T00:00:00Z)",
            "repomd.xml",
        ],
    );
}

#[tokio::test]
async fn metadata_without_a_date_cannot_follow_dated_metadata() {
    let mirror = Mirror::of_debs().await;
    let inline = mirror.path().join("dists/bookworm/InRelease");
    let text = std::fs::read_to_string(&inline).expect("a release");
    let signed = text
        .split("\n\n")
        .nth(1)
        .and_then(|text| text.split("\n-----BEGIN PGP SIGNATURE").next())
        .expect("a signed text");
    let key = SigningKey::shared();
    for date in ["", "Date: Thu., 09 May 2024 06:03:43 GMT"] {
        let lines = signed.lines().map(|line| {
            if line.starts_with("Date: ") {
                date
            } else {
                line
            }
        });
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let replaced = key.clearsign(&(lines.join("\n") + "\n"), time("2026-01-05T00:00:00Z"));
        std::fs::write(&inline, replaced.expect("signed")).expect("written");
        assert_failed(
            &mirror.again().await,
            &[
                "the Release file has no valid date, and the last accepted one is of 2026-01-05T00:00:00Z",
            ],
        );
        let accepted = CrawlOptions {
            accept_rollback: true,
            ..options()
        };
        let crawl = crawl_again(&mirror.distro, &mirror.honest, &accepted)
            .await
            .remove(0);
        assert!(crawl.state.is_whole(), "{crawl:?}");
        assert!(
            crawl
                .warnings
                .iter()
                .any(|warning| warning.contains("without a valid date")),
            "{crawl:?}"
        );
    }
}

#[tokio::test]
async fn rollback_by_a_mirror_leads_to_the_next_one() {
    let mirror = Mirror::of_debs().await;
    let older = folder();
    bookworm()
        .date(time("2026-01-02T00:00:00Z"))
        .write(older.path())
        .expect("the older repository");
    let lagging = FileServer::start(older.path()).await.expect("a server");
    let mut distro = mirror.distro.clone();
    apt_sources(&mut distro).for_each(|source| source.base.insert(0, lagging.url()));
    let crawl = crawl_again(&distro, &mirror.honest, &options())
        .await
        .remove(0);
    assert_eq!(
        (crawl.state, kernels(&crawl).len()),
        (CrawlState::Unchanged, 2)
    );
    assert!(
        crawl
            .warnings
            .iter()
            .any(|warning| warning.contains("skipped a mirror")),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn fast_forward_fails_and_is_not_cached() {
    let mut mirror = Mirror::of_rpms().await;
    mirror.distro = rpm_support::distro(&format!(
        "base = [\"{}\"]\nsignature = \"off\"",
        mirror.server.url()
    ));
    Mirror::rpms("2030-01-01T00:00:00Z")
        .write(mirror.path())
        .expect("a repository");
    let refused = mirror.again().await;
    assert_failed(&refused, &["is in the future", "2030-01-01T00:00:00Z"]);
    assert_eq!(
        refused.dated_at, None,
        "else all that comes after it would be a rollback"
    );
}

#[tokio::test]
async fn freeze_fails_or_is_a_warning() {
    let mirror = Mirror::of_debs().await;
    today()
        .valid_until(time("2026-01-12T00:00:00Z"))
        .write(mirror.path())
        .expect("a repository");
    assert_complete(&mirror.again().await, &["6.1.0-25-amd64", "6.1.0-26-amd64"]);
    let later = CrawlOptions::new(time("2026-01-13T00:00:00Z"));
    let frozen = crawl_again(&mirror.distro, &mirror.honest, &later)
        .await
        .remove(0);
    assert_failed(&frozen, &["expired 24 hours ago (2026-01-12T00:00:00Z)"]);

    let mut mirror = Mirror::of_rpms().await;
    for source in &mut mirror.distro.sources {
        if let sqern_model::Source::RpmMd(source) = source {
            source.stale_after_days = Some(30);
        }
    }
    let later = CrawlOptions::new(time("2026-02-05T00:00:00Z"));
    let frozen = crawl_again(&mirror.distro, &mirror.honest, &later)
        .await
        .remove(0);
    assert_eq!(frozen.state, CrawlState::Unchanged);
    assert!(
        frozen
            .warnings
            .iter()
            .any(|warning| warning.contains("31 days old")),
        "{:?}",
        frozen.warnings
    );
}

#[tokio::test]
async fn mix_and_match_of_two_states_fails() {
    let keep =
        |mirror: &Mirror, file: &str| std::fs::read(mirror.path().join(file)).expect("a file");
    // An old index with the current Release.
    let mirror = Mirror::of_debs().await;
    let index = "dists/bookworm/main/binary-amd64/Packages.xz";
    let yesterdays = keep(&mirror, index);
    let more = sqern_testkit::repo::deb("linux-headers-6.1.0-27-amd64").version("6.1.115-1");
    today()
        .package(more)
        .date(time("2026-01-06T00:00:00Z"))
        .write(mirror.path())
        .expect("a repository");
    for file in ["Packages.xz", "Packages.gz", "Packages"] {
        let _ = std::fs::remove_file(
            mirror
                .path()
                .join("dists/bookworm/main/binary-amd64")
                .join(file),
        );
    }
    write(&mirror.path().join(index), &yesterdays);
    assert_failed(
        &mirror.again().await,
        &["as listed by the Release", "Packages"],
    );

    // The Release of another suite, signed by the same key.
    let mirror = Mirror::of_debs().await;
    FakeRepo::new("bullseye")
        .write(mirror.path())
        .expect("a repository");
    let other = keep(&mirror, "dists/bullseye/InRelease");
    write(&mirror.path().join("dists/bookworm/InRelease"), &other);
    assert_failed(
        &mirror.again().await,
        &["instead of suite bookworm", "bullseye"],
    );

    // An old signature with the current repomd.xml, and vice versa.
    for file in [
        "repodata/repomd.xml",
        "repodata/repomd.xml.asc",
        "repodata/primary.xml.gz",
    ] {
        let mirror = Mirror::of_rpms().await;
        let yesterdays = keep(&mirror, file);
        let tomorrow =
            Mirror::rpms("2026-01-06T00:00:00Z").package(rpm_support::devel("700.el8_10"));
        tomorrow.write(mirror.path()).expect("a repository");
        write(&mirror.path().join(file), &yesterdays);
        let messages = if file.contains("primary") {
            "as listed by the repomd.xml"
        } else {
            "BAD signature"
        };
        assert_failed(&mirror.again().await, &[messages]);
    }
}

#[tokio::test]
async fn endless_data_is_limited_in_every_file() {
    for part in ["InRelease", "Packages"] {
        let mirror = Mirror::of_debs().await;
        mirror.server.fail(part, ServerFault::Endless, 9);
        let begun = Instant::now();
        let limits = sqern_upstream::Limits {
            release_bytes: 1 << 20,
            ..Default::default()
        };
        let limited = CrawlOptions {
            limits,
            ..options()
        };
        assert_failed(
            &crawl_all(&mirror.distro, &limited).await.remove(0),
            &["at most", "larger", part],
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    for part in ["repomd.xml", "primary.xml"] {
        let mirror = Mirror::of_rpms().await;
        mirror.server.fail(part, ServerFault::Endless, 9);
        let limits = sqern_upstream::Limits {
            release_bytes: 1 << 20,
            ..Default::default()
        };
        assert_failed(
            &crawl_all(
                &mirror.distro,
                &CrawlOptions {
                    limits,
                    ..options()
                },
            )
            .await
            .remove(0),
            &["at most", "larger"],
        );
    }
}

#[tokio::test]
async fn slow_retrieval_ends_at_the_minimum_rate() {
    for part in ["InRelease", "Packages"] {
        let mirror = Mirror::of_debs().await;
        mirror
            .server
            .fail(part, ServerFault::Slow(Duration::from_millis(20)), 9);
        let client = Client::new(ClientOptions {
            min_rate_window: Duration::from_millis(200),
            backoff: Duration::from_millis(1),
            system_proxy: false,
            ..ClientOptions::default()
        })
        .expect("a client");
        let crawls = crawl_distro(
            &client,
            &mirror.distro,
            &BTreeMap::new(),
            &options(),
            &Silent,
        )
        .await;
        assert_failed(&crawls[0], &["4096 bytes", part]);
    }
}

#[tokio::test]
async fn signature_by_a_foreign_key_fails() {
    let mirror = Mirror::of_debs().await;
    today()
        .fault(RepoFault::SignedByAnotherKey)
        .write(mirror.path())
        .expect("a repository");
    assert_failed(&mirror.again().await, &["unknown key"]);

    let mirror = Mirror::of_rpms().await;
    Mirror::rpms("2026-01-06T00:00:00Z")
        .fault(RepoFault::SignedByAnotherKey)
        .write(mirror.path())
        .expect("a repository");
    assert_failed(&mirror.again().await, &["unknown key"]);
}

#[tokio::test]
async fn cached_metadata_is_verified_again_after_status_304() {
    let mirror = Mirror::of_debs().await;
    let bytes_before = mirror.server.body_bytes();
    let unchanged = mirror.again().await;
    assert_eq!(
        (unchanged.state, unchanged.bytes),
        (CrawlState::Unchanged, 0),
        "nothing was sent"
    );
    assert_eq!(mirror.server.body_bytes(), bytes_before);
    // Cached metadata is verified like a response. Here, the key is no longer that of the source.
    let stranger = folder();
    let other = today().signed_by(&SigningKey::generate().expect("a key"));
    let keyring = other.write(stranger.path()).expect("a repository").keyring;
    let mut distro = mirror.distro.clone();
    apt_sources(&mut distro)
        .for_each(|source| source.keyring = vec![keyring.display().to_string()]);
    let refused = crawl_again(&distro, &mirror.honest, &options())
        .await
        .remove(0);
    assert_failed(&refused, &["unknown key"]);
    assert_eq!(refused.bytes, 0);
}
