//! `sqern db refresh`, and its effect on reports.

use crate::follow::following::Following;
use crate::program::Program;

const KERNELS: &str = "INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-1-amd64'), ('debian12', '6.1.0-2-amd64')";

async fn change(program: &Program, sql: &str) {
    let client = program.database.client().await;
    client.batch_execute(sql).await.expect(sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_prints_the_number_of_computed_kernels() {
    let program = Program::new().await;
    change(&program, KERNELS).await;
    let printed = program.done(&["db", "refresh"]).stdout;
    assert_eq!(printed, "read model updated (2 kernels)\n");
    let again = program.json(&["db", "refresh"]);
    assert_eq!(again["item"]["kernels"], 0);
    let all = program.json(&["db", "refresh", "--full"]);
    assert_eq!(all["item"]["kernels"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_refreshes_the_read_model_and_uses_it() {
    let program = Program::new().await;
    change(&program, KERNELS).await;
    assert_eq!(
        program.value("SELECT kver_state_is_current()").await,
        "false"
    );
    let report = program.json(&["report", "coverage"]);
    assert_eq!(report["items"][0]["wanted"], 2);
    assert_eq!(
        program.value("SELECT kver_state_is_current()").await,
        "true"
    );
    // A wrong row proves that the report reads the read model.
    change(&program, "UPDATE kver_state_count SET kernels = 7").await;
    let report = program.json(&["report", "coverage"]);
    assert_eq!(report["items"][0]["wanted"], 7);
    let checked = program.run(&["db", "check"]);
    assert_eq!(checked.status, 1);
    assert!(
        checked.stdout.contains("repair: sqern db refresh --full"),
        "{}",
        checked.stdout
    );
    program.done(&["db", "refresh", "--full"]);
    program.done(&["db", "check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_refreshes_after_each_change_until_a_signal() {
    let program = Program::new().await;
    let mut watch = Following::start_until(
        program.command(&["db", "refresh", "--watch"]),
        "read model updated (0 kernels)",
    );
    change(&program, KERNELS).await;
    watch.note("read model updated (2 kernels)");
    assert_eq!(program.value("SELECT count(*) FROM kver_state").await, "2");
    change(&program, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
    change(
        &program,
        "UPDATE kver SET archived = true WHERE version = '6.1.0-1-amd64'",
    )
    .await;
    watch.note("read model updated (1 kernel)");
    let (status, ..) = watch.end("TERM");
    assert_eq!(status, Some(0));
}
