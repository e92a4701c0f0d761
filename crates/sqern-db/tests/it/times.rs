//! The times that clients can record.

use crate::support::{migrated, refused, rows, run, value};

const ROWS: &str = "
    INSERT INTO distro VALUES ('d', 'D');
    INSERT INTO kver VALUES ('d', '1');
    INSERT INTO kver_seen VALUES ('d', '1');
    INSERT INTO kver_fetched VALUES ('d', '1');
    INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'x');
    INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum)
    VALUES ('d', '1', 's', 'headers', 'n', '1', 'amd64', 'u', 1, repeat('a', 64));
    INSERT INTO crawl (distro, source, started_at, finished_at, state, url, bytes, kernels) VALUES ('d', 's', now(), now(), 'complete', 'u', 0, 0);
    INSERT INTO cust_cluster VALUES ('c', 1);
    INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) VALUES ('c', 'h', 'd', '1');
    INSERT INTO sp_build (jenkins_job) VALUES ('j');
    INSERT INTO sp_build_kver (build_id, distro, version) VALUES (1, 'd', '1');
    INSERT INTO sp_test (build_id) VALUES (1);
    INSERT INTO sp_test_kver (test_id, distro, version) VALUES (1, 'd', '1');
    INSERT INTO sp_test_result (test_id) VALUES (1);
    INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version) VALUES ('r', 't', 'd', '1')";

/// The columns of tables that writers can change. A new column must be added to one of the lists.
const COLUMNS: &[&str] = &[
    "crawl.checked_at",
    "crawl.finished_at",
    "crawl.started_at",
    "cust_cluster.deleted_at",
    "cust_host_kver.deleted_at",
    "kver_fetched.tstamp",
    "kver_ignore.deleted_at",
    "kver_package.first_seen_at",
    "kver_package.gone_at",
    "kver_seen.tstamp",
    "sp_available_kver.deleted_at",
    "sp_available_kver.tstamp",
    "sp_build.deleted_at",
    "sp_build.tstamp",
    "sp_build_kver.deleted_at",
    "sp_test.deleted_at",
    "sp_test.tstamp",
    "sp_test_kver.deleted_at",
    "sp_test_result.deleted_at",
    "sp_test_result.tstamp",
];
/// The date of metadata is set by mirrors, and leases have a separate limit.
const OTHER_COLUMNS: &[&str] = &[
    "crawl.dated_at",
    "sp_build_lease.expires_at",
    "sp_test_lease.expires_at",
];

#[tokio::test]
async fn a_writer_cannot_record_an_implausible_time() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, ROWS).await;
    let writable = "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND a.atttypid = 'timestamptz'::regtype AND a.attnum > 0
          AND has_column_privilege('sqern_crawler', c.oid, a.attnum, 'INSERT') ORDER BY 1";
    let mut known = [COLUMNS, OTHER_COLUMNS].concat();
    known.sort_unstable();
    assert_eq!(rows(&client, writable).await, known);
    run(&client, "SET ROLE sqern_crawler").await;
    for column in COLUMNS {
        let (table, name) = column.split_once('.').unwrap();
        let update = |time: &str| format!("UPDATE {table} SET {name} = {time}");
        for time in [
            "'294276-12-31'",
            "'infinity'",
            "now() + interval '11 minutes'",
            "'1999-12-31 23:59:59+00'",
            "'-infinity'::timestamptz + interval '0'",
        ] {
            if name == "deleted_at" && time.contains("-infinity") {
                continue;
            }
            let message = refused(&client, &update(time)).await;
            assert!(
                message.starts_with(&format!(
                    "column {name} of table {table} cannot contain the "
                )),
                "{message}"
            );
        }
        for time in ["now() + interval '9 minutes'", "'2000-01-01 00:00:00+00'"] {
            run(&client, &format!("BEGIN; {}; ROLLBACK", update(time))).await;
        }
    }
    let message = refused(
        &client,
        "SET timezone = 'UTC'; INSERT INTO sp_build (tstamp) VALUES ('2290-12-31')",
    )
    .await;
    assert!(
        message.starts_with(
            "column tstamp of table sp_build cannot contain the future time 2290-12-31 00:00:00+00 | Check the clock of the client. The time of the server is 2"
        ),
        "{message}"
    );
}

/// An earlier version could record any time.
#[tokio::test]
async fn recorded_implausible_times_are_reported_and_can_be_repaired() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, ROWS).await;
    sqern_db::migrate::migrate(&mut client, Some(13), false)
        .await
        .unwrap();
    run(
        &client,
        "SET session_replication_role = replica; UPDATE sp_build SET tstamp = '294276-12-31', storpool_revision = 'r';
         UPDATE kver_ignore SET deleted_at = 'infinity'; RESET session_replication_role;
         UPDATE event SET fields = fields || (SELECT jsonb_build_object('tstamp', tstamp, 'storpool_revision', 'r') FROM sp_build)
         WHERE table_name = 'sp_build'; SET timezone = 'UTC'",
    )
    .await;
    sqern_db::migrate::migrate(&mut client, None, false)
        .await
        .unwrap();
    let checked = sqern_db::check::check(&client).await.unwrap();
    let found = checked
        .iter()
        .find(|rule| rule.rule == "no time is before the year 2000 or in the future")
        .unwrap();
    assert_eq!(
        found.problems,
        [
            r#"table kver_ignore, row {"id": 1, "distro": "d", "pattern": "x"}: deleted_at is infinity (repair: set it to a plausible time)"#,
            r#"table sp_build, row {"id": 1}: tstamp is 294276-12-31 00:00:00+00 (repair: set it to a plausible time)"#,
        ]
    );
    // The build has no lease, so it holds its kernel for a day after its start.
    assert_eq!(
        value(&client, "SELECT count(*) FROM build_candidate").await,
        "0"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT version, is_done FROM build_kver_results('r', NULL, NULL)"
        )
        .await,
        ["1 t"]
    );
    run(
        &client,
        "UPDATE sp_build SET result = 'ABORTED'; UPDATE sp_build SET tstamp = now() - interval '1 hour', result = NULL",
    )
    .await;
    run(
        &client,
        "UPDATE sp_build SET tstamp = now() - interval '25 hours'",
    )
    .await;
    assert_eq!(
        value(&client, "SELECT count(*) FROM build_candidate").await,
        "1"
    );
    assert_eq!(
        value(&client, "SELECT count(*) FROM times_implausible()").await,
        "1"
    );
}
