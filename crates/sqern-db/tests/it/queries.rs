//! PostgreSQL can plan each query file with the current schema.

use std::path::Path;

use serde_json::Value;

use crate::support::{migrated, rows, run};

#[tokio::test]
async fn every_query_file_can_be_planned() {
    let database = migrated().await;
    let client = database.client().await;
    // The temporary tables exist until the end of the transaction.
    run(&client, "BEGIN").await;
    run(&client, sqern_db::cust::load::TABLES).await;
    let mut planned = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        client
            .prepare(&text)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        planned += 1;
    }
    assert!(planned > 0);
}

/// Returns how often a plan reads the hosts, or their materialized rows; 0 if it does not.
fn host_loops(node: &Value) -> i64 {
    let children = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    let below = children.iter().map(host_loops).max().unwrap_or(0);
    let reads = node["Relation Name"] == "cust_host_kver"
        || below > 0 && !node["Node Type"].as_str().unwrap().contains("Join");
    if reads {
        below.max(node["Actual Loops"].as_i64().unwrap())
    } else {
        below
    }
}

/// For an unknown revision, the planner expects that as many kernels as in the known ones have a
/// build, and that no kernel remains. It then prefers nested loops, as it does here by a setting.
#[tokio::test]
async fn plans_read_the_hosts_once() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "SET session_replication_role = replica;
         INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver SELECT 'd', n FROM generate_series(1, 500) AS n;
         INSERT INTO kver_fetched SELECT distro, version FROM kver; INSERT INTO cust_cluster VALUES ('c', 1);
         INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) SELECT 'c', 'h' || n % 100, 'd', n FROM generate_series(1, 500) AS n;
         INSERT INTO sp_build (storpool_revision, result) SELECT n % 3, 'SUCCESS' FROM generate_series(1, 6) AS n;
         INSERT INTO sp_build_kver (build_id, distro, version) SELECT id, distro, version FROM sp_build CROSS JOIN kver;
         RESET session_replication_role; ANALYZE; SET enable_hashjoin = off; SET enable_mergejoin = off",
    )
    .await;
    let build = include_str!("../../queries/build_plan.sql");
    let test = include_str!("../../queries/test_plan.sql");
    for (query, arguments) in [
        (build, "'new', NULL, NULL, '{}', '{}', false"),
        (build, "NULL, NULL, NULL, '{}', '{}', true"),
        (test, "'1', NULL, NULL, '{}', '{}', NULL, NULL, false"),
        (test, "NULL, NULL, NULL, '{}', '{}', NULL, NULL, true"),
    ] {
        run(&client, &format!("DEALLOCATE ALL; PREPARE plan AS {query}")).await;
        let explain =
            format!("EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) EXECUTE plan ({arguments})");
        let plan: Value = serde_json::from_str(&rows(&client, &explain).await.join("\n")).unwrap();
        // PostgreSQL 18 prints a fraction.
        let rows = plan[0]["Plan"]["Actual Rows"].as_f64();
        assert_eq!(rows, Some(500.0), "{arguments}");
        assert_eq!(host_loops(&plan[0]["Plan"]), 1, "{arguments}: {plan:#}");
    }
}
