//! Tests of sources with repositories on disk.

use std::sync::Mutex;

use sqern_core::crawl::CrawlEvent;
use sqern_core::source_test::{TestSubject, is_complete, kernels, select, test};
use sqern_model::{CrawlState, SourceSet};
use sqern_testkit::repo::{DEBIAN_RULE, FakeRepo, RepoFault, deb, distro_toml};
use sqern_upstream::CrawlOptions;

#[tokio::test(flavor = "multi_thread")]
async fn a_distribution_file_is_tested_without_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let header = |version: &str| deb(&format!("linux-headers-{version}-amd64")).version("6.1.1");
    let good = FakeRepo::new("good")
        .package(header("6.1.0-9"))
        .package(header("6.1.0-10"));
    let good = good.write(&directory.path().join("good")).unwrap();
    let bad = FakeRepo::new("bad")
        .package(header("6.1.0-11"))
        .fault(RepoFault::Unsigned);
    let bad = bad.write(&directory.path().join("bad")).unwrap();
    let file = directory.path().join("mydistro.toml");
    let sources = [(&good, &*good.file_url()), (&bad, &*bad.file_url())];
    std::fs::write(&file, distro_toml("mydistro", DEBIAN_RULE, &sources)).unwrap();

    let options = CrawlOptions::new("2026-01-31T12:00:00Z".parse().unwrap());
    let subject = TestSubject::File(file);
    let distro = select(SourceSet::default(), &subject, &[]).unwrap();
    let events = Mutex::new(Vec::new());
    let results = test(&distro, &options, &|event| {
        events.lock().unwrap().push(event);
    })
    .await
    .unwrap();
    let states: Vec<CrawlState> = results.iter().map(|result| result.state).collect();
    assert_eq!(states, [CrawlState::Complete, CrawlState::Failed]);
    assert!(!is_complete(&results) && is_complete(&results[..1]) && !is_complete(&[]));
    let found = kernels(&distro.name, &results);
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["6.1.0-10-amd64", "6.1.0-9-amd64"]
    );
    let received =
        |event: &CrawlEvent| matches!(event, CrawlEvent::Received { bytes } if *bytes > 0);
    assert!(events.into_inner().unwrap().iter().any(received));

    let distro = select(SourceSet::default(), &subject, &["good".to_owned()]).unwrap();
    let task = tokio::spawn(async move { test(&distro, &options, &sqern_core::Silent).await });
    assert!(is_complete(&task.await.unwrap().unwrap()));
}
