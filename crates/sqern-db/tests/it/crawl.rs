//! Recorded crawls.

use jiff::Timestamp;
use sqern_db::{change, crawl, kver};
use sqern_model::upstream::{UpstreamDiff, diff};
use std::sync::Arc;

use sqern_model::{
    CachedFile, CachedIndex, CachedMetadata, Crawl, CrawlState, DistroName, KernelPackage, Package,
    PackageRole,
};
use tokio_postgres::Client;

use crate::support::{migrated, rows, run};

fn package(kernel: &str) -> KernelPackage {
    KernelPackage {
        kernel: kernel.parse().unwrap(),
        role: PackageRole::Headers,
        package: Arc::new(Package {
            name: format!("linux-headers-{kernel}"),
            version: "6.1.106-3".into(),
            architecture: "amd64".into(),
            url: format!("https://mirror.example/{kernel}.deb"),
            size_bytes: 1_400_000,
            checksum: "ab".repeat(32),
        }),
    }
}

fn crawl_of(state: CrawlState, kernels: &[&str]) -> Crawl {
    let failed = matches!(state, CrawlState::Failed | CrawlState::Partial);
    Crawl {
        distro: "d".parse().unwrap(),
        source: "main".into(),
        started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        finished_at: "2026-01-01T00:00:05Z".parse().unwrap(),
        state,
        reason: failed.then(|| "could not connect".to_owned()),
        cause: None,
        warnings: vec!["unsigned \"index\"".into()],
        url: "https://mirror.example/InRelease".into(),
        etag: Some("\"1-2\"".into()),
        checksum: Some(format!("{state}")),
        dated_at: None,
        verified_by: None,
        bytes: 17,
        kept: None,
        packages: kernels.iter().map(|kernel| package(kernel)).collect(),
    }
}

/// Records one crawl of the distro `d`, and returns the applied difference.
async fn record(client: &mut Client, crawled: Crawl) -> (UpstreamDiff, change::Finished) {
    record_at(client, crawled, "2026-02-03T04:05:06Z").await
}

async fn record_at(
    client: &mut Client,
    crawled: Crawl,
    now: &str,
) -> (UpstreamDiff, change::Finished) {
    let distro: DistroName = "d".parse().unwrap();
    let now: Timestamp = now.parse().unwrap();
    let change = change::begin(client, "test").await.unwrap();
    kver::lock(&change.transaction).await.unwrap();
    let known = crawl::known(&change.transaction, &distro).await.unwrap();
    let diff = diff(&known, vec![crawled], false);
    crawl::apply(
        &change.transaction,
        &distro,
        &diff,
        now,
        change.generation(),
    )
    .await
    .unwrap();
    (diff, change.finish(false).await.unwrap())
}

#[tokio::test]
async fn found_packages_are_recorded_once_and_missing_ones_are_marked_as_gone() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', 'known')",
    )
    .await;

    let (_, finished) = record(
        &mut client,
        crawl_of(CrawlState::Complete, &["1", "2", "known"]),
    )
    .await;
    assert_eq!(
        finished.events, 8,
        "2 in kver, 3 in kver_seen, 3 in kver_package"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT version, tstamp = '2026-02-03 04:05:06Z' FROM kver_seen ORDER BY 1"
        )
        .await,
        ["1 t", "2 t", "known t"]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT name, package_version, size_bytes, url FROM kver_package WHERE version = '1'"
        )
        .await,
        ["linux-headers-1 6.1.106-3 1400000 https://mirror.example/1.deb"]
    );
    assert_eq!(
        rows(&client, "SELECT state, kernels, bytes, warnings, generation = (SELECT max(id) FROM generation) FROM crawl").await,
        [r#"complete 3 17 {"unsigned \"index\""} t"#]
    );

    let (again, finished) = record(
        &mut client,
        crawl_of(CrawlState::Complete, &["1", "2", "known"]),
    )
    .await;
    assert_eq!(
        (finished.events, finished.generation),
        (0, None),
        "{again:?}"
    );

    let (_, finished) = record(&mut client, crawl_of(CrawlState::Failed, &[])).await;
    assert_eq!(finished.generation, None);
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM kver_package WHERE gone_at IS NULL"
        )
        .await,
        ["3"],
        "a failure removes nothing"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT kernels, reason FROM crawl ORDER BY id DESC LIMIT 1"
        )
        .await,
        ["3 could not connect"]
    );
    let memory = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
    assert_eq!(
        memory["main"].checksum.as_deref(),
        Some("complete"),
        "a failed crawl has no checksum"
    );

    record(
        &mut client,
        crawl_of(CrawlState::Complete, &["2", "3", "known"]),
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT version FROM kver_package WHERE gone_at IS NOT NULL"
        )
        .await,
        ["1"]
    );
    assert_eq!(
        rows(&client, "SELECT count(*) FROM kver_seen").await,
        ["4"],
        "a kernel without packages is still seen"
    );
    record(
        &mut client,
        crawl_of(CrawlState::Complete, &["1", "2", "3", "known"]),
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*), count(gone_at) FROM kver_package").await,
        ["4 0"],
        "packages that are listed again are no longer gone"
    );
}

#[tokio::test]
async fn cached_metadata_is_replaced_by_the_next_complete_crawl() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let kept = |url: &str, body: &[u8]| {
        let file = CachedFile {
            etag: "\"1\"".into(),
            body: body.into(),
        };
        let index = CachedIndex {
            checksum: "c".into(),
            entries: "{}".into(),
        };
        CachedMetadata {
            files: [(url.to_owned(), file)].into(),
            indexes: [("main".to_owned(), index)].into(),
        }
    };
    let dated = |day: &str| format!("2026-01-{day}T00:00:00Z").parse().ok();
    let found = |kept| Crawl {
        kept: Some(kept),
        dated_at: dated("01"),
        ..crawl_of(CrawlState::Complete, &["1"])
    };
    record(&mut client, found(kept("https://a/InRelease", b"\0one"))).await;
    let known = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
    assert_eq!(
        (known["main"].kept.clone(), known["main"].dated_at),
        (kept("https://a/InRelease", b"\0one"), dated("01"))
    );

    let failed = Crawl {
        dated_at: dated("02"),
        ..crawl_of(CrawlState::Failed, &[])
    };
    record(&mut client, failed).await;
    let known = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
    assert_eq!(
        known["main"].kept,
        kept("https://a/InRelease", b"\0one"),
        "a failed crawl keeps the cache"
    );
    assert_eq!(
        known["main"].dated_at,
        dated("02"),
        "the date of accepted root metadata counts, even if an index failed"
    );

    record(&mut client, found(kept("https://b/InRelease", b"two"))).await;
    let known = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
    assert_eq!(known["main"].kept, kept("https://b/InRelease", b"two"));
}

#[tokio::test]
async fn a_distro_is_incomplete_if_its_newest_check_failed_for_a_source() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let incomplete = async |client: &Client, at: &str| {
        let found = crawl::incomplete(client, &["d".parse().unwrap()], at.parse().ok())
            .await
            .unwrap();
        found
            .into_iter()
            .map(|source| format!("{} {}: {}", source.source, source.state, source.reason))
            .collect::<Vec<_>>()
    };
    assert!(
        incomplete(&client, "").await.is_empty(),
        "a distro without a check is not incomplete"
    );
    record_at(
        &mut client,
        crawl_of(CrawlState::Failed, &[]),
        "2026-02-01T00:00:00Z",
    )
    .await;
    assert_eq!(
        incomplete(&client, "").await,
        ["main failed: could not connect"]
    );
    record_at(
        &mut client,
        crawl_of(CrawlState::Complete, &["1"]),
        "2026-02-02T00:00:00Z",
    )
    .await;
    assert!(incomplete(&client, "").await.is_empty());
    assert_eq!(
        incomplete(&client, "2026-02-01T12:00:00Z").await.len(),
        1,
        "as of that time"
    );
    assert!(incomplete(&client, "2026-01-01T00:00:00Z").await.is_empty());
}

#[tokio::test]
async fn concurrent_crawls_record_each_package_once() {
    let database = migrated().await;
    let (mut one, mut other) = (database.client().await, database.client().await);
    run(&one, "INSERT INTO distro VALUES ('d', 'D')").await;
    let found = || crawl_of(CrawlState::Complete, &["1", "2"]);
    let ((_, first), (_, second)) =
        tokio::join!(record(&mut one, found()), record(&mut other, found()));
    assert_eq!(
        first.events + second.events,
        6,
        "2 in each of kver, kver_seen and kver_package"
    );
    assert_eq!(rows(&one, "SELECT count(*) FROM kver_package").await, ["2"]);
}

#[tokio::test]
async fn a_crawl_of_a_machine_whose_clock_is_ahead_is_recorded() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let ahead = Crawl {
        started_at: "2290-01-01T00:00:00Z".parse().unwrap(),
        finished_at: "2290-01-01T00:00:01Z".parse().unwrap(),
        ..crawl_of(CrawlState::Complete, &["1"])
    };
    record(&mut client, ahead).await;
    assert_eq!(
        rows(
            &client,
            "SELECT started_at <= now(), finished_at <= now(), checked_at <= now() FROM crawl"
        )
        .await,
        ["t t t"]
    );
}

#[tokio::test]
async fn a_too_large_cached_index_is_not_read() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('d', 'D');
         INSERT INTO crawl_index VALUES ('d', 'main', 'limit', 'c', repeat('x', 67108864)), ('d', 'main', 'larger', 'c', repeat('x', 67108865))",
    )
    .await;
    let cached = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
    let names: Vec<&String> = cached["main"].kept.indexes.keys().collect();
    assert_eq!(names, ["limit"]);
}

#[tokio::test]
async fn each_package_has_the_signer_of_the_metadata_that_last_listed_it() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let signers = "SELECT version, coalesce(verified_by, 'none'), gone_at IS NOT NULL FROM kver_package ORDER BY version";
    let signed = |state, kernels: &[&str], signer: &str| Crawl {
        verified_by: Some(signer.to_owned()),
        ..crawl_of(state, kernels)
    };
    let all: Vec<String> = (10..30).map(|version| version.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    record(&mut client, crawl_of(CrawlState::Complete, &all)).await;
    record(&mut client, signed(CrawlState::Complete, &all[1..], "apt")).await;
    let found = rows(&client, signers).await;
    assert_eq!(
        found[..2],
        ["10 none t", "11 apt f"],
        "a package that is gone does not become verified"
    );

    let key = "AB".repeat(20);
    record(&mut client, signed(CrawlState::Partial, &all[1..2], &key)).await;
    record(&mut client, crawl_of(CrawlState::Partial, &all[2..3])).await;
    assert_eq!(
        rows(&client, signers).await[..4],
        [
            "10 none t".to_owned(),
            format!("11 {key} f"),
            "12 none f".to_owned(),
            "13 apt f".to_owned()
        ]
    );
}

#[tokio::test]
async fn the_cached_date_is_that_of_the_last_accepted_metadata() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let date: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for (state, dated_at, expected) in [
        (CrawlState::Complete, Some(date), Some(date)),
        // Nothing was accepted.
        (CrawlState::Failed, None, Some(date)),
        // Metadata without a date was accepted.
        (CrawlState::Partial, None, None),
        // The metadata was accepted, but not the indexes.
        (CrawlState::Failed, Some(date), Some(date)),
    ] {
        let crawled = Crawl {
            dated_at,
            ..crawl_of(state, &[])
        };
        record(&mut client, crawled).await;
        let cached = crawl::cache(&client, &"d".parse().unwrap()).await.unwrap();
        assert_eq!(cached["main"].dated_at, expected, "{state} {dated_at:?}");
    }
}
