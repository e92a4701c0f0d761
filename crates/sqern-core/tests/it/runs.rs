//! Plans, starts and ends of runs.

use std::sync::Mutex;
use std::time::Duration;

use sqern_core::owner::lease_owner;
use sqern_core::runs::{
    self, BuildSpec, FinishRequest, KernelChoice, Lease, RunEvent, RunSelection, RunSpec,
    StartRequest, TestSpec,
};
use sqern_core::{ChangeOptions, Clock, Error, Silent};
use sqern_db::DbError;
use sqern_db::run::RunError;
use sqern_model::{RunKind, RunResult};

use crate::support::{Fixture, kernel_names, selection};

fn request(kernels: KernelChoice, owner: &str) -> StartRequest {
    StartRequest {
        spec: RunSpec::Build(BuildSpec::default()),
        selection: selection(),
        kernels,
        lease: Lease {
            lasts: Duration::from_secs(60),
            owner: owner.to_owned(),
        },
        clock: Clock::Fixed("2026-01-31T12:00:00Z".parse().unwrap()),
    }
}

#[tokio::test]
async fn a_claimed_kernel_is_not_claimed_again() {
    let mut fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    let options = ChangeOptions::committed("a test");
    let request = request(KernelChoice::Claim { max_kernels: 1 }, "a test");
    let mut claimed = Vec::new();
    for _ in 0..2 {
        let outcome = runs::start(&mut fixture.client, &request, &options, &Silent)
            .await
            .unwrap();
        claimed.extend(
            outcome
                .run
                .unwrap()
                .kernels
                .into_iter()
                .map(|candidate| candidate.kernel.version.to_string()),
        );
    }
    assert_eq!(claimed, ["6.1.0-2", "6.1.0-1"]);
    let outcome = runs::start(&mut fixture.client, &request, &options, &Silent)
        .await
        .unwrap();
    assert_eq!((outcome.run, outcome.abandoned), (None, vec![]));
}

#[tokio::test]
async fn a_start_closes_runs_of_dead_owners_and_takes_their_kernels() {
    let mut fixture = Fixture::new(&["6.1.0-1"]).await;
    let options = ChangeOptions::committed("a test");
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let dead = lease_owner().replace(
        &format!(":{}:", std::process::id()),
        &format!(":{}:", child.id()),
    );
    child.wait().unwrap();
    runs::start(
        &mut fixture.client,
        &request(KernelChoice::ALL, &dead),
        &options,
        &Silent,
    )
    .await
    .unwrap();

    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let outcome = runs::start(
        &mut fixture.client,
        &request(KernelChoice::ALL, "a test"),
        &options,
        &progress,
    )
    .await
    .unwrap();
    assert_eq!((outcome.run.unwrap().id, outcome.abandoned), (2, vec![1]));
    assert_eq!(
        events.into_inner().unwrap(),
        [RunEvent::AbandonedRunClosed {
            kind: RunKind::Build,
            id: 1
        }]
    );
    assert_eq!(
        fixture
            .value("SELECT result FROM sp_build WHERE id = 1")
            .await,
        "ABORTED"
    );
}

#[tokio::test]
async fn a_dry_run_returns_the_run_and_starts_nothing() {
    let mut fixture = Fixture::new(&["6.1.0-1"]).await;
    let options = ChangeOptions {
        dry_run: true,
        ..ChangeOptions::committed("a test")
    };
    let outcome = runs::start(
        &mut fixture.client,
        &request(KernelChoice::ALL, "a test"),
        &options,
        &Silent,
    )
    .await
    .unwrap();
    assert_eq!(outcome.run.unwrap().kernels.len(), 1);
    assert_eq!(fixture.value("SELECT count(*) FROM sp_build").await, "0");
}

#[tokio::test]
async fn errors_of_a_start_can_be_matched() {
    let mut fixture = Fixture::new(&[]).await;
    let insert = "INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-9')";
    fixture.client.batch_execute(insert).await.unwrap();
    let options = ChangeOptions::committed("a test");
    let mut errors = Vec::new();
    let named = |versions: &[&str]| StartRequest {
        selection: RunSelection {
            kernels: kernel_names(versions),
            ..selection()
        },
        ..request(KernelChoice::Named, "a test")
    };
    for request in [
        request(KernelChoice::ALL, "a test"),
        named(&[]),
        named(&["6.1.0-9"]),
        named(&["6.1.0-8"]),
    ] {
        errors.push(
            runs::start(&mut fixture.client, &request, &options, &Silent)
                .await
                .unwrap_err(),
        );
    }
    assert!(
        matches!(
            &errors[0],
            Error::NoInput {
                kind: RunKind::Build
            }
        ),
        "{errors:?}"
    );
    assert!(matches!(&errors[1], Error::NoKernelNamed), "{errors:?}");
    assert!(
        matches!(&errors[2], Error::NotReady { kind: RunKind::Build, kernel, .. } if kernel.version.as_str() == "6.1.0-9")
    );
    assert!(
        matches!(&errors[3], Error::Db(DbError::Unknown { .. })),
        "{errors:?}"
    );
    assert_eq!(
        errors[2].to_string(),
        "cannot build 6.1.0-9: headers are not fetched"
    );
    assert_eq!(errors[2].hints(), ["sqern fetch --kernel 6.1.0-9"]);
    assert!(!errors.iter().any(Error::is_internal));

    let tests = RunSpec::Test(TestSpec {
        build: Some(7),
        ..TestSpec::default()
    });
    let error = runs::plan(&mut fixture.client, &tests, &selection(), &Silent)
        .await
        .unwrap_err();
    assert_eq!(error.hints(), ["sqern build list"], "{error}");
}

#[tokio::test]
async fn a_finished_run_is_neither_renewed_nor_finished_again() {
    let mut fixture = Fixture::new(&["6.1.0-1"]).await;
    let options = ChangeOptions::committed("a test");
    runs::start(
        &mut fixture.client,
        &request(KernelChoice::ALL, "a test"),
        &options,
        &Silent,
    )
    .await
    .unwrap();
    runs::renew(&fixture.client, RunKind::Build, 1)
        .await
        .unwrap();
    let kernels = vec!["6.1.0-1=FAILURE".parse().unwrap()];
    let finish = FinishRequest {
        kind: RunKind::Build,
        id: 1,
        result: RunResult::Unstable,
        kernels,
    };
    let finished = runs::finish(&mut fixture.client, &finish, &options)
        .await
        .unwrap();
    assert!(finished.generation.is_some());
    let renewed = runs::renew(&fixture.client, RunKind::Build, 1)
        .await
        .unwrap_err();
    let again = runs::finish(&mut fixture.client, &finish, &options)
        .await
        .unwrap_err();
    for error in [renewed, again] {
        assert!(
            matches!(
                &error,
                Error::Run {
                    error: RunError::Finished { id: 1, .. },
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(error.hints(), ["sqern build show 1"]);
    }
    assert_eq!(
        fixture.value("SELECT result FROM sp_build_kver").await,
        "FAILURE"
    );
}
