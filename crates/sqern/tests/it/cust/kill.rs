//! Interrupted loads and concurrent loads.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{cluster, clusters, host, live, load, loaded, two_clusters};
use crate::program::{Program, Ran};

fn spawn(mut command: Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

/// Waits until a query returns this text.
async fn until(program: &Program, sql: &str, expected: &str) {
    for _ in 0..1000 {
        if program.value(sql).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "expected {expected} from {sql}, found {}",
        program.value(sql).await
    );
}

/// Counts the sessions of the program.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sqern'";

#[tokio::test]
async fn a_load_has_no_session_while_it_reads_and_can_be_killed() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let before = (program.journal().await, live(&program).await);
    let mut child = spawn(program.command(&["cust", "load", "-"]));
    let hosts: Vec<Value> = (0..20_000)
        .map(|number| host(&format!("x{number}"), 2))
        .collect();
    let report = clusters(&[cluster("acme-9", &hosts)]).to_string();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe can buffer, so the program reads it.
    stdin
        .write_all(&report.as_bytes()[..report.len() / 2])
        .unwrap();
    until(&program, SESSIONS, "0").await;
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    assert_eq!((program.journal().await, live(&program).await), before);
}

#[tokio::test]
async fn a_load_killed_while_writing_changes_nothing() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let before = (program.journal().await, live(&program).await);
    let client = program.database.client().await;
    // The load has then written clusters, and waits to write hosts.
    client
        .batch_execute("BEGIN; LOCK TABLE cust_host_kver IN SHARE MODE")
        .await
        .unwrap();
    let mut child = spawn(program.command(&["cust", "load", "-"]));
    let mut report = two_clusters();
    report["clusters"]
        .as_array_mut()
        .unwrap()
        .push(cluster("gamma", &[host("g1", 3)]));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(report.to_string().as_bytes())
        .unwrap();
    until(
        &program,
        "SELECT count(*) FROM pg_locks WHERE relation = 'cust_host_kver'::regclass AND NOT granted",
        "1",
    )
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    until(&program, SESSIONS, "0").await;
    assert_eq!((program.journal().await, live(&program).await), before);
    assert_eq!(
        program.value("SELECT count(*) FROM cust_cluster").await,
        "2"
    );
}

#[tokio::test]
async fn a_load_with_a_lost_connection_changes_nothing() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let before = (program.journal().await, live(&program).await);
    let client = program.database.client().await;
    client
        .batch_execute("BEGIN; LOCK TABLE cust_cluster IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let mut child = spawn(program.command(&["cust", "load", "-", "--accept-shrink"]));
    let report = clusters(&[cluster("acme-1", &[host("h1", 1)])]);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(report.to_string().as_bytes())
        .unwrap();
    let waits =
        "SELECT count(*) FROM pg_locks WHERE relation = 'cust_cluster'::regclass AND NOT granted";
    until(&program, waits, "1").await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'cust_cluster'::regclass AND NOT granted";
    client.batch_execute(end).await.unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("terminating connection due to administrator command"),
        "{ran:?}"
    );
    assert_eq!((program.journal().await, live(&program).await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_loads_run_in_sequence_and_the_last_report_remains() {
    let program = Program::new().await;
    let reports: Vec<Value> = (1..=4)
        .map(|kernels| {
            let hosts: Vec<Value> = (0..30)
                .map(|number| host(&format!("h{number:02}"), kernels))
                .collect();
            clusters(&[
                cluster("acme-1", &hosts),
                cluster(&format!("only-{kernels}"), &hosts[..2]),
            ])
        })
        .collect();
    // The state after each load without concurrency.
    let mut alone = Vec::new();
    for report in &reports {
        loaded(&program, report, &["--accept-shrink"]);
        alone.push(live(&program).await);
    }
    for _ in 0..3 {
        let ran: Vec<Ran> = std::thread::scope(|scope| {
            let loads: Vec<_> = reports
                .iter()
                .map(|report| {
                    scope.spawn(|| load(&program, report.to_string(), &["--accept-shrink"]))
                })
                .collect();
            loads.into_iter().map(|load| load.join().unwrap()).collect()
        });
        assert!(ran.iter().all(|ran| ran.status == 0), "{ran:?}");
        let after = live(&program).await;
        assert!(
            alone.contains(&after),
            "the state is that of no report: {after}"
        );
    }
    program.done(&["db", "check"]);
}

#[tokio::test]
async fn a_load_waits_for_another_and_compares_with_its_result() {
    let program = Program::new().await;
    let client = program.database.client().await;
    // Simulates a load that holds the lock. Its clusters are committed before the other load
    // compares.
    client
        .batch_execute("BEGIN; SELECT lock_table('cust_cluster')")
        .await
        .unwrap();
    client
        .batch_execute("INSERT INTO cust_cluster (name, cltype) VALUES ('acme-1', 1), ('beta', 4)")
        .await
        .unwrap();
    let mut child = spawn(program.command(&["cust", "load", "-"]));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(two_clusters().to_string().as_bytes())
        .unwrap();
    until(
        &program,
        "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND NOT granted",
        "1",
    )
    .await;
    client.batch_execute("COMMIT").await.unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(
        ran.status == 0 && ran.stderr.starts_with("hosts: 3 new\n"),
        "the clusters exist already: {ran:?}"
    );
}

#[tokio::test]
async fn an_interrupt_cancels_the_statement_on_the_server() {
    let program = Program::new().await;
    let client = program.database.client().await;
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND NOT granted";
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        client
            .batch_execute("BEGIN; SELECT lock_table('cust_cluster')")
            .await
            .unwrap();
        let mut child = spawn(program.command(&["cust", "load", "-"]));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(two_clusters().to_string().as_bytes())
            .unwrap();
        until(&program, waiting, "1").await;
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        // The server executes the cancellation shortly after the request. Without it, the server finds
        // the closed connection after 10 s.
        for _ in 0..100 {
            if program.value(waiting).await == "0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(program.value(waiting).await, "0", "{signal}");
        client.batch_execute("COMMIT").await.unwrap();
    }
}
