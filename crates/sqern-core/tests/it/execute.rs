//! The executor of runs.

use std::sync::Mutex;
use std::time::Duration;

use sqern_core::runs::{
    BuildSpec, ExecutorConfig, KernelChoice, Lease, RetryPolicy, RunEvent, RunExecutor,
    RunSelection, RunSpec, RunSummary, StartRequest, TestSpec, start,
};
use sqern_core::{ChangeOptions, Error, Silent};
use sqern_db::run::RunError;
use sqern_model::{RunKind, RunResult};
use tokio_util::sync::CancellationToken;

use crate::support::{Fixture, kernel_names, selection};

const RESULTS: &str = "SELECT string_agg(version || ' ' || coalesce(result, '-'), ', ' ORDER BY version) FROM sp_build_kver WHERE build_id = 1";

async fn build(config: &ExecutorConfig) -> RunSummary {
    let stop = CancellationToken::new();
    let executor = RunExecutor::new(config, &Silent, &stop);
    executor
        .execute(&RunSpec::Build(BuildSpec::default()), &selection(), None)
        .await
        .unwrap()
        .unwrap()
}

/// Returns a command that creates `started`, and waits until `continue` exists.
fn waiting_command(fixture: &Fixture) -> String {
    let directory = fixture.directory.path().display();
    format!("touch {directory}/started; while [ ! -e {directory}/continue ]; do sleep 0.05; done")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_of_a_run_depends_on_its_kernels() {
    for (command, result, kernels) in [
        (
            "true",
            RunResult::Success,
            "6.1.0-1 SUCCESS, 6.1.0-2 SUCCESS",
        ),
        (
            "case $SQERN_VERSION in *1) exit 1;; esac",
            RunResult::Unstable,
            "6.1.0-1 FAILURE, 6.1.0-2 SUCCESS",
        ),
        (
            "case $SQERN_VERSION in *1) exit 77;; esac",
            RunResult::NotBuilt,
            "6.1.0-1 NOT_BUILT, 6.1.0-2 SUCCESS",
        ),
        (
            "exit 1",
            RunResult::Failure,
            "6.1.0-1 FAILURE, 6.1.0-2 FAILURE",
        ),
    ] {
        let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
        let summary = build(&fixture.config(command)).await;
        assert_eq!(
            (summary.result, summary.kernels.len()),
            (Some(result), 2),
            "{command}: {summary:?}"
        );
        assert_eq!(fixture.value(RESULTS).await, kernels, "{command}");
        let recorded =
            "SELECT result || to_char(tstamp AT TIME ZONE 'UTC', ' YYYY-MM-DD') FROM sp_build";
        assert_eq!(
            fixture.value(recorded).await,
            format!("{result} 2026-01-31")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_after_the_last_permitted_failure_are_not_built() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2", "6.1.0-3"]).await;
    let config = ExecutorConfig {
        max_failures: Some(1),
        ..fixture.config("exit 1")
    };
    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let stop = CancellationToken::new();
    let executor = RunExecutor::new(&config, &progress, &stop);
    let summary = executor
        .execute(&RunSpec::Build(BuildSpec::default()), &selection(), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(summary.result, Some(RunResult::Failure));
    assert_eq!(
        fixture.value(RESULTS).await,
        "6.1.0-1 NOT_BUILT, 6.1.0-2 NOT_BUILT, 6.1.0-3 FAILURE"
    );
    let events = events.into_inner().unwrap();
    assert!(
        matches!(
            &events[0],
            RunEvent::RunStarted {
                kind: RunKind::Build,
                id: 1,
                kernels: 3,
                ..
            }
        ),
        "{events:?}"
    );
    let started = events
        .iter()
        .filter(|event| matches!(event, RunEvent::KernelStarted(_)))
        .count();
    let finished = events
        .iter()
        .filter(|event| matches!(event, RunEvent::KernelFinished(_)))
        .count();
    assert_eq!((started, finished), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_recorded_after_a_lost_connection() {
    for (attempts, is_recorded) in [(20, true), (0, false)] {
        let fixture = Fixture::new(&["6.1.0-1"]).await;
        let retry = RetryPolicy {
            attempts,
            pause: Duration::from_millis(50),
        };
        let config = ExecutorConfig {
            retry,
            ..fixture.config(&waiting_command(&fixture))
        };
        let disconnect = async {
            fixture.wait_for_file("started").await;
            let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
            fixture.client.execute(terminate, &[]).await.unwrap();
            fixture.create_file("continue");
        };
        let (summary, ()) = tokio::join!(build(&config), disconnect);
        assert_eq!(summary.error.is_none(), is_recorded, "{summary:?}");
        assert_eq!(
            fixture.value(RESULTS).await == "6.1.0-1 SUCCESS",
            is_recorded
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_until_the_run_finishes() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let lease = Lease {
        lasts: Duration::from_secs(1),
        owner: "a test".to_owned(),
    };
    let config = ExecutorConfig {
        lease,
        ..fixture.config(&waiting_command(&fixture))
    };
    let observe = async {
        fixture.wait_for_file("started").await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let is_valid = fixture
            .value("SELECT expires_at > now() FROM sp_build_lease")
            .await;
        fixture.create_file("continue");
        is_valid
    };
    let (summary, is_valid) = tokio::join!(build(&config), observe);
    assert_eq!(
        (summary.result, is_valid.as_str()),
        (Some(RunResult::Success), "true")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_terminated_if_another_program_closes_the_run() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    let lease = Lease {
        lasts: Duration::from_millis(300),
        owner: "a test".to_owned(),
    };
    let config = ExecutorConfig {
        lease,
        ..fixture.config(&waiting_command(&fixture))
    };
    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let stop = CancellationToken::new();
    let executor = RunExecutor::new(&config, &progress, &stop);
    let (spec, selection) = (RunSpec::Build(BuildSpec::default()), selection());
    let close = async {
        fixture.wait_for_file("started").await;
        let close =
            "BEGIN; SELECT generation_start('a test'); UPDATE sp_build SET result = 'ABORTED';
             DELETE FROM sp_build_lease; COMMIT";
        fixture.client.batch_execute(close).await.unwrap();
    };
    let (summary, ()) = tokio::join!(executor.execute(&spec, &selection, None), close);
    let summary = summary.unwrap().unwrap();
    assert!(
        matches!(
            &summary.error,
            Some(Error::Run {
                error: RunError::Finished { .. },
                ..
            })
        ),
        "{summary:?}"
    );
    assert_eq!((summary.result, summary.kernels.len()), (None, 2));
    assert!(
        summary
            .kernels
            .iter()
            .all(|outcome| outcome.result.is_none()),
        "{summary:?}"
    );
    assert!(events.into_inner().unwrap().contains(&RunEvent::LeaseLost {
        kind: RunKind::Build,
        id: 1
    }));
    assert!(!stop.is_cancelled(), "only this run is stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_build_is_tested_until_the_executor_is_stopped() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    let build_one = ExecutorConfig {
        jobs: 1,
        ..fixture.config("true")
    };
    let stop = CancellationToken::new();
    let executor = RunExecutor::new(&build_one, &Silent, &stop);
    for _ in 0..2 {
        executor
            .execute(&RunSpec::Build(BuildSpec::default()), &selection(), Some(1))
            .await
            .unwrap()
            .unwrap();
    }
    let mut tested = Vec::new();
    let failing = ExecutorConfig {
        command: "exit 1".to_owned(),
        ..build_one.clone()
    };
    let finished = |summary: RunSummary| {
        tested.push((summary.id, summary.result));
        Ok::<_, Error>(())
    };
    let executor = RunExecutor::new(&failing, &Silent, &stop);
    executor
        .test_each_build(&TestSpec::default(), &selection(), None, finished)
        .await
        .unwrap();
    assert_eq!(
        tested,
        [(1, Some(RunResult::Failure)), (2, Some(RunResult::Failure))]
    );
    assert_eq!(
        fixture
            .value("SELECT string_agg(build_id::text, ' ' ORDER BY id) FROM sp_test")
            .await,
        "1 2"
    );

    let mut runs = 0;
    let finished = |_| {
        runs += 1;
        stop.cancel();
        Ok::<_, Error>(())
    };
    executor
        .test_each_build(&TestSpec::default(), &selection(), None, finished)
        .await
        .unwrap();
    assert_eq!(runs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn named_kernels_of_different_builds_are_tested_in_a_run_for_each_build() {
    let mut fixture = Fixture::new(&["6.1.0-1", "6.1.0-2", "6.1.0-3"]).await;
    let one = ExecutorConfig {
        jobs: 1,
        ..fixture.config("true")
    };
    let stop = CancellationToken::new();
    let executor = RunExecutor::new(&one, &Silent, &stop);
    for max_kernels in [1, 2] {
        executor
            .execute(
                &RunSpec::Build(BuildSpec::default()),
                &selection(),
                Some(max_kernels),
            )
            .await
            .unwrap()
            .unwrap();
    }
    let named = |versions: &[&str]| RunSelection {
        kernels: kernel_names(versions),
        ..selection()
    };
    let (build, kernels) = (TestSpec::default(), named(&["6.1.0-3", "6.1.0-1"]));
    let request = StartRequest {
        spec: RunSpec::Test(build.clone()),
        selection: kernels.clone(),
        kernels: KernelChoice::Named,
        lease: one.lease.clone(),
        clock: one.clock,
    };
    let options = ChangeOptions::committed("a test");
    let error = start(&mut fixture.client, &request, &options, &Silent)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the kernels belong to different builds, and a test run tests one build: \
         debian12 6.1.0-3 of build 1, debian12 6.1.0-1 of build 2"
    );
    executor
        .test_each_build(&build, &kernels, None, |_| Ok::<_, Error>(()))
        .await
        .unwrap();
    let tested = "SELECT string_agg(t.build_id || ' ' || k.version, ', ' ORDER BY t.id)
        FROM sp_test AS t JOIN sp_test_kver AS k ON k.test_id = t.id";
    assert_eq!(fixture.value(tested).await, "1 6.1.0-3, 2 6.1.0-1");

    fixture
        .client
        .batch_execute("UPDATE kver SET archived = true WHERE version = '6.1.0-1'; INSERT INTO kver_ignore (distro, pattern) VALUES ('debian12', '%-2')")
        .await
        .unwrap();
    let build_one = TestSpec {
        build: Some(1),
        ..TestSpec::default()
    };
    for (spec, name, message) in [
        (&build, "6.1.0-1", "the kernel is archived"),
        (&build, "6.1.0-2", "the kernel is ignored"),
        (&build_one, "6.1.0-3", ""),
    ] {
        let result = executor
            .test_each_build(spec, &named(&[name]), None, |_| Ok::<_, Error>(()))
            .await;
        let error = result.err().map(|error| error.to_string());
        let expected = (!message.is_empty()).then(|| format!("cannot test {name}: {message}"));
        assert_eq!(error, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_can_be_spawned() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let config = fixture.config("true");
    let task = tokio::spawn(async move { build(&config).await });
    assert_eq!(task.await.unwrap().result, Some(RunResult::Success));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_executor_starts_no_run() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let config = fixture.config("true");
    let stop = CancellationToken::new();
    stop.cancel();
    let executor = RunExecutor::new(&config, &Silent, &stop);
    let error = executor
        .execute(&RunSpec::Build(BuildSpec::default()), &selection(), None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error:?}");
    assert_eq!(fixture.value("SELECT count(*) FROM sp_build").await, "0");
}
