//! Checks of the installation.

use sqern_core::doctor::{DoctorRequest, Finding, Problem, State, diagnose};
use sqern_upstream::sources;

use crate::support::{Fixture, no_sandbox};

fn problem(message: &str) -> Problem {
    Problem {
        message: message.to_owned(),
        hint: None,
    }
}

fn request(fixture: &Fixture) -> DoctorRequest {
    DoctorRequest {
        distros: vec![],
        sources: Ok(sources::builtin().unwrap()),
        crawl: None,
        store: Ok(fixture.directory.path().join("store")),
        path: "/usr/bin:/bin".into(),
        launcher: no_sandbox().launcher,
        now: jiff::Timestamp::now(),
    }
}

fn states(findings: &[Finding], check: &str) -> Vec<State> {
    findings
        .iter()
        .filter(|finding| finding.check == check)
        .map(|finding| finding.state)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_with_a_database_and_a_store_pass() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let session = fixture.database().open().await.unwrap();
    let findings = diagnose(Ok(session), &request(&fixture)).await;
    for check in [
        "connection",
        "server",
        "clock",
        "roles",
        "schema",
        "journal",
        "sources",
        "store",
        "cache",
    ] {
        assert_eq!(states(&findings, check), [State::Ok], "{findings:#?}");
    }
    // No distribution of the fixture was checked, and the request contains no options of a crawl.
    assert_eq!(
        (states(&findings, "crawl"), states(&findings, "source")),
        (vec![State::Warning], vec![State::Skipped])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_of_the_input_are_findings() {
    let fixture = Fixture::new(&[]).await;
    let request = DoctorRequest {
        sources: Err(problem("a.toml is invalid")),
        store: Err(problem("the user has no home directory")),
        ..request(&fixture)
    };
    let findings = diagnose(Err(problem("could not connect")), &request).await;
    let failed: Vec<_> = findings
        .iter()
        .filter(|finding| finding.state == State::Failed && finding.check != "program")
        .collect();
    let described: Vec<_> = failed
        .iter()
        .map(|finding| (finding.check, finding.found.as_str()))
        .collect();
    assert_eq!(
        described,
        [
            ("connection", "could not connect"),
            ("sources", "a.toml is invalid"),
            ("store", "the user has no home directory")
        ]
    );
    assert_eq!(failed[2].hint.as_deref(), Some("sqern doctor --store DIR"));
    for check in ["server", "clock", "roles", "schema", "journal", "crawl"] {
        assert_eq!(states(&findings, check), [State::Skipped], "{findings:#?}");
    }
}
