//! `sqern db refresh`, and its effect on reports.

use std::process::Stdio;
use std::time::Duration;

use crate::follow::following::Following;
use crate::program::{Program, Ran};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_update_of_the_read_model_is_a_warning() {
    let program = Program::new().await;
    change(&program, KERNELS).await;
    change(
        &program,
        "ALTER TABLE kver_state ADD CONSTRAINT refuse CHECK (false)",
    )
    .await;
    let warning = "warning: could not update the read model: new row for relation \"kver_state\" violates check constraint \"refuse\"";
    for arguments in [
        &["report", "coverage"][..],
        &["report", "risk"],
        &["why", "6.1.0-1-amd64"],
        &["db", "check"],
    ] {
        let ran = program.run(&[arguments, &["--json"]].concat());
        assert!(
            ran.stderr.matches(warning).count() == 1
                && ran.stderr.contains("hint: sqern db refresh"),
            "{arguments:?}: {ran:?}"
        );
        assert!(ran.stdout.starts_with("{\"schema\":"), "{ran:?}");
    }
    // These commands compute their plan in the tables.
    change(
        &program,
        "INSERT INTO kver_seen (distro, version) SELECT distro, version FROM kver; INSERT INTO kver_fetched (distro, version) SELECT distro, version FROM kver",
    )
    .await;
    for arguments in [
        &["build", "plan"][..],
        &["build", "start", "--claim", "1", "--dry-run"],
    ] {
        let ran = program.done(arguments);
        assert_eq!(
            ran.stderr.matches(warning).count(),
            1,
            "{arguments:?}: {ran:?}"
        );
    }
    // Earlier states are not in the read model, and a reader cannot update it.
    let past = program.done(&["report", "coverage", "--at", "1"]);
    assert!(!past.stderr.contains("read model"), "{past:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_many_changes_suggests_a_refresh() {
    let program = Program::new().await;
    change(
        &program,
        "INSERT INTO kver (distro, version) SELECT 'debian12', '6.1.0-' || number || '-amd64' FROM generate_series(1, 10001) AS number",
    )
    .await;
    let ran = program.done(&["report", "coverage"]);
    assert!(
        ran.stderr.contains("more than 10,000 kernels and hosts")
            && ran.stderr.contains("hint: sqern db refresh"),
        "{ran:?}"
    );
    let quiet = program.done(&["report", "coverage", "--quiet"]);
    assert!(!quiet.stderr.contains("10,000"), "{quiet:?}");
    program.done(&["db", "refresh"]);
    let ran = program.done(&["report", "coverage"]);
    assert!(!ran.stderr.contains("10,000"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_prints_the_session_that_it_waits_for() {
    let program = Program::new().await;
    change(&program, KERNELS).await;
    program.done(&["db", "refresh"]);
    let holder = program.database.client().await;
    holder
        .batch_execute(
            "SET application_name = 'dashboard'; BEGIN; SELECT FROM kver_state_position FOR UPDATE",
        )
        .await
        .unwrap();
    let child = program
        .command(&["db", "refresh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The lock timeout of the program is a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    holder.batch_execute("COMMIT").await.unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("the read model is locked by process ")
            && ran
                .stderr
                .ends_with("(user sqern, application dashboard); waiting\n"),
        "{ran:?}"
    );
}
