//! The workflows for shell programs: psql, its options and its exit status.

use std::io::Write;
use std::process::Output;

use sqern_testkit::TestDatabase;

use crate::support::{migrated, rows, run};

/// Runs psql with the options that the workflows recommend.
fn psql(database: &TestDatabase, arguments: &[&str]) -> Output {
    database
        .tool("psql")
        .args([
            "--no-psqlrc",
            "-v",
            "ON_ERROR_STOP=on",
            "--single-transaction",
            "-A",
            "-t",
            "-q",
        ])
        .args(arguments)
        .output()
        .expect("psql runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[tokio::test]
async fn statements_of_one_psql_call_are_one_generation() {
    let database = migrated().await;
    let output = psql(
        &database,
        &[
            "-c",
            "SELECT generation_start('from the shell')",
            "-c",
            "INSERT INTO distro VALUES ('d', 'D')",
            "-c",
            "INSERT INTO kver VALUES ('d', '1') ON CONFLICT DO NOTHING",
            "-c",
            "SELECT generation_drop_empty_current()",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "1\nf");
    assert_eq!(
        rows(
            &database.client().await,
            "SELECT comment, (SELECT count(*) FROM event) FROM generation"
        )
        .await,
        ["from the shell 2"]
    );
}

#[tokio::test]
async fn a_psql_call_without_changes_leaves_no_generation() {
    let database = migrated().await;
    run(
        &database.client().await,
        "INSERT INTO distro VALUES ('d', 'D')",
    )
    .await;
    let output = psql(
        &database,
        &[
            "-c",
            "SELECT generation_start('nothing new')",
            "-c",
            "INSERT INTO distro VALUES ('d', 'D') ON CONFLICT DO NOTHING",
            "-c",
            "SELECT generation_drop_empty_current()",
        ],
    );
    assert_eq!(text(&output.stdout), "2\nt");
    assert_eq!(
        rows(&database.client().await, "SELECT count(*) FROM generation").await,
        ["1"]
    );
}

#[tokio::test]
async fn a_failed_statement_rolls_back_all_changes_and_psql_fails() {
    let database = migrated().await;
    let output = psql(
        &database,
        &[
            "-c",
            "SELECT generation_start('will fail')",
            "-c",
            "INSERT INTO distro VALUES ('d', 'D')",
            "-c",
            "INSERT INTO kver VALUES ('unknown', '1')",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("kver_distro_fkey"),
        "{}",
        text(&output.stderr)
    );
    let client = database.client().await;
    assert_eq!(
        rows(&client, "SELECT (SELECT count(*) FROM generation), (SELECT count(*) FROM event), (SELECT count(*) FROM distro)")
            .await,
        ["0 0 0"]
    );
}

#[tokio::test]
async fn a_copy_file_is_loaded_in_one_transaction() {
    let database = migrated().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    // The text format of COPY: tabs between values, doubled backslashes.
    writeln!(file, "COPY kver_ignore (distro, pattern) FROM STDIN;\nd\t%-cloud-amd64\nd\t4.18.0-%.el8\\\\_10.x86\\\\_64\n\\.")
        .unwrap();
    let path = file.path().to_str().unwrap();
    let output = psql(
        &database,
        &[
            "-c",
            "SELECT generation_start('copy')",
            "-c",
            "INSERT INTO distro VALUES ('d', 'D')",
            "-f",
            path,
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let client = database.client().await;
    assert_eq!(
        rows(&client, "SELECT pattern FROM kver_ignore ORDER BY id").await,
        ["%-cloud-amd64", r"4.18.0-%.el8\_10.x86\_64"]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), count(DISTINCT generation) FROM event"
        )
        .await,
        ["3 1"]
    );
}

#[tokio::test]
async fn a_value_with_doubled_quotes_is_stored_unchanged() {
    let database = migrated().await;
    let comment = "it's a \"test\" \\ of $quoting$";
    let quoted = comment.replace('\'', "''");
    let output = psql(
        &database,
        &[
            "-c",
            "INSERT INTO distro VALUES ('d', 'D')",
            "-c",
            &format!(
                "INSERT INTO kver_ignore (distro, pattern, comment) VALUES ('d', '%', '{quoted}')"
            ),
            "-c",
            "SELECT comment FROM kver_ignore",
        ],
    );
    assert_eq!(text(&output.stdout), comment);
}

#[tokio::test]
async fn insert_returning_prints_the_id_of_a_build_for_its_result() {
    let database = migrated().await;
    run(
        &database.client().await,
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1')",
    )
    .await;
    let started = psql(
        &database,
        &[
            "-c",
            "INSERT INTO sp_build (storpool_revision, release_target) VALUES ('21.0', 'sp-lab') RETURNING id",
        ],
    );
    let id = text(&started.stdout);
    assert_eq!(id, "1");
    let finished = psql(
        &database,
        &[
            "-c",
            &format!(
                "INSERT INTO sp_build_kver (build_id, distro, version) VALUES ({id}, 'd', '1')"
            ),
            "-c",
            &format!("UPDATE sp_build SET result = 'SUCCESS' WHERE id = {id}"),
            "-c",
            "SELECT result, success FROM sp_build",
        ],
    );
    assert_eq!(text(&finished.stdout), "SUCCESS|t");
}
