//! Checks of signed repositories on disk.

use std::sync::Mutex;

use sqern_core::check::{CheckRequest, CheckTarget, check};
use sqern_core::crawl::CrawlEvent;
use sqern_core::{ChangeOptions, Clock, Error, Silent, sources};
use sqern_model::{CrawlState, DistroName, SourceSet};
use sqern_testkit::repo::{DEBIAN_RULE, FakeRepo, RepoFault, deb, distro_toml};
use sqern_upstream::CrawlOptions;

use crate::support::Fixture;

/// Returns the definition of debian12 with a source for each suite, which has one kernel.
fn debian12(fixture: &Fixture, suites: &[(&str, &str, Option<RepoFault>)]) -> SourceSet {
    let directory = fixture.directory.path();
    let written: Vec<_> = suites
        .iter()
        .map(|(suite, version, fault)| {
            let mut repo = FakeRepo::new(suite)
                .package(deb(&format!("linux-headers-{version}-amd64")).version("6.1.1"));
            if let Some(fault) = fault {
                repo = repo.fault(*fault);
            }
            repo.write(&directory.join(suite)).unwrap()
        })
        .collect();
    let urls: Vec<String> = written
        .iter()
        .map(sqern_testkit::repo::WrittenRepo::file_url)
        .collect();
    let sources: Vec<_> = written
        .iter()
        .zip(urls.iter().map(String::as_str))
        .collect();
    std::fs::write(
        directory.join("debian12.toml"),
        distro_toml("debian12", DEBIAN_RULE, &sources),
    )
    .unwrap();
    sources::load([directory]).unwrap()
}

fn request(sources: SourceSet, distros: &[&str]) -> CheckRequest {
    let now = "2026-01-31T12:00:00Z".parse().unwrap();
    let distros: Vec<DistroName> = distros.iter().map(|name| name.parse().unwrap()).collect();
    CheckRequest {
        sources,
        target: CheckTarget::Sources(distros),
        crawl: CrawlOptions::new(now),
        clock: Clock::Fixed(now),
        accept_shrink: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_of_complete_sources_are_recorded() {
    let fixture = Fixture::new(&[]).await;
    let suites = [
        ("bookworm", "6.1.0-1", None),
        ("bookworm-updates", "6.1.0-2", Some(RepoFault::AlteredIndex)),
    ];
    let request = request(debian12(&fixture, &suites), &[]);
    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let mut options = ChangeOptions {
        dry_run: true,
        ..ChangeOptions::committed("a test")
    };
    let planned = check(&fixture.database(), &request, &options, &progress)
        .await
        .unwrap();
    assert_eq!(fixture.value("SELECT count(*) FROM kver_seen").await, "0");
    options.dry_run = false;
    let database = fixture.database();
    let task = tokio::spawn(async move { check(&database, &request, &options, &Silent).await });
    let summary = task.await.unwrap().unwrap();
    assert_eq!(planned.distros, summary.distros);
    assert_eq!(summary.distros[0].new, ["6.1.0-1-amd64".parse().unwrap()]);
    let states: Vec<CrawlState> = summary.sources.iter().map(|source| source.state).collect();
    assert_eq!(states, [CrawlState::Complete, CrawlState::Failed]);
    assert!(!summary.is_complete());
    assert_eq!(
        fixture
            .value("SELECT string_agg(version, ' ') FROM kver_seen")
            .await,
        "6.1.0-1-amd64"
    );
    let finished = |event: &&CrawlEvent| matches!(event, CrawlEvent::SourceFinished { .. });
    assert_eq!(
        events.into_inner().unwrap().iter().filter(finished).count(),
        2
    );
}

#[tokio::test]
async fn a_check_requires_a_source() {
    let fixture = Fixture::new(&[]).await;
    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let mut errors = Vec::new();
    for distros in [&[][..], &["debian12"], &["debian13"]] {
        let request = request(SourceSet::default(), distros);
        errors.push(
            check(
                &fixture.database(),
                &request,
                &ChangeOptions::committed("a test"),
                &progress,
            )
            .await
            .unwrap_err(),
        );
    }
    assert!(matches!(&errors[0], Error::NoSupportedSource), "{errors:?}");
    assert!(
        matches!(&errors[1], Error::NoSource { distro, .. } if distro.as_str() == "debian12"),
        "{errors:?}"
    );
    assert_eq!(
        errors[2].to_string(),
        "distribution \"debian13\" does not exist"
    );
    assert_eq!(
        events.into_inner().unwrap(),
        [CrawlEvent::NoSource("debian12".parse().unwrap())]
    );
}
