//! As-of queries and differences.

use super::{Direction, SETUP, as_of, many_before, transactions};
use crate::support::{migrated, refused, rows, run, value};

/// Runs transactions, and compares a table as of each generation, in each direction.
async fn check(
    table: &str,
    columns: &str,
    transactions_and_rows: &[(&str, &[&str])],
    directions: &[Direction],
) {
    let database = migrated().await;
    let client = database.client().await;
    many_before(&client).await;
    run(&client, SETUP).await;
    let texts: Vec<_> = transactions_and_rows
        .iter()
        .map(|(text, _)| *text)
        .collect();
    let ids = transactions(&client, &texts).await;
    for direction in directions {
        let found = as_of(&client, table, columns, &ids, *direction).await;
        for ((text, expected), found) in transactions_and_rows.iter().zip(found) {
            let direction = if *direction == Direction::Forward {
                "forward"
            } else {
                "backward"
            };
            assert_eq!(found, *expected, "{table} after {text}, read {direction}");
        }
    }
}

const BOTH: &[Direction] = &[Direction::Backward, Direction::Forward];

#[tokio::test]
async fn a_record_that_is_deleted_and_restored_is_missing_only_in_between() {
    let insert =
        "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%') ON CONFLICT DO NOTHING";
    let mark = "UPDATE kver_ignore SET deleted_at = now() WHERE deleted_at = '-infinity'";
    check(
        "kver_ignore",
        "id, pattern, deleted_at > '-infinity'",
        &[
            (insert, &["1 % f"]),
            (mark, &["1 % t"]),
            (insert, &["1 % t", "2 % f"]),
            (mark, &["1 % t", "2 % t"]),
        ],
        BOTH,
    )
    .await;
    check(
        "cust_cluster",
        "name, cltype, deleted_at = '-infinity'",
        &[
            ("UPDATE cust_cluster SET deleted_at = now()", &["c 1 f"]),
            (
                "UPDATE cust_cluster SET deleted_at = '-infinity', cltype = 2",
                &["c 2 t"],
            ),
            ("DELETE FROM cust_cluster", &[]),
            ("INSERT INTO cust_cluster VALUES ('c', 3)", &["c 3 t"]),
        ],
        BOTH,
    )
    .await;
}

#[tokio::test]
async fn several_changes_of_a_row_in_a_transaction_have_their_net_effect() {
    check(
        "kver",
        "version, archived",
        &[
            ("INSERT INTO kver VALUES ('d', '3'); UPDATE kver SET archived = true WHERE version = '3'", &["1 f", "2 f", "3 t"]),
            (
                "DELETE FROM kver WHERE version = '3'; INSERT INTO kver VALUES ('d', '3', false); DELETE FROM kver WHERE version = '1';
                 UPDATE kver SET archived = true WHERE version = '2'; UPDATE kver SET archived = false WHERE version = '2'",
                &["2 f", "3 f"],
            ),
            ("INSERT INTO kver VALUES ('d', '9'); DELETE FROM kver WHERE version = '9'", &["2 f", "3 f"]),
        ],
        BOTH,
    )
    .await;
}

#[tokio::test]
async fn a_statement_can_delete_a_key_and_insert_it_again() {
    check(
        "kver",
        "version, archived",
        &[
            (
                "MERGE INTO kver AS t USING (VALUES ('1', ''), ('x', '1')) AS s (old, new) ON t.version = s.old
                 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES ('d', s.new, true)",
                &["1 t", "2 f"],
            ),
            (
                "MERGE INTO kver AS t USING (VALUES ('1', ''), ('x', '1')) AS s (old, new) ON t.version = s.old
                 WHEN MATCHED THEN UPDATE SET version = '3' WHEN NOT MATCHED THEN INSERT VALUES ('d', s.new, false)",
                &["1 f", "2 f", "3 t"],
            ),
            (
                "WITH gone AS (DELETE FROM kver RETURNING *) INSERT INTO kver SELECT distro, version, NOT archived FROM gone",
                &["1 t", "2 t", "3 f"],
            ),
        ],
        BOTH,
    )
    .await;
}

const KEY_CHANGES: &[(&str, &[&str])] = &[
    (
        "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) VALUES ('c', 'h', 'd', '1')",
        &["1 c h d 1 f"],
    ),
    (
        "UPDATE cust_host_kver SET host_name = 'i', current = true",
        &["1 c i d 1 t"],
    ),
    (
        "UPDATE distro SET name = 'e' WHERE name = 'd'",
        &["1 c i e 1 t"],
    ),
    (
        "UPDATE kver SET version = '3' WHERE version = '1'; UPDATE cust_cluster SET name = 'k'",
        &["1 k i e 3 t"],
    ),
];

#[tokio::test]
async fn changed_keys_and_their_references_are_reproduced_forward() {
    check(
        "cust_host_kver",
        "id, cluster_name, host_name, distro, version, current",
        KEY_CHANGES,
        &[Direction::Forward],
    )
    .await;
}

#[tokio::test]
async fn changed_keys_and_their_references_are_reproduced_in_both_directions() {
    check(
        "cust_host_kver",
        "id, cluster_name, host_name, distro, version, current",
        KEY_CHANGES,
        BOTH,
    )
    .await;
}

#[tokio::test]
async fn changed_keys_of_a_table_without_an_id_are_reproduced() {
    check(
        "kver_seen",
        "distro, version",
        &[
            ("INSERT INTO kver_seen VALUES ('d', '1')", &["d 1"]),
            ("UPDATE distro SET name = 'e' WHERE name = 'd'", &["e 1"]),
            ("UPDATE kver SET version = '3' WHERE version = '1'; INSERT INTO kver VALUES ('e', '1')", &["e 3"]),
            ("UPDATE distro SET name = 'd' WHERE name = 'e'", &["d 3"]),
        ],
        BOTH,
    )
    .await;
}

#[tokio::test]
async fn generated_columns_are_reproduced() {
    let database = migrated().await;
    let client = database.client().await;
    let ids = transactions(
        &client,
        &[
            "INSERT INTO sp_build (jenkins_job) VALUES ('j')",
            "UPDATE sp_build SET result = 'failure'",
            "UPDATE sp_build SET result = 'success'",
        ],
    )
    .await;
    let expected = [["- -"], ["failure f"], ["success t"]];
    for (id, expected) in ids.iter().zip(expected) {
        assert_eq!(
            rows(
                &client,
                &format!("SELECT result, success FROM sp_build_at(generation => {id})")
            )
            .await,
            expected
        );
    }
}

#[tokio::test]
async fn changes_of_a_rolled_back_savepoint_are_in_no_state() {
    check(
        "kver",
        "version, archived",
        &[(
            "SAVEPOINT s; INSERT INTO kver VALUES ('d', 'lost'); UPDATE kver SET archived = true; ROLLBACK TO s;
             DELETE FROM kver WHERE version = '2'; SAVEPOINT t; INSERT INTO kver VALUES ('d', 'kept'); RELEASE t",
            &["1 f", "kept f"],
        )],
        BOTH,
    )
    .await;
}

#[tokio::test]
async fn states_follow_the_order_of_changes_and_not_of_generation_ids() {
    let database = migrated().await;
    let (one, other) = (database.client().await, database.client().await);
    run(
        &one,
        "INSERT INTO distro VALUES ('d', 'x', false), ('e', 'x', false)",
    )
    .await;
    run(
        &one,
        "BEGIN; UPDATE distro SET variant = 'one' WHERE name = 'e'",
    )
    .await;
    run(
        &other,
        "UPDATE distro SET variant = 'other' WHERE name = 'd'",
    )
    .await;
    run(
        &one,
        "UPDATE distro SET variant = 'one' WHERE name = 'd'; COMMIT",
    )
    .await;
    assert_eq!(
        rows(
            &one,
            "SELECT id FROM generation ORDER BY generation_position(id)"
        )
        .await,
        ["1", "3", "2"]
    );
    for direction in [Direction::Backward, Direction::Forward] {
        if direction == Direction::Backward {
            run(&one, "UPDATE distro SET supported = true WHERE name = 'e'").await;
        }
        let found = as_of(
            &one,
            "distro",
            "name, variant",
            &["3".to_owned(), "2".to_owned()],
            direction,
        )
        .await;
        assert_eq!(found, [["d other", "e x"], ["d one", "e one"]]);
    }
    let changed = "SELECT pkey ->> 'name', old ->> 'variant', fields ->> 'variant' FROM";
    assert_eq!(
        rows(&one, &format!("{changed} generation_diff(3)")).await,
        ["d x other"]
    );
    assert_eq!(
        rows(&one, &format!("{changed} generation_diff(2)")).await,
        ["d other one", "e x one"]
    );
    assert_eq!(
        rows(&one, &format!("{changed} generation_diff(2, 3)")).await,
        ["d one other", "e one x"]
    );
    let message = refused(&one, "SELECT generation_revert(3)").await;
    assert_eq!(
        message,
        "cannot revert generation 3: later generations changed 1 of its rows | Revert generation 2 first: sqern generation revert 2"
    );
}

#[tokio::test]
async fn states_do_not_depend_on_time_zone_and_date_style() {
    let database = migrated().await;
    let client = database.client().await;
    many_before(&client).await;
    run(&client, SETUP).await;
    let ids = transactions(
        &client,
        &[
            "SET LOCAL timezone = 'Asia/Kolkata'; INSERT INTO kver_seen VALUES ('d', '1', '2026-07-01 00:00:00.5')",
            "SET LOCAL timezone = 'America/New_York'; SET LOCAL datestyle = 'SQL, DMY'; UPDATE kver_seen SET tstamp = '02/03/2026 00:00:00'",
            "SET LOCAL timezone = 'Europe/Sofia'; UPDATE kver_seen SET tstamp = '2001-01-01 00:00:00.000001'",
        ],
    )
    .await;
    for settings in [
        "RESET timezone",
        "SET timezone = 'Asia/Kolkata'; SET datestyle = 'German'",
    ] {
        run(&client, settings).await;
        for (id, expected) in ids.iter().zip([
            "2026-06-30 18:30:00.5+00",
            "2026-03-02 05:00:00+00",
            "2000-12-31 22:00:00.000001+00",
        ]) {
            let same =
                format!("SELECT tstamp = '{expected}' FROM kver_seen_at(generation => {id})");
            assert_eq!(rows(&client, &same).await, ["t"], "{settings}: {expected}");
        }
        let moved = format!("SELECT old ->> 'tstamp' FROM generation_diff({})", ids[1]);
        assert_eq!(value(&client, &moved).await, "2026-06-30T18:30:00.5+00:00");
    }
    run(&client, &format!("SELECT generation_revert({})", ids[2])).await;
    assert_eq!(
        value(
            &client,
            "SELECT tstamp = '2026-03-02 05:00:00+00' FROM kver_seen"
        )
        .await,
        "t"
    );
}
