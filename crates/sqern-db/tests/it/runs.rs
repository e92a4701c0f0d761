//! Builds and test runs: plans, claims, leases and results.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sqern_db::run::{
    Lease, NewBuild, NewRun, PlanFilter, RunError, RunSelection, claim, finish, plan, renew, start,
    sweep,
};
use sqern_db::{AsOf, change};
use sqern_model::{Kernel, RunKind, RunResult};
use tokio_postgres::Client;

use crate::support::{migrated, rows, run, value};

const BUILD: RunKind = RunKind::Build;

fn now() -> Timestamp {
    Timestamp::now()
}

fn lease(seconds: u64) -> Lease {
    Lease {
        lasts: Duration::from_secs(seconds),
        owner: "a test".into(),
    }
}

fn filter(revision: &str) -> PlanFilter {
    let selection = RunSelection {
        revision: Some(revision.into()),
        ..RunSelection::default()
    };
    PlanFilter {
        selection,
        ..PlanFilter::default()
    }
}

async fn kernels(client: &Client, count: u32) {
    run(client, "INSERT INTO distro VALUES ('d', 'D', true)").await;
    let versions = format!("SELECT 'd', '6.1.0-' || n FROM generate_series(1, {count}) AS n");
    for table in ["kver", "kver_seen", "kver_fetched"] {
        run(
            client,
            &format!("INSERT INTO {table} (distro, version) {versions}"),
        )
        .await;
    }
}

/// Claims kernels and starts a build for them in one transaction. Returns its id and the versions.
async fn claim_and_start(
    client: &mut Client,
    revision: &str,
    count: usize,
    lease: &Lease,
) -> Option<(i64, Vec<String>)> {
    let change = change::begin(client, "claim").await.unwrap();
    let claimed = claim(&change.transaction, BUILD, &filter(revision), count)
        .await
        .unwrap();
    if claimed.is_empty() {
        change.finish(false).await.unwrap();
        return None;
    }
    let list: Vec<Kernel> = claimed
        .iter()
        .map(|planned| planned.kernel.clone())
        .collect();
    let new = NewRun::Build(NewBuild {
        storpool_revision: Some(revision.into()),
        ..NewBuild::default()
    });
    let id = start(&change.transaction, &new, &list, lease, now())
        .await
        .unwrap();
    change.finish(false).await.unwrap();
    Some((
        id,
        list.iter()
            .map(|kernel| kernel.version.to_string())
            .collect(),
    ))
}

async fn end(
    client: &mut Client,
    id: i64,
    result: RunResult,
    kernels: &[&str],
) -> Result<(), RunError> {
    let change = change::begin(client, "end").await.unwrap();
    let kernels: Vec<_> = kernels.iter().map(|text| text.parse().unwrap()).collect();
    finish(&change.transaction, BUILD, id, result, &kernels).await?;
    change.finish(false).await.unwrap();
    Ok(())
}

async fn planned(client: &mut Client, revision: &str) -> Vec<String> {
    let transaction = client.transaction().await.unwrap();
    let plan = plan(&transaction, BUILD, &filter(revision)).await.unwrap();
    plan.iter()
        .map(|planned| planned.kernel.version.to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_claims_never_share_a_kernel_and_killed_ones_lose_none() {
    let database = migrated().await;
    let mut client = database.client().await;
    kernels(&client, 2000).await;
    let mut tasks = Vec::new();
    for number in 0..20_u32 {
        let mut client = database.client().await;
        tasks.push(tokio::spawn(async move {
            let mut claimed = Vec::new();
            if number % 4 == 0 {
                // Killed between claim and commit: the server rolls back the transaction when the
                // connection closes.
                let change = change::begin(&mut client, "killed").await.unwrap();
                assert!(
                    !claim(&change.transaction, BUILD, &filter("r"), 40)
                        .await
                        .unwrap()
                        .is_empty()
                );
                change
                    .transaction
                    .execute("SELECT pg_sleep(0.2)", &[])
                    .await
                    .unwrap();
                return claimed;
            }
            while let Some((_, versions)) = claim_and_start(&mut client, "r", 23, &lease(600)).await
            {
                claimed.extend(versions);
            }
            claimed
        }));
    }
    let mut owners: BTreeMap<String, u32> = BTreeMap::new();
    for task in tasks {
        for version in task.await.unwrap() {
            *owners.entry(version).or_default() += 1;
        }
    }
    assert!(owners.values().all(|count| *count == 1), "each once");
    // A claim fails after a second, so a task that is killed last can leave its kernels
    // unclaimed.
    let unclaimed = planned(&mut client, "r").await.len();
    assert!(unclaimed <= 5 * 40, "{unclaimed}");
    assert_eq!(owners.len() + unclaimed, 2000, "none is lost");
    let rows = value(
        &client,
        "SELECT count(*), count(DISTINCT version) FROM sp_build_kver",
    )
    .await;
    assert_eq!(rows, format!("{0} {0}", owners.len()));
}

#[tokio::test]
async fn a_claim_skips_locked_kernels_and_ignores_builds_of_other_revisions() {
    let database = migrated().await;
    let (mut one, mut other) = (database.client().await, database.client().await);
    kernels(&one, 3).await;
    let change = change::begin(&mut one, "hold").await.unwrap();
    assert_eq!(
        claim(&change.transaction, BUILD, &filter("r1"), 2)
            .await
            .unwrap()
            .len(),
        2
    );
    let (_, free) = claim_and_start(&mut other, "r1", 1, &lease(60))
        .await
        .unwrap();
    assert_eq!(free, ["6.1.0-1"], "the only unlocked kernel");
    drop(change);
    let (_, all) = claim_and_start(&mut other, "r2", 9, &lease(60))
        .await
        .unwrap();
    assert_eq!(all.len(), 3, "builds of another revision do not count");
}

#[tokio::test]
async fn kernels_of_an_expired_lease_are_claimed_and_its_owner_gets_an_error() {
    let database = migrated().await;
    let mut client = database.client().await;
    kernels(&client, 2).await;
    let (id, _) = claim_and_start(&mut client, "r", 2, &lease(600))
        .await
        .unwrap();
    assert_eq!(planned(&mut client, "r").await.len(), 0);
    renew(&client, BUILD, id).await.unwrap();
    run(
        &client,
        "UPDATE sp_build_lease SET expires_at = now() - interval '1 s'",
    )
    .await;
    assert_eq!(planned(&mut client, "r").await.len(), 2);

    let change = change::begin(&mut client, "sweep").await.unwrap();
    assert_eq!(
        sweep(&change.transaction, BUILD, |_| false).await.unwrap(),
        [id]
    );
    change.finish(false).await.unwrap();
    assert_eq!(
        value(&client, "SELECT result FROM sp_build").await,
        "ABORTED"
    );
    let message = renew(&client, BUILD, id).await.unwrap_err().to_string();
    assert_eq!(
        message,
        format!("build {id} has already finished with result ABORTED")
    );
    let message = end(&mut client, id, RunResult::Success, &[])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("has already finished with result ABORTED"),
        "{message}"
    );

    let (_, again) = claim_and_start(&mut client, "r", 9, &lease(600))
        .await
        .unwrap();
    assert_eq!(again.len(), 2);
    let change = change::begin(&mut client, "sweep").await.unwrap();
    assert_eq!(
        sweep(&change.transaction, BUILD, |owner| owner == "a test")
            .await
            .unwrap()
            .len(),
        1,
        "its owner has ended"
    );
}

#[tokio::test]
async fn a_build_without_a_lease_holds_its_kernels_for_a_day() {
    let database = migrated().await;
    let mut client = database.client().await;
    kernels(&client, 2).await;
    run(
        &client,
        "INSERT INTO sp_build (storpool_revision) VALUES ('r');
         INSERT INTO sp_build_kver (build_id, distro, version) SELECT max(id), 'd', '6.1.0-1' FROM sp_build",
    )
    .await;
    assert_eq!(planned(&mut client, "r").await, ["6.1.0-2"]);
    assert_eq!(
        rows(&client, "SELECT version FROM build_candidate").await,
        ["6.1.0-2"]
    );
    run(
        &client,
        "UPDATE sp_build SET tstamp = now() - interval '25 hours'",
    )
    .await;
    assert_eq!(planned(&mut client, "r").await, ["6.1.0-2", "6.1.0-1"]);
    run(&client, "UPDATE sp_build SET result = 'success'").await;
    assert_eq!(planned(&mut client, "r").await, ["6.1.0-2"]);
    assert_eq!(
        rows(&client, "SELECT version FROM build_candidate").await,
        ["6.1.0-2"]
    );
}

#[tokio::test]
async fn a_plan_starts_with_kernels_of_customers_and_ends_with_failed_ones() {
    let database = migrated().await;
    let mut client = database.client().await;
    kernels(&client, 5).await;
    run(
        &client,
        "INSERT INTO cust_cluster (name, cltype) VALUES ('acme', 1), ('gone', 1);
         INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
         VALUES ('acme', 'h1', 'd', '6.1.0-2', true), ('acme', 'h1', 'd', '6.1.0-1', false), ('gone', 'h2', 'd', '6.1.0-3', true);
         UPDATE cust_cluster SET deleted_at = now() WHERE name = 'gone';
         INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%-3')",
    )
    .await;
    let (id, _) = claim_and_start(&mut client, "r", 9, &lease(60))
        .await
        .unwrap();
    end(
        &mut client,
        id,
        RunResult::Unstable,
        &[
            "6.1.0-5=FAILURE",
            "d/6.1.0-4=success",
            "6.1.0-1=ABORTED",
            "6.1.0-2=FAILURE",
        ],
    )
    .await
    .unwrap();
    assert_eq!(
        planned(&mut client, "r").await,
        ["6.1.0-2", "6.1.0-1", "6.1.0-5"],
        "hosts first, 4 is built, 3 is ignored"
    );
    let mut untried = filter("r");
    untried.selection.untried = true;
    let transaction = client.transaction().await.unwrap();
    let untried: Vec<_> = plan(&transaction, BUILD, &untried).await.unwrap();
    drop(transaction);
    assert_eq!(
        untried
            .iter()
            .map(|planned| planned.kernel.version.as_str())
            .collect::<Vec<_>>(),
        ["6.1.0-1"],
        "its last build was aborted"
    );
    assert_eq!(untried[0].last_result, Some(RunResult::Aborted));
    assert_eq!(
        planned(&mut client, "other").await,
        ["6.1.0-2", "6.1.0-1", "6.1.0-5", "6.1.0-4"]
    );
    let kernels = sqern_db::run::kernels(&client, BUILD, id, &AsOf::Now)
        .await
        .unwrap();
    assert_eq!(
        kernels.iter().filter(|kernel| kernel.is_override).count(),
        4
    );
}

#[tokio::test]
async fn a_version_of_two_distros_must_be_qualified_with_the_distro() {
    let database = migrated().await;
    let mut client = database.client().await;
    kernels(&client, 1).await;
    run(
        &client,
        "INSERT INTO distro VALUES ('e', 'E', true); INSERT INTO kver (distro, version) VALUES ('e', '6.1.0-1');
         INSERT INTO kver_fetched (distro, version) VALUES ('e', '6.1.0-1')",
    )
    .await;
    let (id, _) = claim_and_start(&mut client, "r", 9, &lease(60))
        .await
        .unwrap();
    let message = end(&mut client, id, RunResult::Unstable, &["6.1.0-1=FAILURE"])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        format!("kernel 6.1.0-1 of build {id} is ambiguous: d/6.1.0-1 or e/6.1.0-1")
    );
    end(&mut client, id, RunResult::Unstable, &["e/6.1.0-1=FAILURE"])
        .await
        .unwrap();
    assert_eq!(
        rows(
            &client,
            "SELECT distro, coalesce(k.success, b.success) FROM sp_build_kver k JOIN sp_build b ON b.id = build_id ORDER BY 1"
        )
        .await,
        ["d f", "e f"]
    );
}

#[tokio::test]
async fn the_stage_of_a_kernel_is_the_furthest_that_it_reached() {
    let database = migrated().await;
    let client = database.client().await;
    kernels(&client, 5).await;
    run(
        &client,
        "DELETE FROM kver_fetched WHERE version IN ('6.1.0-1');
         INSERT INTO sp_build (storpool_revision, result) VALUES ('r', 'UNSTABLE'), ('r', 'failure');
         INSERT INTO sp_build_kver (build_id, distro, version, result)
         VALUES (1, 'd', '6.1.0-3', 'SUCCESS'), (1, 'd', '6.1.0-4', 'SUCCESS'), (1, 'd', '6.1.0-5', 'SUCCESS'), (2, 'd', '6.1.0-3', NULL);
         INSERT INTO sp_test (build_id, test_flavor) VALUES (1, 'smoke');
         INSERT INTO sp_test_result (test_id, result) VALUES (1, 'SUCCESS');
         INSERT INTO sp_test_kver (test_id, distro, version) VALUES (1, 'd', '6.1.0-4'), (1, 'd', '6.1.0-5');
         INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version)
         VALUES ('r', 'lab', 'd', '6.1.0-5'), ('r', 'edge', 'd', '6.1.0-5');
         INSERT INTO kver (distro, version) VALUES ('d', '7')",
    )
    .await;
    let status = "SELECT version, stage, build_id, build_result, built_by, test_result, tested_by, available_for
                  FROM kver_status ORDER BY version";
    assert_eq!(
        rows(&client, status).await,
        [
            "6.1.0-1 seen - - - - - -",
            "6.1.0-2 fetched - - - - - -",
            "6.1.0-3 built 2 FAILURE 1 - - -",
            "6.1.0-4 tested 1 SUCCESS 1 SUCCESS 1 -",
            "6.1.0-5 available 1 SUCCESS 1 SUCCESS 1 {edge,lab}",
            "7 known - - - - - -",
        ]
    );
}
