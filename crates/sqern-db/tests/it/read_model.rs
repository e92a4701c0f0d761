//! The read model equals the tables after any changes, and queries return the same rows with and
//! without it.

mod changes;

use std::time::Duration;

use sqern_db::migrate::{Step, migrate};
use sqern_db::read_model::{RefreshOutcome, refill, refresh, refresh_for_query, refresh_within};
use sqern_db::risk::{RiskFilter, risk};
use sqern_db::run::{PlanFilter, RunSelection, claim, plan};
use sqern_db::status::{self, StageCount, StatusFilter};
use sqern_db::{AsOf, snapshot};
use sqern_model::{DistroName, Kernel, KernelVersion, RunKind, VersionRule, newest_first};
use sqern_testkit::TestDatabase;
use tokio_postgres::Client;

use self::changes::Changes;
use crate::support::{migrated, refused, rows, run, value};

const CHECK: &str = include_str!("../../queries/check_read_model.sql");

/// Makes random changes in several sessions at the same time, and in the meantime updates and checks
/// the read model.
async fn change_at_random(database: &TestDatabase, seed: u8) {
    let mut writers = vec![];
    for writer in 0..4 {
        let mut changes = Changes::new(seed.wrapping_mul(7).wrapping_add(writer));
        let mut client = database.client().await;
        writers.push(tokio::spawn(async move {
            run(&client, "SET lock_timeout = '2s'").await;
            for _ in 0..60 {
                changes.transaction(&mut client).await;
            }
        }));
    }
    let refresher = database.client().await;
    let mut reader = database.client().await;
    let mut compared = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        refresh(&refresher).await.unwrap();
        let transaction = snapshot(&mut reader).await.unwrap();
        let is_current: bool = transaction
            .query_one("SELECT kver_state_is_current()", &[])
            .await
            .unwrap()
            .get(0);
        if is_current {
            compared += 1;
            let problems = transaction.query(CHECK, &[]).await.unwrap();
            let problems: Vec<String> = problems.iter().map(|row| row.get(0)).collect();
            assert!(problems.is_empty(), "seed {seed}: {problems:#?}");
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(compared > 0, "seed {seed}: never current");
    refresh(&refresher).await.unwrap();
    assert_eq!(value(&reader, "SELECT kver_state_is_current()").await, "t");
    assert_eq!(rows(&reader, CHECK).await, [""; 0], "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_model_equals_the_tables_after_concurrent_changes() {
    for seed in 0..2 {
        let database = migrated().await;
        run(&database.client().await, changes::START).await;
        change_at_random(&database, seed).await;
        queries_return_the_same(&mut database.client().await).await;
        let client = database.client().await;
        refill(&client).await.unwrap();
        assert_eq!(rows(&client, CHECK).await, [""; 0], "seed {seed}");
    }
}

/// Compares the results of queries with the read model and without it.
async fn queries_return_the_same(client: &mut Client) {
    let with = results(client).await;
    run(client, "DELETE FROM kver_state_position").await;
    assert_eq!(value(client, "SELECT kver_state_is_current()").await, "f");
    let without = results(client).await;
    for (index, (with, without)) in with.iter().zip(&without).enumerate() {
        assert_eq!(with, without, "result {index}");
    }
}

async fn results(client: &mut Client) -> Vec<String> {
    let distros: Vec<DistroName> = vec!["debian12".parse().unwrap()];
    let transaction = snapshot(client).await.unwrap();
    let mut results = vec![];
    let all = status::list(&transaction, &StatusFilter::default(), &AsOf::Now)
        .await
        .unwrap();
    let some: Vec<Kernel> = all
        .iter()
        .step_by(3)
        .map(|status| status.kernel.clone())
        .collect();
    for (distros, kernels, with_hosts) in [
        (vec![], None, false),
        (distros.clone(), None, true),
        (vec![], Some(some), true),
    ] {
        let filter = StatusFilter {
            distros,
            kernels,
            with_hosts,
            ..StatusFilter::default()
        };
        let statuses = status::list(&transaction, &filter, &AsOf::Now)
            .await
            .unwrap();
        let mut counts = status::stage_counts(&transaction, &filter, &AsOf::Now)
            .await
            .unwrap();
        counts.sort_by_key(|count| (count.distro.clone(), count.wanted, count.stage));
        assert_eq!(counts, StageCount::of(&statuses));
        results.push(format!("{statuses:#?}"));
    }
    for (target, revision, clusters, types) in [
        (None, None, vec![], vec![]),
        (Some("t1"), None, vec![], vec![]),
        (Some("t1"), Some("r1"), vec![], vec![2]),
        (None, None, vec!["c1".parse().unwrap()], vec![]),
    ] {
        let filter = RiskFilter {
            target: target.map(str::to_owned),
            revision: revision.map(str::to_owned),
            distros: vec![],
            clusters,
            types,
            with_hosts: true,
        };
        let found = risk(&transaction, &filter, &AsOf::Now).await.unwrap();
        results.push(format!("{found:#?}"));
    }
    for (revision, distros, untried) in [
        (None, vec![], false),
        (None, distros, true),
        (Some("r1"), vec![], false),
        (Some("r2"), vec![], true),
    ] {
        let filter = PlanFilter {
            selection: RunSelection {
                revision: revision.map(str::to_owned),
                distros,
                untried,
                ..RunSelection::default()
            },
            ..PlanFilter::default()
        };
        let candidates = plan(&transaction, RunKind::Build, &filter).await.unwrap();
        results.push(format!("{candidates:#?}"));
    }
    results
}

#[tokio::test]
async fn sort_keys_have_the_order_of_the_rules() {
    let database = migrated().await;
    let client = database.client().await;
    for name in ["debian12", "alma9", "raspios", "fedora"] {
        let distro: DistroName = name.parse().unwrap();
        let rule = VersionRule::of(&distro);
        let mut versions = changes::versions(4000);
        versions.sort_by(|a, b| rule.cmp(a, b));
        versions.dedup();
        let sorted = client
            .query(
                "SELECT version FROM unnest($2::text[]) AS version ORDER BY kver_sort_key($1, version) COLLATE \"C\"",
                &[&distro, &versions],
            )
            .await
            .unwrap();
        let sorted: Vec<KernelVersion> = sorted.iter().map(|row| row.get(0)).collect();
        for (a, b) in versions.iter().zip(&sorted) {
            assert_eq!(a, b, "{name}");
        }
    }
}

#[tokio::test]
async fn sort_keys_use_the_rule_of_each_distribution() {
    let database = migrated().await;
    let client = database.client().await;
    for name in VersionRule::DPKG_FAMILY
        .iter()
        .chain(&["rhel", "my-debian"])
    {
        let distro: DistroName = format!("{name}1").parse().unwrap();
        // dpkg: a separator is newer than the end of the text. rpm: separators are ignored.
        let (a, b): (KernelVersion, KernelVersion) =
            ("1.a".parse().unwrap(), "1a".parse().unwrap());
        let query = format!(
            "SELECT kver_sort_key('{distro}', '{a}') COLLATE \"C\" < kver_sort_key('{distro}', '{b}')"
        );
        let is_less = VersionRule::of(&distro).cmp(&a, &b).is_lt();
        assert_eq!(
            value(&client, &query).await,
            if is_less { "t" } else { "f" },
            "{name}"
        );
    }
}

#[tokio::test]
async fn on_another_server_the_read_model_is_computed_again() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "t");
    run(
        &client,
        "UPDATE generation_epoch SET system_identifier = 1; DELETE FROM kver_state WHERE distro = 'debian12'",
    )
    .await;
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    assert!(matches!(
        refresh_for_query(&mut client).await.unwrap(),
        RefreshOutcome::TooManyChanges
    ));
    assert_eq!(
        value(&client, "SELECT kver_state_is_current()").await,
        "f",
        "a report does not compute all rows"
    );
    let kernels: i64 = value(&client, "SELECT count(*) FROM kver")
        .await
        .parse()
        .unwrap();
    assert_eq!(refresh(&client).await.unwrap(), kernels);
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "t");
    assert_eq!(rows(&client, CHECK).await, [""; 0]);
}

#[tokio::test]
async fn the_check_reports_each_table_that_differs() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    for (change, expected) in [
        (
            "UPDATE kver_state SET stage = 'seen' WHERE version = '6.1.0-1-amd64'",
            "kver_state: kernel debian12 6.1.0-1-amd64",
        ),
        (
            "DELETE FROM kver_state WHERE version = '6.1.0-1-amd64'",
            "kver_state: kernel debian12 6.1.0-1-amd64",
        ),
        (
            "UPDATE kver_state_count SET kernels = kernels + 1 WHERE distro = 'alma9'",
            "kver_state_count: distribution alma9",
        ),
        (
            "UPDATE host_state SET cltype = 6 WHERE host_name = 'h1'",
            "host_state: host h1 of cluster c1",
        ),
        (
            "DELETE FROM host_state_count",
            "host_state_count: running kernel",
        ),
    ] {
        run(&client, &format!("BEGIN; {change}")).await;
        let problems = rows(&client, CHECK).await;
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{change}: {problems:?}"
        );
        run(&client, "ROLLBACK").await;
    }
}

#[tokio::test]
async fn only_writers_update_the_read_model_and_only_by_its_functions() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    for role in ["sqern_reader", "sqern_writer"] {
        run(&client, &format!("SET ROLE {role}")).await;
        for table in [
            "kver_state",
            "kver_state_count",
            "host_state",
            "host_state_count",
            "kver_state_position",
        ] {
            run(&client, &format!("SELECT FROM {table}")).await;
            for statement in [
                format!("DELETE FROM {table}"),
                format!("SELECT FROM {table} FOR SHARE"),
            ] {
                assert!(
                    refused(&client, &statement)
                        .await
                        .contains("permission denied"),
                    "{role}: {statement}"
                );
            }
        }
    }
    run(&client, "SET ROLE sqern_reader").await;
    let message = refused(&client, "SELECT kver_state_refresh()").await;
    assert!(message.contains("permission denied"), "{message}");
    assert!(matches!(
        refresh_for_query(&mut client).await.unwrap(),
        RefreshOutcome::ReadOnly
    ));
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    run(&client, "SET ROLE sqern_writer").await;
    for _ in 0..2 {
        assert!(matches!(
            refresh_for_query(&mut client).await.unwrap(),
            RefreshOutcome::Current
        ));
    }
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "t");
}

#[tokio::test]
async fn a_report_does_not_wait_long_for_another_update() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    let other = database.client().await;
    run(&other, "BEGIN; SELECT FROM kver_state_position FOR UPDATE").await;
    assert!(matches!(
        refresh_for_query(&mut client).await.unwrap(),
        RefreshOutcome::Locked
    ));
    let transaction = snapshot(&mut client).await.unwrap();
    let statuses = status::list(&transaction, &StatusFilter::default(), &AsOf::Now)
        .await
        .unwrap();
    assert_eq!(statuses.len(), 16);
}

#[tokio::test]
async fn an_update_names_the_session_that_it_waits_for() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    let other = database.client().await;
    let holder =
        "SET application_name = 'dashboard'; BEGIN; SELECT FROM kver_state_position FOR UPDATE";
    run(&other, holder).await;
    let pid = value(&other, "SELECT pg_backend_pid()").await;
    let expected = format!("process {pid} (user sqern, application dashboard)");
    for full in [false, true] {
        let mut reported = vec![];
        let error = refresh_within(&mut client, full, Duration::from_secs(2), |holders| {
            reported.extend(holders.to_vec());
        })
        .await
        .unwrap_err();
        assert_eq!(reported, [expected.as_str()]);
        assert_eq!(
            error.to_string(),
            format!("could not update the read model: locked by {expected}")
        );
    }
    let mut ended = false;
    let (kernels, ()) = tokio::join!(
        refresh_within(&mut client, true, Duration::from_secs(30), |_| ended = true),
        async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            run(&other, "COMMIT").await;
        }
    );
    assert_eq!((kernels.unwrap(), ended), (16, true));
}

#[tokio::test]
async fn the_read_model_does_not_contain_changes_of_its_own_transaction() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    run(
        &client,
        "BEGIN; UPDATE kver SET archived = true WHERE version = '6.1.0-1-amd64'",
    )
    .await;
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    let message = refused(&client, "SELECT kver_state_refresh()").await;
    assert!(
        message.starts_with("cannot refresh the read model"),
        "{message}"
    );
}

/// Candidates of a claim come from the read model, but whether they are free does not.
#[tokio::test]
async fn a_claim_takes_the_first_free_kernels_of_the_plan() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    run(&client, "INSERT INTO kver (distro, version) SELECT 'debian12', '5.10.0-' || n || '-amd64' FROM generate_series(1, 200) AS n;
        INSERT INTO kver_fetched (distro, version) SELECT distro, version FROM kver WHERE version LIKE '5.10%'").await;
    refresh(&client).await.unwrap();
    let filter = PlanFilter {
        selection: RunSelection {
            revision: Some("new".to_owned()),
            ..RunSelection::default()
        },
        ..PlanFilter::default()
    };
    let transaction = client.transaction().await.unwrap();
    let planned = plan(&transaction, RunKind::Build, &filter).await.unwrap();
    assert!(planned.len() > 200);
    assert!(
        planned[10..].is_sorted_by(|a, b| newest_first(&a.kernel, &b.kernel).is_le()
            || a.hosts_installed > b.hosts_installed
            || a.hosts_running > b.hosts_running)
    );
    transaction.rollback().await.unwrap();
    // Another session holds the first 150 kernels.
    let mut other = database.client().await;
    let held = other.transaction().await.unwrap();
    assert_eq!(
        claim(&held, RunKind::Build, &filter, 150).await.unwrap(),
        planned[..150]
    );
    let transaction = client.transaction().await.unwrap();
    assert_eq!(
        claim(&transaction, RunKind::Build, &filter, 3)
            .await
            .unwrap(),
        planned[150..153]
    );
}

/// The snapshot of a transaction does not list the transaction itself as in progress.
#[tokio::test]
async fn changes_after_an_update_in_the_same_transaction_are_found() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, changes::START).await;
    let other = database.client().await;
    run(&client, "BEGIN; SELECT pg_current_xact_id()").await;
    run(&other, "SELECT pg_current_xact_id()").await;
    run(
        &client,
        "SELECT kver_state_refresh(); UPDATE kver SET archived = true WHERE version = '6.1.0-1-amd64'",
    )
    .await;
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    run(&client, "COMMIT").await;
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    assert_eq!(refresh(&client).await.unwrap(), 1);
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "t");
    assert_eq!(rows(&client, CHECK).await, [""; 0]);
}

#[tokio::test]
async fn generations_of_other_servers_are_found() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    // As logical replication would copy them.
    run(
        &client,
        "SET session_replication_role = replica;
         UPDATE kver SET archived = true WHERE version = '6.1.0-1-amd64';
         INSERT INTO generation (id, xact, epoch) OVERRIDING SYSTEM VALUE VALUES (1000, '1', 1000);
         INSERT INTO event (generation, id, table_name, pkey, action, fields, old) OVERRIDING SYSTEM VALUE
         VALUES (1000, 1000, 'kver', '{\"distro\": \"debian12\", \"version\": \"6.1.0-1-amd64\"}', 'update', '{\"archived\": true}', '{\"archived\": false}');
         INSERT INTO generation_commit VALUES (1000, 1001, now(), 1000);
         RESET session_replication_role",
    )
    .await;
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "f");
    assert_eq!(refresh(&client).await.unwrap(), 1);
    assert_eq!(value(&client, "SELECT kver_state_is_current()").await, "t");
    assert_eq!(rows(&client, CHECK).await, [""; 0]);
}

#[tokio::test]
async fn the_longest_names_fit_into_the_read_model() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO distro SELECT string_agg(chr(65 + n % 26), ''), 'D' FROM generate_series(1, 64) AS n;
         INSERT INTO kver SELECT name, string_agg(chr(97 + n % 26), '') FROM distro, generate_series(1, 64) AS n GROUP BY name;
         INSERT INTO kver_fetched (distro, version) SELECT distro, version FROM kver",
    )
    .await;
    assert_eq!(refresh(&client).await.unwrap(), 1);
}

#[tokio::test]
async fn a_failed_update_does_not_fail_a_report() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    run(
        &client,
        "ALTER TABLE kver_state ADD CONSTRAINT refuse CHECK (false)",
    )
    .await;
    let outcome = refresh_for_query(&mut client).await.unwrap();
    let RefreshOutcome::Failed(error) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        error.to_string().contains("violates check constraint"),
        "{error}"
    );
    let transaction = snapshot(&mut client).await.unwrap();
    let statuses = status::list(&transaction, &StatusFilter::default(), &AsOf::Now)
        .await
        .unwrap();
    assert_eq!(statuses.len(), 16);
}

#[tokio::test]
async fn a_migration_with_changed_functions_fills_the_read_model_again() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, changes::START).await;
    refresh(&client).await.unwrap();
    run(
        &client,
        "UPDATE kver_state SET sort_key = 'of an older function'; UPDATE schema_function SET checksum = 'x' WHERE file = 'kver_sort_key.sql'",
    )
    .await;
    for dry_run in [true, false] {
        let steps = migrate(&mut client, None, dry_run).await.unwrap();
        assert!(
            steps.contains(&Step::ReadModel { kernels: 16 }),
            "{dry_run}: {steps:?}"
        );
    }
    // On another server, only the read model is missing.
    run(&client, "DELETE FROM kver_state_position").await;
    for dry_run in [true, false] {
        let steps = migrate(&mut client, None, dry_run).await.unwrap();
        assert_eq!(steps, [Step::ReadModel { kernels: 16 }], "{dry_run}");
    }
    assert_eq!(migrate(&mut client, None, true).await.unwrap(), []);
    assert_eq!(rows(&client, CHECK).await, [""; 0]);
}
