//! Loads of customer reports.

use std::io::Cursor;
use std::sync::Mutex;

use sqern_core::customers::{
    LoadEvent, LoadOutcome, LoadRequest, ReportSource, known_names, load, receive,
};
use sqern_core::{ChangeOptions, Error, Silent};

use crate::support::Fixture;

fn source(text: &str) -> ReportSource {
    ReportSource::Stream {
        name: "a test".to_owned(),
        bytes: Box::new(Cursor::new(text.as_bytes().to_vec())),
    }
}

/// Returns a report in CSV with these hosts of one cluster.
fn report(hosts: &[&str]) -> String {
    let line = |host: &&str| format!("acme-1,production,{host},debian12,6.1.0-1,true\n");
    format!(
        "cluster,type,host,distro,version,current\n{}",
        hosts.iter().map(line).collect::<String>()
    )
}

/// Receives and loads a report.
async fn load_report(
    fixture: &Fixture,
    text: &str,
    request: &LoadRequest,
    dry_run: bool,
) -> Result<LoadOutcome, Error> {
    let mut session = fixture.database().open().await.unwrap();
    let options = ChangeOptions {
        dry_run,
        ..ChangeOptions::committed("a test")
    };
    let known = known_names(&session.client).await?;
    let report = receive(source(text), None, known).await?;
    load(&mut session.client, report, request, &options, &Silent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_reports_its_phases_and_changes() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let events = Mutex::new(Vec::new());
    let mut session = fixture.database().open().await.unwrap();
    let request = LoadRequest {
        max_changes: 1,
        ..LoadRequest::default()
    };
    let options = ChangeOptions::committed("a test");
    let progress = |event| events.lock().unwrap().push(event);
    let known = known_names(&session.client).await.unwrap();
    let received = receive(source(&report(&["h1", "h2"])), None, known)
        .await
        .unwrap();
    let outcome = load(&mut session.client, received, &request, &options, &progress)
        .await
        .unwrap();
    assert_eq!(
        (
            outcome.total_changes,
            outcome.changes.len(),
            outcome.totals.hosts.added
        ),
        (3, 1, 2)
    );
    assert!(outcome.finished.generation.is_some() && outcome.shrink.is_none());
    let expected = [LoadEvent::Comparing, LoadEvent::Recording { changes: 3 }];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shrunk_report_is_rejected_unless_accepted() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let request = LoadRequest::default();
    load_report(&fixture, &report(&["h1", "h2", "h3"]), &request, false)
        .await
        .unwrap();
    let shrunk = report(&["h1", "h2"]);
    let live_hosts = "SELECT count(*) FROM cust_host_kver WHERE deleted_at = '-infinity'";

    let error = load_report(&fixture, &shrunk, &request, false)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::ReportShrink(found) if found.hosts.removed == 1 && found.hosts.live == 3),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "report would delete 1 of 3 hosts, more than one fifth; nothing was changed"
    );
    let outcome = load_report(&fixture, &shrunk, &request, true)
        .await
        .unwrap();
    assert!(outcome.shrink.is_some() && outcome.finished.generation.is_none());
    assert_eq!(fixture.value(live_hosts).await, "3");

    let accepted = LoadRequest {
        accept_shrink: true,
        ..request
    };
    let outcome = load_report(&fixture, &shrunk, &accepted, false)
        .await
        .unwrap();
    assert_eq!((outcome.shrink, outcome.totals.hosts.removed), (None, 1));
    assert_eq!(fixture.value(live_hosts).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_report_changes_nothing() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let request = LoadRequest::default();
    let invalid = format!(
        "{}acme-1,production,h2,debian12,6.1.0-1,perhaps\n",
        report(&["h1"])
    );
    let error = load_report(&fixture, &invalid, &request, false)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a test, line 3 (record 2): expected true or false in column \"current\", found \"perhaps\"; nothing was changed"
    );
    let unsorted = report(&["h1", "h2", "h1"]);
    let error = load_report(&fixture, &unsorted, &request, false)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::ReportConflict { is_csv: true, .. }),
        "{error:?}"
    );
    assert!(
        error.hints()[0].starts_with("{ head -n 1 FILE;"),
        "{error:?}"
    );
    assert_eq!(
        fixture.value("SELECT count(*) FROM cust_cluster").await,
        "0"
    );
}
