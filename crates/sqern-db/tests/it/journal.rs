//! The events of each kind of statement.

use crate::support::{migrated, refused, rows, run};

const KERNELS: &str =
    "INSERT INTO distro VALUES ('d', 'D', true); INSERT INTO kver VALUES ('d', '1'), ('d', '2');";

/// Each case: name, statements before, tested statement, and the events of its transaction.
const CASES: &[(&str, &str, &str, &[&str])] = &[
    (
        "insert",
        "",
        "INSERT INTO distro VALUES ('a', 'A', true)",
        &[r#"distro insert {"name": "a"} {"variant": "A", "supported": true} -"#],
    ),
    (
        "insert of several",
        "INSERT INTO distro VALUES ('d', 'D')",
        "INSERT INTO kver VALUES ('d', '1'), ('d', '2')",
        &[
            r#"kver insert {"distro": "d", "version": "1"} {"archived": false} -"#,
            r#"kver insert {"distro": "d", "version": "2"} {"archived": false} -"#,
        ],
    ),
    ("upsert that inserts nothing", KERNELS, "INSERT INTO kver VALUES ('d', '1') ON CONFLICT DO NOTHING", &[]),
    (
        "upsert of both kinds",
        KERNELS,
        "INSERT INTO kver VALUES ('d', '1', true), ('d', '3', true) ON CONFLICT (distro, version) DO UPDATE SET archived = EXCLUDED.archived",
        &[
            r#"kver insert {"distro": "d", "version": "3"} {"archived": true} -"#,
            r#"kver update {"distro": "d", "version": "1"} {"archived": true} {"archived": false}"#,
        ],
    ),
    (
        "update",
        KERNELS,
        "UPDATE kver SET archived = true WHERE version = '2'",
        &[r#"kver update {"distro": "d", "version": "2"} {"archived": true} {"archived": false}"#],
    ),
    ("update that changes nothing", KERNELS, "UPDATE kver SET archived = false", &[]),
    ("update of no row", KERNELS, "UPDATE kver SET archived = true WHERE false", &[]),
    (
        "update of the key",
        KERNELS,
        "UPDATE kver SET version = '9' WHERE version = '2'",
        &[
            r#"kver delete {"distro": "d", "version": "2"} {"archived": false} -"#,
            r#"kver insert {"distro": "d", "version": "9"} {"archived": false} -"#,
        ],
    ),
    (
        "exchange of keys",
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1', true), ('d', '2', false);
      ALTER TABLE kver DROP CONSTRAINT kver_pkey CASCADE, ADD CONSTRAINT kver_pkey PRIMARY KEY (distro, version) DEFERRABLE;",
        "UPDATE kver SET version = CASE version WHEN '1' THEN '2' ELSE '1' END",
        &[
            r#"kver update {"distro": "d", "version": "1"} {"archived": false} {"archived": true}"#,
            r#"kver update {"distro": "d", "version": "2"} {"archived": true} {"archived": false}"#,
        ],
    ),
    (
        "delete",
        KERNELS,
        "DELETE FROM kver WHERE version = '1'",
        &[r#"kver delete {"distro": "d", "version": "1"} {"archived": false} -"#],
    ),
    (
        "cascade",
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1')",
        "UPDATE distro SET name = 'e'",
        &[
            r#"distro delete {"name": "d"} {"variant": "D", "supported": false} -"#,
            r#"distro insert {"name": "e"} {"variant": "D", "supported": false} -"#,
            r#"kver delete {"distro": "d", "version": "1"} {"archived": false} -"#,
            r#"kver insert {"distro": "e", "version": "1"} {"archived": false} -"#,
        ],
    ),
    (
        "merge",
        KERNELS,
        "MERGE INTO kver USING (VALUES ('1'), ('7')) AS s (version) ON kver.version = s.version AND kver.distro = 'd'
      WHEN MATCHED THEN UPDATE SET archived = true WHEN NOT MATCHED THEN INSERT VALUES ('d', s.version, false)",
        &[
            r#"kver insert {"distro": "d", "version": "7"} {"archived": false} -"#,
            r#"kver update {"distro": "d", "version": "1"} {"archived": true} {"archived": false}"#,
        ],
    ),
    (
        "one row changed three times",
        KERNELS,
        "UPDATE kver SET archived = true WHERE version = '1'; UPDATE kver SET archived = false WHERE version = '1'; DELETE FROM kver WHERE version = '1'",
        &[
            r#"kver delete {"distro": "d", "version": "1"} {"archived": false} -"#,
            r#"kver update {"distro": "d", "version": "1"} {"archived": false} {"archived": true}"#,
            r#"kver update {"distro": "d", "version": "1"} {"archived": true} {"archived": false}"#,
        ],
    ),
    (
        "mark as deleted keeps the key",
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%x')",
        "UPDATE kver_ignore SET deleted_at = '2026-01-02 03:04:05+02'",
        &[
            r#"kver_ignore update {"id": 1, "distro": "d", "pattern": "%x"} {"deleted_at": "2026-01-02T01:04:05+00:00"} {"deleted_at": "-infinity"}"#,
        ],
    ),
    (
        "generated columns",
        "INSERT INTO sp_build (jenkins_job) VALUES ('j')",
        "UPDATE sp_build SET result = 'Success'",
        &[r#"sp_build update {"id": 1} {"result": "Success", "success": true} {"result": null, "success": null}"#],
    ),
    (
        "quotes, backslashes and newlines",
        "INSERT INTO distro VALUES ('d', 'D')",
        "INSERT INTO kver_ignore (distro, pattern, comment) VALUES ('d', E'a\\\\\\\\\\'\"%', E'it''s\\n\"quoted\" \\\\ and {}')",
        &[
            r#"kver_ignore insert {"id": 1, "distro": "d", "pattern": "a\\\\'\"%"} {"comment": "it's\n\"quoted\" \\ and {}", "deleted_at": "-infinity"} -"#,
        ],
    ),
    (
        "rolled-back savepoint",
        "INSERT INTO distro VALUES ('d', 'D')",
        "SAVEPOINT s; INSERT INTO kver VALUES ('d', 'lost'); ROLLBACK TO s; INSERT INTO kver VALUES ('d', 'kept')",
        &[r#"kver insert {"distro": "d", "version": "kept"} {"archived": false} -"#],
    ),
    (
        "several changes of one table in one statement",
        KERNELS,
        "WITH a AS (INSERT INTO kver VALUES ('d', '3')), b AS (DELETE FROM kver WHERE version = '1') UPDATE kver SET archived = true WHERE version = '2'",
        &[
            r#"kver delete {"distro": "d", "version": "1"} {"archived": false} -"#,
            r#"kver insert {"distro": "d", "version": "3"} {"archived": false} -"#,
            r#"kver update {"distro": "d", "version": "2"} {"archived": true} {"archived": false}"#,
        ],
    ),
];

#[tokio::test]
async fn each_kind_of_statement_records_exactly_its_events() {
    for (name, before, statement, expected) in CASES {
        let database = migrated().await;
        let client = database.client().await;
        run(&client, before).await;
        let seen: i64 = client
            .query_one("SELECT coalesce(max(id), 0) FROM event", &[])
            .await
            .unwrap()
            .get(0);
        run(&client, &format!("BEGIN; {statement}; COMMIT")).await;
        let mut events =
            rows(&client, &format!("SELECT table_name, action, pkey, fields, old FROM event WHERE id > {seen} ORDER BY id"))
                .await;
        events.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(events, expected, "{name}");
        let generations = rows(
            &client,
            "SELECT count(*) FROM generation WHERE NOT EXISTS (SELECT FROM event WHERE generation = generation.id)",
        )
        .await;
        assert_eq!(generations, ["0"], "{name}: a generation without events");
    }
}

#[tokio::test]
async fn copy_is_journaled_like_an_insert() {
    use futures_util::SinkExt;
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('d', 'D')").await;
    let mut copy = Box::pin(
        client
            .copy_in::<_, bytes::Bytes>("COPY kver (distro, version) FROM STDIN")
            .await
            .unwrap(),
    );
    copy.send("d\t1\nd\t2\n".into()).await.unwrap();
    copy.close().await.unwrap();
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), count(DISTINCT generation) FROM event WHERE table_name = 'kver'"
        )
        .await,
        ["2 1"]
    );
}

#[tokio::test]
async fn truncate_is_rejected_with_an_alternative() {
    let database = migrated().await;
    let client = database.client().await;
    assert_eq!(
        refused(&client, "TRUNCATE sp_test_result").await,
        "cannot truncate table sp_test_result, because its changes are journaled | Use DELETE FROM sp_test_result instead."
    );
}

#[tokio::test]
async fn each_event_of_an_insert_or_delete_contains_the_whole_row() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1'); INSERT INTO kver_seen VALUES ('d', '1');
         INSERT INTO kver_fetched VALUES ('d', '1'); INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'x');
         INSERT INTO cust_cluster VALUES ('c', 1); INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) VALUES ('c', 'h', 'd', '1');
         INSERT INTO sp_build (result) VALUES ('failure'); INSERT INTO sp_build_kver (build_id, distro, version) VALUES (1, 'd', '1');
         INSERT INTO sp_test (build_id) VALUES (1); INSERT INTO sp_test_kver (test_id, distro, version, result) VALUES (1, 'd', '1', 'ABORTED');
         INSERT INTO sp_test_result (test_id) VALUES (1);
         INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version) VALUES ('r', 't', 'd', '1');",
    )
    .await;
    let tables = rows(&client, "SELECT DISTINCT table_name FROM event").await;
    assert_eq!(tables.len(), 13);
    for table in tables {
        let same = format!(
            "SELECT count(*), bool_and(to_jsonb(t) = to_jsonb(jsonb_populate_record(NULL::{table}, e.pkey || e.fields)))
             FROM {table} t, event e WHERE e.table_name = '{table}'"
        );
        assert_eq!(rows(&client, &same).await, ["1 t"], "{table}");
    }
}
