//! Tables that become journaled when they already contain rows.

use sqern_db::migrate::migrate;
use sqern_db::{AsOf, kver, snapshot};
use sqern_model::{At, Kernel};
use sqern_testkit::TestDatabase;
use tokio_postgres::Client;

use crate::support::{migrated, rows, run, value};

const KERNELS: &str =
    "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1'), ('d', '2')";

/// Inserts a package of a kernel.
fn package(version: &str, name: &str, first_seen_at: &str) -> String {
    format!(
        "INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum, first_seen_at)
         VALUES ('d', '{version}', 's', 'headers', '{name}', '1', 'amd64', 'https://a/{name}', 1, repeat('a', 64), '{first_seen_at}')"
    )
}

/// Expects that `sqern db check` reports nothing.
async fn assert_consistent(client: &Client) {
    for checked in sqern_db::check::check(client).await.unwrap() {
        assert_eq!(checked.problems, [""; 0], "{}", checked.rule);
    }
}

/// Returns the last generation.
async fn last(client: &Client) -> String {
    let query = "SELECT generation FROM generation_commit ORDER BY position DESC LIMIT 1";
    value(client, query).await
}

/// Makes the as-of functions read the journal from its beginning for all earlier generations.
async fn add_later_events(client: &Client) {
    run(
        client,
        "INSERT INTO sp_build (jenkins_job) SELECT 'j' FROM generate_series(1, 500)",
    )
    .await;
}

#[tokio::test]
async fn a_renamed_cluster_type_keeps_its_name_in_earlier_states() {
    let database = migrated().await;
    let client = database.client().await;
    assert_eq!(
        rows(
            &client,
            "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM generation)"
        )
        .await,
        ["0 0"],
        "the initial rows have no events"
    );
    run(&client, KERNELS).await;
    let before = last(&client).await;
    run(
        &client,
        "SET ROLE sqern_writer; BEGIN; SELECT generation_start('rename'); UPDATE cust_cluster_type SET name = 'lab2' WHERE id = 1; COMMIT; RESET ROLE",
    )
    .await;
    let renamed = last(&client).await;
    assert_eq!(
        rows(
            &client,
            "SELECT action, pkey, fields, old FROM event WHERE table_name = 'cust_cluster_type'"
        )
        .await,
        [r#"update {"id": 1} {"name": "lab2"} {"name": "production"}"#]
    );
    for direction in ["backward", "forward"] {
        for (generation, name) in [
            ("0", "production"),
            (&before, "production"),
            (&renamed, "lab2"),
        ] {
            let query = format!(
                "SELECT count(*), max(name) FILTER (WHERE id = 1) FROM cust_cluster_type_at(generation => {generation})"
            );
            assert_eq!(
                rows(&client, &query).await,
                [format!("6 {name}")],
                "{direction}, generation {generation}"
            );
        }
        let diff = format!(
            "SELECT action, pkey FROM generation_diff(0, {renamed}) WHERE table_name = 'cust_cluster_type'"
        );
        assert_eq!(rows(&client, &diff).await, [r#"update {"id": 1}"#]);
        assert_consistent(&client).await;
        add_later_events(&client).await;
    }
    run(&client, &format!("SELECT generation_revert({renamed})")).await;
    let name = "SELECT name FROM cust_cluster_type WHERE id = 1";
    assert_eq!(value(&client, name).await, "production");
    assert_consistent(&client).await;
}

/// Returns the state of the packages as of a generation.
async fn packages_at(client: &Client, generation: &str) -> Vec<String> {
    let query =
        format!("SELECT name, url FROM kver_package_at(generation => {generation}) ORDER BY 1");
    rows(client, &query).await
}

/// Returns a database of an earlier version with 2 packages and one generation, after an upgrade.
async fn upgraded() -> (TestDatabase, Client) {
    let database = migrated().await;
    let mut client = database.client().await;
    // An older program would create the functions and triggers of its version.
    migrate(&mut client, Some(13), false).await.unwrap();
    let insert = format!(
        "{KERNELS}; INSERT INTO cust_cluster_type VALUES (7, 'other'); {}; {}",
        package("1", "a", "2026-01-01"),
        package("1", "b", "2026-03-01")
    );
    run(&client, &insert).await;
    run(
        &client,
        "UPDATE kver_package SET gone_at = '2026-03-02' WHERE name = 'a'",
    )
    .await;
    // The rows of the tables that are journaled since their creation.
    for table in ["distro", "kver"] {
        let record = format!(
            "INSERT INTO event (generation, table_name, action, pkey, fields)
             SELECT 1, '{table}', 'insert', pkey, to_jsonb(t) - ARRAY(SELECT jsonb_object_keys(pkey))
             FROM (SELECT CASE '{table}' WHEN 'kver' THEN to_jsonb(t) - 'archived' ELSE jsonb_build_object('name', to_jsonb(t) -> 'name') END AS pkey, t.*
                   FROM {table} AS t) AS t"
        );
        run(
            &client,
            &record.replace("to_jsonb(t) - ARRAY", "to_jsonb(t) - 'pkey' - ARRAY"),
        )
        .await;
    }
    run(
        &client,
        "INSERT INTO generation (tstamp, xact, epoch, comment) VALUES ('2026-02-01', '3', (SELECT max(id) FROM generation_epoch), 'before');
         INSERT INTO generation_commit SELECT id, 100, tstamp, 1 FROM generation; SELECT setval('event_id_seq', 200)",
    )
    .await;
    migrate(&mut client, None, false).await.unwrap();
    (database, client)
}

#[tokio::test]
async fn rows_from_before_a_migration_are_those_of_all_earlier_states() {
    let (_database, mut client) = upgraded().await;
    assert_consistent(&client).await;
    assert_eq!(
        rows(
            &client,
            "SELECT table_name, generation, (SELECT count(*) FROM journal_baseline b WHERE b.table_name = s.table_name)
             FROM journal_start s WHERE generation > 0 OR table_name = 'kver' ORDER BY 1"
        )
        .await,
        ["cust_cluster_type 1 7", "kver 0 0", "kver_package 1 2"]
    );
    assert_eq!(
        value(&client, "SELECT count(*) FROM generation").await,
        "1",
        "the migration is not a change"
    );
    run(
        &client,
        "UPDATE kver_package SET url = 'https://evil/a' WHERE name = 'a'",
    )
    .await;
    let changed = last(&client).await;
    run(&client, &package("2", "c", "2026-04-01")).await;
    let pkey = value(
        &client,
        "SELECT pkey - 'id' FROM event WHERE table_name = 'kver_package' AND action = 'update'",
    )
    .await;
    for column in [r#""name": "a""#, r#""version": "1""#, r#""distro": "d""#] {
        assert!(pkey.contains(column), "{pkey}");
    }
    for direction in ["backward", "forward"] {
        for generation in ["0", "1"] {
            assert_eq!(
                packages_at(&client, generation).await,
                ["a https://a/a", "b https://a/b"],
                "{direction}"
            );
        }
        assert_eq!(
            packages_at(&client, &changed).await,
            ["a https://evil/a", "b https://a/b"],
            "{direction}"
        );
        assert_consistent(&client).await;
        add_later_events(&client).await;
    }

    // The columns of a package restrict an earlier state of a kernel further.
    let kernel = Kernel {
        distro: "d".parse().unwrap(),
        version: "1".parse().unwrap(),
    };
    let transaction = snapshot(&mut client).await.unwrap();
    let names = async |as_of: &AsOf| -> Vec<(String, bool)> {
        let packages = kver::packages(&transaction, &kernel, as_of).await.unwrap();
        packages
            .into_iter()
            .map(|package| (package.name, package.gone_at.is_some()))
            .collect()
    };
    let at = async |at: At| AsOf::resolve(&transaction, at).await.unwrap();
    let (a, b) = (|gone| ("a".to_owned(), gone), ("b".to_owned(), false));
    assert_eq!(names(&at(At::Generation(1)).await).await, [a(false)]);
    let march = At::Time("2026-03-01T12:00:00Z".parse().unwrap());
    assert_eq!(names(&at(march).await).await, [a(false), b.clone()]);
    assert_eq!(
        names(&at(At::Generation(changed.parse().unwrap())).await).await,
        [b.clone(), a(true)]
    );
    assert_eq!(names(&AsOf::Now).await, [b, a(true)]);
}

/// An older version of the schema does not journal the table.
#[tokio::test]
async fn changes_during_a_downgrade_are_recorded_by_the_next_migration() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, KERNELS).await;
    for name in ["changed", "kept", "lost"] {
        run(&client, &package("1", name, "2026-01-01")).await;
    }
    run(&client, "UPDATE kver_package SET url = url || '2' WHERE name = 'changed'; UPDATE cust_cluster_type SET name = 'x' WHERE id = 1").await;
    let before = last(&client).await;
    let mut old = packages_at(&client, &before).await;
    migrate(&mut client, Some(13), false).await.unwrap();
    let events = "SELECT count(*), max(id) FROM event";
    let recorded = rows(&client, events).await;
    run(
        &client,
        &format!(
            "UPDATE kver_package SET url = url || '3', size_bytes = 2 WHERE name = 'changed'; DELETE FROM kver_package WHERE name = 'lost';
             UPDATE cust_cluster_type SET name = 'z' WHERE id = 2; {}",
            package("1", "new", "2026-01-01")
        ),
    )
    .await;
    assert_eq!(rows(&client, events).await, recorded, "not journaled");
    migrate(&mut client, None, false).await.unwrap();
    assert_consistent(&client).await;
    // A row without events cannot be distinguished from one that existed before.
    old.push("new https://a/new".to_owned());
    assert_eq!(packages_at(&client, &before).await, old);
    assert_eq!(
        rows(
            &client,
            &format!(
                "SELECT g.comment, e.table_name, e.action, coalesce(e.pkey ->> 'name', e.old::text) FROM event e JOIN generation g ON g.id = e.generation
                 WHERE e.generation > {before} AND e.table_name = 'kver_package' ORDER BY e.action, e.pkey"
            )
        )
        .await,
        ["delete lost", "update changed"]
            .map(|change| format!("changes that an older version of the schema did not journal kver_package {change}"))
    );
    assert_eq!(
        packages_at(&client, &last(&client).await).await,
        rows(&client, "SELECT name, url FROM kver_package ORDER BY 1").await
    );
    add_later_events(&client).await;
    assert_eq!(packages_at(&client, &before).await, old, "forward");
    let events = rows(&client, events).await;
    migrate(&mut client, Some(13), false).await.unwrap();
    migrate(&mut client, None, false).await.unwrap();
    assert_eq!(
        rows(&client, "SELECT count(*), max(id) FROM event").await,
        events,
        "without changes, no events are added"
    );
    assert_consistent(&client).await;
}

#[tokio::test]
async fn a_lost_baseline_row_is_reported() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "DELETE FROM journal_baseline WHERE pkey = '{\"id\": 3}'",
    )
    .await;
    run(
        &client,
        "UPDATE cust_cluster_type SET name = 'x' WHERE id = 4",
    )
    .await;
    run(
        &client,
        "UPDATE journal_baseline SET fields = '{\"name\": \"forged\"}' WHERE pkey = '{\"id\": 4}'",
    )
    .await;
    let checked = sqern_db::check::check(&client).await.unwrap();
    let problems: Vec<String> = checked.into_iter().flat_map(|rule| rule.problems).collect();
    assert_eq!(
        problems,
        [
            r#"event 1: table cust_cluster_type, key {"id": 4} does not start from the state that the previous event left"#,
            r#"cust_cluster_type {"id": 3}: the journal contains no row, the table contains {"id": 3, "name": "custdev"}"#
        ]
    );
}
