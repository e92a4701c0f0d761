//! The removal of old crawls and logs.

use jiff::SignedDuration;
use sqern_db::retention::{Pruned, Retention, prune};

use crate::support::{migrated, rows, run};

const ROWS: &str = "
    INSERT INTO distro VALUES ('d', 'D');
    INSERT INTO kver VALUES ('d', '1');
    INSERT INTO crawl (distro, source, started_at, finished_at, checked_at, state, reason, url, bytes, kernels)
    SELECT 'd', source, now(), now(), now() - age * interval '1 day', state, CASE state WHEN 'failed' THEN 'r' END, 'u', 0, 0
    FROM (VALUES ('a', 100, 'complete'), ('a', 50, 'unchanged'), ('a', 40, 'failed'), ('b', 100, 'complete'), ('b', 99, 'failed')) AS c (source, age, state);
    INSERT INTO sp_build (tstamp, result) SELECT now() - age * interval '1 day', result FROM (VALUES (100, 'SUCCESS'), (100, NULL), (10, 'SUCCESS')) AS b (age, result);
    INSERT INTO sp_build_kver (build_id, distro, version) SELECT id, 'd', '1' FROM sp_build;
    INSERT INTO sp_build_kver_log (build_kver_id, host, path, seconds, tail) SELECT id, 'h', 'p', 1, 't' FROM sp_build_kver;
    INSERT INTO sp_test (tstamp, build_id) SELECT now() - interval '100 days', 1 FROM generate_series(1, 2);
    INSERT INTO sp_test_result (test_id, result) VALUES (1, 'SUCCESS'), (2, NULL);
    INSERT INTO sp_test_kver (test_id, distro, version) SELECT id, 'd', '1' FROM sp_test;
    INSERT INTO sp_test_kver_log (test_kver_id, host, path, seconds, tail) SELECT id, 'h', 'p', 1, 't' FROM sp_test_kver";

#[tokio::test]
async fn old_crawls_and_logs_are_removed_unless_they_are_needed() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, ROWS).await;
    let retention = Retention {
        crawls: SignedDuration::from_hours(24 * 30),
        logs: SignedDuration::from_hours(24 * 30),
    };
    let expected = Pruned {
        crawls: 1,
        logs: 2,
        dry_run: true,
    };
    assert_eq!(prune(&mut client, retention, true).await.unwrap(), expected);
    let removed = prune(&mut client, retention, false).await.unwrap();
    assert_eq!(
        removed,
        Pruned {
            dry_run: false,
            ..expected
        }
    );
    let crawls = "SELECT source, state FROM crawl ORDER BY source, checked_at";
    assert_eq!(
        rows(&client, crawls).await,
        ["a unchanged", "a failed", "b complete", "b failed"]
    );
    let logs = "SELECT b.id FROM sp_build_kver_log JOIN sp_build_kver AS b ON b.id = build_kver_id ORDER BY 1";
    assert_eq!(rows(&client, logs).await, ["2", "3"], "of builds");
    let logs = "SELECT test_kver_id FROM sp_test_kver_log";
    assert_eq!(rows(&client, logs).await, ["2"], "of tests");
    let again = prune(&mut client, retention, false).await.unwrap();
    assert_eq!((again.crawls, again.logs), (0, 0));
}

#[tokio::test]
async fn a_writer_cannot_remove_old_rows() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(
        &client,
        "CREATE ROLE plain_writer IN ROLE sqern_writer; SET SESSION AUTHORIZATION plain_writer",
    )
    .await;
    let age = SignedDuration::from_hours(1);
    let error = prune(
        &mut client,
        Retention {
            crawls: age,
            logs: age,
        },
        false,
    )
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("permission denied to set role"),
        "{error}"
    );
    run(
        &client,
        "RESET SESSION AUTHORIZATION; DROP ROLE plain_writer",
    )
    .await;
}
