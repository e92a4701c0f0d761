//! Constraints of the tables.

use crate::support::{migrated, refused, rows, run};

const BASE: &str = "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1'), ('d', '2'); INSERT INTO cust_cluster VALUES ('c', 1);
    INSERT INTO sp_build DEFAULT VALUES; INSERT INTO sp_test (build_id) VALUES (1);";

#[tokio::test]
async fn a_new_schema_contains_six_cluster_types() {
    let database = migrated().await;
    let types = rows(
        &database.client().await,
        "SELECT id, name FROM cust_cluster_type ORDER BY id",
    )
    .await;
    assert_eq!(
        types,
        [
            "1 production",
            "2 poc",
            "3 custdev",
            "4 lab",
            "5 out of support",
            "6 our test"
        ]
    );
}

#[tokio::test]
async fn text_keys_with_outer_blanks_or_control_characters_are_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    for bad in ["''", "' x'", "'x '", "E'x\\ny'", "E'\\tx'", "E'x\\x7f'"] {
        for (insert, constraint) in [
            ("INSERT INTO distro VALUES (%, 'D')", "distro_name_check"),
            ("INSERT INTO kver VALUES ('d', %)", "kver_version_check"),
            (
                "INSERT INTO cust_cluster VALUES (%, 1)",
                "cust_cluster_name_check",
            ),
            (
                "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', %)",
                "kver_ignore_pattern_check",
            ),
        ] {
            let message = refused(&client, &insert.replace('%', bad)).await;
            assert!(message.contains(constraint), "{insert} {bad}: {message}");
        }
    }
    run(
        &client,
        "INSERT INTO cust_cluster VALUES ('two words', 1), ('ü', 1)",
    )
    .await;
}

#[tokio::test]
async fn kernel_versions_and_distributions_have_no_special_characters() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    for bad in [
        "'../../etc/cron.d/x'",
        "'$(touch x)'",
        "'=cmd|x'",
        "'-rf'",
        "'.'",
        "'a b'",
        "'a/b'",
        "'a@b'",
        "E'a\\u202ecod.exe'",
        "E'6.1\\n'",
        "'é'",
        "repeat('6', 65)",
    ] {
        for (insert, constraint) in [
            ("INSERT INTO distro VALUES (%, 'D')", "distro_name_check"),
            ("INSERT INTO kver VALUES ('d', %)", "kver_version_check"),
            (
                "UPDATE kver SET version = % WHERE version = '1'",
                "kver_version_check",
            ),
        ] {
            let message = refused(&client, &insert.replace('%', bad)).await;
            assert!(message.contains(constraint), "{insert} {bad}: {message}");
        }
    }
    run(
        &client,
        "INSERT INTO kver VALUES ('d', repeat('6', 64)), ('d', '6.1~rc1+b-1_2:3')",
    )
    .await;
}

#[tokio::test]
async fn results_are_those_of_jenkins_in_any_case_and_determine_success() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    for (result, success) in [
        ("'SUCCESS'", "t"),
        ("'success'", "t"),
        ("'Unstable'", "f"),
        ("'FAILURE'", "f"),
        ("'NOT_BUILT'", "f"),
        ("'ABORTED'", "f"),
        ("NULL", "-"),
    ] {
        run(&client, &format!("UPDATE sp_build SET result = {result}")).await;
        assert_eq!(
            rows(&client, "SELECT success FROM sp_build").await,
            [success],
            "{result}"
        );
    }
    for table in [
        "sp_build (result) VALUES ('OK')",
        "sp_test_result (test_id, result) VALUES (1, 'PASSED')",
        "sp_build_kver (build_id, distro, version, result) VALUES (1, 'd', '1', 'no')",
        "sp_test_kver (test_id, distro, version, result) VALUES (1, 'd', '1', '')",
    ] {
        let message = refused(&client, &format!("INSERT INTO {table}")).await;
        assert!(message.contains("_result_check"), "{table}: {message}");
    }
}

#[tokio::test]
async fn insert_on_conflict_do_nothing_adds_a_live_row_beside_a_deleted_one() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    for (table, columns, values) in [
        ("kver_ignore", "distro, pattern", "'d', '%x'"),
        (
            "cust_host_kver",
            "cluster_name, host_name, distro, version",
            "'c', 'h', 'd', '1'",
        ),
        (
            "sp_available_kver",
            "storpool_revision, release_target, distro, version",
            "'r', 't', 'd', '1'",
        ),
        ("sp_build_kver", "build_id, distro, version", "1, 'd', '1'"),
        ("sp_test_kver", "test_id, distro, version", "1, 'd', '1'"),
        ("sp_test_result", "test_id", "1"),
    ] {
        let insert =
            format!("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING");
        run(&client, &insert).await;
        run(&client, &insert).await;
        run(
            &client,
            &format!("UPDATE {table} SET deleted_at = clock_timestamp()"),
        )
        .await;
        run(&client, &insert).await;
        assert_eq!(
            rows(
                &client,
                &format!("SELECT deleted_at = '-infinity' FROM {table} ORDER BY id")
            )
            .await,
            ["f", "t"],
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_host_runs_at_most_one_kernel() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    let insert = |version: &str| {
        format!(
            "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current) VALUES ('c', 'h', 'd', '{version}', true)"
        )
    };
    run(&client, &insert("1")).await;
    assert!(
        refused(&client, &insert("2"))
            .await
            .contains("cust_host_kver_current_key")
    );
    run(&client, "UPDATE cust_host_kver SET deleted_at = now()").await;
    run(&client, &insert("2")).await;
}

#[tokio::test]
async fn references_to_missing_rows_are_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    for (statement, constraint) in [
        ("INSERT INTO kver VALUES ('none', '1')", "kver_distro_fkey"),
        (
            "INSERT INTO kver_seen VALUES ('d', '9')",
            "kver_seen_kver_fkey",
        ),
        (
            "INSERT INTO kver_fetched VALUES ('d', '9')",
            "kver_fetched_kver_fkey",
        ),
        (
            "INSERT INTO cust_cluster VALUES ('x', 9)",
            "cust_cluster_cltype_fkey",
        ),
        (
            "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) VALUES ('none', 'h', 'd', '1')",
            "cust_host_kver_cluster_name_fkey",
        ),
        (
            "INSERT INTO sp_build_kver (build_id, distro, version) VALUES (9, 'd', '1')",
            "sp_build_kver_build_id_fkey",
        ),
        (
            "INSERT INTO sp_test (build_id) VALUES (9)",
            "sp_test_build_id_fkey",
        ),
        (
            "INSERT INTO sp_test_result (test_id) VALUES (9)",
            "sp_test_result_test_id_fkey",
        ),
        (
            "INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version) VALUES ('r', 't', 'd', '9')",
            "sp_available_kver_kver_fkey",
        ),
        (
            "DELETE FROM cust_cluster_type WHERE id = 1",
            "cust_cluster_cltype_fkey",
        ),
    ] {
        let message = refused(&client, statement).await;
        assert!(message.contains(constraint), "{statement}: {message}");
    }
}

#[tokio::test]
async fn texts_and_leases_have_limits() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, BASE).await;
    let long = "repeat('x', 257)";
    for (statement, constraint) in [
        (format!("INSERT INTO distro VALUES ('e', {long})"), "distro_variant_length_check"),
        (format!("UPDATE sp_build SET storpool_revision = {long}"), "sp_build_storpool_revision_length_check"),
        (
            "INSERT INTO kver_ignore (distro, pattern, comment) VALUES ('d', 'y', repeat('x', 4097))".to_owned(),
            "kver_ignore_comment_check",
        ),
        ("SELECT generation_start(repeat('x', 4097))".to_owned(), "must not have more than 4096 characters"),
        (
            "INSERT INTO sp_build_lease (build_id, expires_at, lease, owner) VALUES (1, now(), '31 days', 'o')".to_owned(),
            "sp_build_lease_limit_check",
        ),
    ] {
        let message = refused(&client, &statement).await;
        assert!(message.contains(constraint), "{statement}: {message}");
    }
    run(
        &client,
        "INSERT INTO sp_build_lease (build_id, expires_at, lease, owner) VALUES (1, now() + interval '30 days', '30 days', 'o')",
    )
    .await;
    for expiry in ["now() + interval '31 days'", "'infinity'"] {
        let message = refused(
            &client,
            &format!("UPDATE sp_build_lease SET expires_at = {expiry}"),
        )
        .await;
        assert!(
            message.contains("more than 30 days from now"),
            "{expiry}: {message}"
        );
    }
}
