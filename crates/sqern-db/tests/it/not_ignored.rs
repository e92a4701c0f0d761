//! The view `kver_not_ignored` after each kind of change, and after concurrent changes.

use crate::support::{migrated, refused, rows, run};

const KERNELS: &str = "INSERT INTO distro VALUES ('d', 'D'), ('e', 'E');
    INSERT INTO kver VALUES ('d', '1-amd64'), ('d', '1-cloud'), ('e', '1-cloud');";

/// Each case: name, statements, and the versions of `d` in the view.
const CASES: &[(&str, &str, &str)] = &[
    ("no pattern", "", "1-amd64 1-cloud"),
    ("a pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud')", "1-amd64"),
    ("a pattern of another distro", "INSERT INTO kver_ignore (distro, pattern) VALUES ('e', '%')", "1-amd64 1-cloud"),
    ("a version that is added later", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); INSERT INTO kver VALUES ('d', '2-cloud'), ('d', '2-amd64')", "1-amd64 2-amd64"),
    ("a removed pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver_ignore SET deleted_at = now()", "1-amd64 1-cloud"),
    ("a deleted pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); DELETE FROM kver_ignore", "1-amd64 1-cloud"),
    ("one of two patterns removed", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'), ('d', '1-c%'); UPDATE kver_ignore SET deleted_at = now() WHERE pattern = '1-c%'", "1-amd64"),
    ("a pattern that was never live", "INSERT INTO kver_ignore (distro, pattern, deleted_at) VALUES ('d', '%', now())", "1-amd64 1-cloud"),
    ("a restored pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver_ignore SET deleted_at = now();
      INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud') ON CONFLICT DO NOTHING", "1-amd64"),
    ("a changed pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver_ignore SET pattern = '%-amd64'", "1-cloud"),
    ("a pattern moved to another distro", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver_ignore SET distro = 'e'", "1-amd64 1-cloud"),
    ("an archived version", "UPDATE kver SET archived = true WHERE version = '1-amd64'", "1-cloud"),
    ("a renamed version", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver SET version = '3-amd64' WHERE distro = 'd' AND version = '1-cloud'", "1-amd64 3-amd64"),
    ("a version renamed into a pattern", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); UPDATE kver SET version = '3-cloud' WHERE distro = 'd' AND version = '1-amd64'", ""),
    ("a version deleted and recorded again", "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-cloud'); DELETE FROM kver WHERE distro = 'd' AND version = '1-cloud';
      DELETE FROM kver_ignore; INSERT INTO kver VALUES ('d', '1-cloud')", "1-amd64 1-cloud"),
    ("a renamed distro", "INSERT INTO kver_ignore (distro, pattern) VALUES ('e', '%-cloud'); DELETE FROM kver WHERE distro = 'd'; UPDATE distro SET name = 'f' WHERE name = 'd';
      UPDATE distro SET name = 'd' WHERE name = 'e'; INSERT INTO kver VALUES ('d', '5-cloud'), ('d', '5-amd64')", "5-amd64"),
    ("an escaped underscore", r"INSERT INTO kver VALUES ('d', '1_'), ('d', '1x'); INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '1\_')", "1-amd64 1-cloud 1x"),
];

#[tokio::test]
async fn the_view_is_updated_by_every_change() {
    for (name, statements, expected) in CASES {
        let database = migrated().await;
        let client = database.client().await;
        run(&client, KERNELS).await;
        run(&client, statements).await;
        let shown = rows(
            &client,
            "SELECT version FROM kver_not_ignored WHERE distro = 'd' ORDER BY 1",
        )
        .await;
        assert_eq!(shown.join(" "), *expected, "{name}");
        for checked in sqern_db::check::check(&client).await.unwrap() {
            assert!(checked.problems.is_empty(), "{name}: {checked:?}");
        }
    }
}

#[tokio::test]
async fn an_invalid_like_pattern_is_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, KERNELS).await;
    for pattern in [r"6.1\", r"\\\", ""] {
        let message = refused(
            &client,
            &format!("INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '{pattern}')"),
        )
        .await;
        assert!(
            message.contains("kver_ignore_pattern"),
            "{pattern}: {message}"
        );
    }
}

#[tokio::test]
async fn a_concurrently_added_version_and_pattern_take_effect() {
    let database = migrated().await;
    let (kernels, patterns) = (database.client().await, database.client().await);
    run(&kernels, KERNELS).await;
    for (round, kernel_first) in [true, false].into_iter().enumerate() {
        let insert = format!("INSERT INTO kver VALUES ('d', 'new-{round}-cloud')");
        let ignore =
            format!("INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'new-{round}-%')");
        let (first, first_sql, second, second_sql) = if kernel_first {
            (&kernels, insert, &patterns, ignore)
        } else {
            (&patterns, ignore, &kernels, insert)
        };
        run(first, &format!("BEGIN; {first_sql}")).await;
        let waiting = async { run(second, &second_sql).await };
        let commit = async {
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            run(first, "COMMIT").await;
        };
        tokio::join!(waiting, commit);
        let shown = rows(
            &kernels,
            "SELECT version FROM kver_not_ignored WHERE version LIKE 'new-%'",
        )
        .await;
        assert!(
            shown.is_empty(),
            "kernel first: {kernel_first}, shown: {shown:?}"
        );
    }
}

#[tokio::test]
async fn isolation_levels_that_could_miss_a_pattern_are_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, KERNELS).await;
    let message = refused(
        &client,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO kver VALUES ('d', '9')",
    )
    .await;
    assert_eq!(
        message,
        "cannot change table kver in a REPEATABLE READ transaction | Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED."
    );
}
