//! Reverts.

use super::{SETUP, transactions};
use crate::support::{migrated, refused, rows, run};

const HOSTS: &str = "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
    VALUES ('c', 'h', 'd', '1', true), ('c', 'h', 'd', '2', false)";
const MOVE: &str = "UPDATE cust_host_kver SET current = false WHERE version = '1';
    UPDATE cust_host_kver SET current = true WHERE version = '2'";
const PACKAGE: &str =
    "INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum)
    VALUES ('d', '3', 's', 'headers', 'n', '1', 'amd64', 'u', 1, repeat('a', 64))";

#[tokio::test]
async fn a_change_of_the_running_kernel_can_be_reverted_repeatedly() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let ids = transactions(&client, &[HOSTS, MOVE]).await;
    let current = "SELECT version FROM cust_host_kver WHERE current";
    let mut last = ids[1].clone();
    for expected in ["1", "2", "1"] {
        last = rows(&client, &format!("SELECT generation_revert({last})"))
            .await
            .remove(0);
        assert_eq!(rows(&client, current).await, [expected]);
    }
}

#[tokio::test]
async fn a_reverted_check_removes_its_kernels_and_their_packages() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let found = format!(
        "INSERT INTO kver VALUES ('d', '3'); INSERT INTO kver_seen VALUES ('d', '3'); {PACKAGE}"
    );
    let ids = transactions(&client, &[&found]).await;
    run(&client, &format!("SELECT generation_revert({})", ids[0])).await;
    let left = "SELECT (SELECT count(*) FROM kver WHERE version = '3'), (SELECT count(*) FROM kver_seen), (SELECT count(*) FROM kver_package)";
    assert_eq!(rows(&client, left).await, ["0 0 0"]);
}

#[tokio::test]
async fn a_kernel_that_a_later_record_references_is_not_removed() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let ids = transactions(
        &client,
        &[
            "INSERT INTO kver VALUES ('d', '3')",
            "INSERT INTO kver_seen VALUES ('d', '3')",
        ],
    )
    .await;
    let message = refused(&client, &format!("SELECT generation_revert({})", ids[0])).await;
    assert!(
        message.starts_with(&format!(
            "cannot revert generation {}: rows that it inserted into table kver are referenced by 1 row of table kver_seen",
            ids[0]
        )),
        "{message}"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM kver_seen JOIN kver USING (distro, version)"
        )
        .await,
        ["1"]
    );
    run(
        &client,
        &format!(
            "SELECT generation_revert({}); SELECT generation_revert({})",
            ids[1], ids[0]
        ),
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM kver WHERE version = '3'").await,
        ["0"]
    );
}

#[tokio::test]
async fn a_restored_pattern_matches_again() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let mark = "UPDATE kver_ignore SET deleted_at = now()";
    let ids = transactions(
        &client,
        &[
            "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '1')",
            mark,
        ],
    )
    .await;
    let wanted = "SELECT version FROM kver_not_ignored";
    assert_eq!(rows(&client, wanted).await, ["1", "2"]);
    run(&client, &format!("SELECT generation_revert({})", ids[1])).await;
    assert_eq!(rows(&client, wanted).await, ["2"]);
}

#[tokio::test]
async fn a_generation_without_a_net_effect_is_reverted_without_a_generation() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let ids = transactions(
        &client,
        &["UPDATE kver SET archived = true; UPDATE kver SET archived = false"],
    )
    .await;
    assert_eq!(
        rows(
            &client,
            &format!("SELECT generation_revert({}) IS NULL", ids[0])
        )
        .await,
        ["t"]
    );
    assert_eq!(
        rows(
            &client,
            &format!("SELECT max(id) = {} FROM generation", ids[0])
        )
        .await,
        ["t"]
    );
}

#[tokio::test]
async fn a_reverted_rename_of_a_kernel_restores_the_version_in_other_tables() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let ids = transactions(
        &client,
        &[
            "INSERT INTO kver VALUES ('d', '3'); INSERT INTO kver_seen VALUES ('d', '3')",
            "UPDATE kver SET version = '4' WHERE version = '3'",
        ],
    )
    .await;
    run(&client, &format!("SELECT generation_revert({})", ids[1])).await;
    assert_eq!(rows(&client, "SELECT version FROM kver_seen").await, ["3"]);
}

#[tokio::test]
async fn a_revert_that_exchanges_unique_values_is_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let ids = transactions(
        &client,
        &[
            "INSERT INTO kver_ignore (distro, pattern, deleted_at) VALUES ('d', 'x', '2026-01-02'), ('d', 'x', '2026-01-01')",
            "UPDATE kver_ignore SET deleted_at = '2026-01-03' WHERE id = 1; UPDATE kver_ignore SET deleted_at = '2026-01-02' WHERE id = 2",
        ],
    )
    .await;
    let message = refused(&client, &format!("SELECT generation_revert({})", ids[1])).await;
    assert!(
        message.contains(": later changes conflict with it: "),
        "{message}"
    );
}

#[tokio::test]
async fn a_revert_that_conflicts_with_later_records_is_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, SETUP).await;
    let [gone, moved] = MOVE.split_once(';').map(<[_; 2]>::from).unwrap();
    let ids = transactions(&client, &[HOSTS, gone, moved]).await;
    let message = refused(&client, &format!("SELECT generation_revert({})", ids[1])).await;
    assert!(
        message.starts_with("cannot revert generation "),
        "{message}"
    );

    let ids = transactions(
        &client,
        &[
            "INSERT INTO distro VALUES ('p', 'P'); INSERT INTO kver VALUES ('p', '1')",
            "DELETE FROM kver WHERE distro = 'p'",
            "DELETE FROM distro WHERE name = 'p'",
        ],
    )
    .await;
    let message = refused(&client, &format!("SELECT generation_revert({})", ids[1])).await;
    assert!(
        message.starts_with("cannot revert generation "),
        "{message}"
    );
}
