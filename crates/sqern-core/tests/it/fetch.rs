//! Plans of fetches, and fetches with a shell command.

use std::sync::Mutex;
use std::time::Duration;

use sqern_core::fetch::{
    DownloadMethod, FetchConfig, FetchError, FetchEvent, FetchObstacle, FetchOutcome, FetchRequest,
    execute, plan,
};
use sqern_core::{Clock, Error, Silent};
use sqern_model::SourceSet;
use tokio_util::sync::CancellationToken;

use crate::support::{Fixture, environment, no_sandbox};

/// Returns a fixture with these kernels of debian12, which are seen and not fetched.
async fn seen(versions: &[&str]) -> Fixture {
    let fixture = Fixture::new(versions).await;
    fixture
        .client
        .batch_execute("DELETE FROM kver_fetched")
        .await
        .unwrap();
    std::fs::remove_dir_all(fixture.directory.path().join("store/debian12")).unwrap();
    fixture
}

fn packages(versions: &[&str]) -> FetchRequest {
    FetchRequest {
        distros: vec![],
        kernels: versions
            .iter()
            .map(|version| version.parse().unwrap())
            .collect(),
        max_kernels: None,
        republished: false,
        machine: "x86_64".to_owned(),
        method: DownloadMethod::Packages {
            mirror_base: None,
            allow_unverified: false,
        },
    }
}

fn command(script: &str) -> FetchRequest {
    let method = DownloadMethod::Command {
        script: script.to_owned(),
        time_limit: Duration::from_secs(60),
    };
    FetchRequest {
        method,
        ..packages(&[])
    }
}

fn config(fixture: &Fixture) -> FetchConfig {
    FetchConfig {
        sources: SourceSet::default(),
        store: fixture.store.clone(),
        jobs: 1,
        compile_module: false,
        sandbox: no_sandbox(),
        environment: environment(),
        comment: "a test".to_owned(),
        clock: Clock::Fixed("2026-01-31T12:00:00Z".parse().unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn successful_kernels_are_recorded_in_one_generation() {
    let fixture = seen(&["6.1.0-1", "6.1.0-2", "6.1.0-3"]).await;
    let request = command(
        "[ $SQERN_VERSION != 6.1.0-2 ] || { echo no headers >&2; exit 3; }; mkdir build; touch build/Makefile",
    );
    let plan = plan(&fixture.client, &request).await.unwrap();
    let events = Mutex::new(Vec::new());
    let progress = |event| events.lock().unwrap().push(event);
    let config = config(&fixture);
    let summary = execute(
        &fixture.database(),
        &plan,
        &config,
        &progress,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    let outcomes: Vec<&FetchOutcome> = summary.kernels.iter().map(|fetch| &fetch.outcome).collect();
    assert!(
        matches!(
            outcomes[..],
            [
                FetchOutcome::Fetched(_),
                FetchOutcome::Failed(_),
                FetchOutcome::Fetched(_)
            ]
        ),
        "{outcomes:?}"
    );
    let FetchOutcome::Failed(error) = outcomes[1] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(
        error.to_string(),
        "fetch command returned exit status 3; last lines of the output:\n  no headers"
    );
    assert_eq!(summary.recorded.as_ref().unwrap().events, 2);
    assert_eq!(
        fixture
            .value("SELECT string_agg(version, ' ' ORDER BY version) FROM kver_fetched")
            .await,
        "6.1.0-1 6.1.0-3"
    );
    let finished = |event: &FetchEvent| matches!(event, FetchEvent::KernelFinished(_));
    let events = events.into_inner().unwrap();
    assert_eq!((events.len(), events.iter().all(finished)), (3, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_fetch_stops_the_command_and_starts_no_other() {
    let fixture = seen(&["6.1.0-1", "6.1.0-2"]).await;
    let request = command(&format!(
        "touch {}/started; sleep 600",
        fixture.directory.path().display()
    ));
    let plan = plan(&fixture.client, &request).await.unwrap();
    let (config, stop, database) = (
        config(&fixture),
        CancellationToken::new(),
        fixture.database(),
    );
    let token = stop.clone();
    let task =
        tokio::spawn(async move { execute(&database, &plan, &config, &Silent, &token).await });
    fixture.wait_for_file("started").await;
    stop.cancel();
    let summary = task.await.unwrap().unwrap();
    let outcomes: Vec<&FetchOutcome> = summary.kernels.iter().map(|fetch| &fetch.outcome).collect();
    assert!(
        matches!(
            outcomes[..],
            [
                FetchOutcome::Failed(Error::Interrupted),
                FetchOutcome::NotStarted
            ]
        ),
        "{outcomes:?}"
    );
    assert_eq!(summary.recorded.as_ref().unwrap().generation, None);
}

#[tokio::test]
async fn a_plan_skips_kernels_without_packages_unless_they_are_selected() {
    let fixture = seen(&["6.1.0-1", "6.1.0-2"]).await;
    let all = plan(&fixture.client, &packages(&[])).await.unwrap();
    assert!(all.is_empty() && all.skipped == 2, "{all:?}");
    let selected = plan(&fixture.client, &packages(&["6.1.0-1"]))
        .await
        .unwrap();
    assert_eq!((selected.kernels.len(), selected.skipped), (0, 0));
    assert!(
        matches!(
            &selected.rejected[0].error,
            Error::Fetch(FetchError::NoHeadersPackage { .. })
        ),
        "{selected:?}"
    );
    assert_eq!(
        selected.rejected[0].error.hints(),
        ["sqern check  # records the packages of the sources"]
    );
    let limited = plan(
        &fixture.client,
        &FetchRequest {
            max_kernels: Some(1),
            ..command("true")
        },
    )
    .await
    .unwrap();
    assert_eq!(limited.kernels.len(), 1);
    assert_eq!(limited.kernels[0].kernel.version.as_str(), "6.1.0-2");
}

#[tokio::test]
async fn a_selected_kernel_that_cannot_be_fetched_is_an_error() {
    let fixture = seen(&["6.1.0-1"]).await;
    fixture
        .client
        .batch_execute("INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-9')")
        .await
        .unwrap();
    let error = plan(&fixture.client, &packages(&["6.1.0-9"]))
        .await
        .unwrap_err();
    let is_not_listed = matches!(
        &error,
        Error::Fetch(FetchError::NotFetchable {
            obstacle: FetchObstacle::NotListed,
            ..
        })
    );
    assert!(is_not_listed, "{error:?}");
    assert_eq!(error.hints(), ["sqern kver show 6.1.0-9"]);
    let error = plan(&fixture.client, &packages(&["6.1.0-8"]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "kernel version \"6.1.0-8\" does not exist"
    );
}

#[tokio::test]
async fn a_fetch_can_take_longer_than_the_idle_session_timeout() {
    let fixture = seen(&["6.1.0-1"]).await;
    let plan = plan(
        &fixture.client,
        &command("sleep 1; mkdir build; touch build/Makefile"),
    )
    .await
    .unwrap();
    let limit = format!(
        "ALTER DATABASE {} SET idle_session_timeout = '300ms'",
        fixture.test_database.name()
    );
    fixture.client.batch_execute(&limit).await.unwrap();
    let summary = execute(
        &fixture.database(),
        &plan,
        &config(&fixture),
        &Silent,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(summary.recorded.as_ref().unwrap().events, 1);
}
