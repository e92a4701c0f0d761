//! The check of the changes after a generation.

use sqern_db::check::{Checked, check_since};
use tokio_postgres::Client;

use crate::support::{migrated, run, value};

const EARLIER: &str =
    "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1'), ('d', '2');
    INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'x')";
const LATER: &str = "UPDATE kver SET archived = true WHERE version = '1'; INSERT INTO kver VALUES ('d', '3');
    UPDATE kver SET archived = false WHERE version = '1'; UPDATE kver_ignore SET deleted_at = now()";

/// Returns the problems that the check of the changes after a generation reports.
async fn problems(client: &Client, generation: i64) -> Vec<String> {
    let checked: Vec<Checked> = check_since(client, generation).await.unwrap();
    checked.into_iter().flat_map(|rule| rule.problems).collect()
}

/// Runs statements without triggers.
async fn forge(client: &Client, sql: &str) {
    let forged =
        format!("SET session_replication_role = replica; {sql}; RESET session_replication_role");
    run(client, &forged).await;
}

async fn last(client: &Client) -> i64 {
    let query = "SELECT generation FROM generation_commit ORDER BY position DESC LIMIT 1";
    value(client, query).await.parse().unwrap()
}

#[tokio::test]
async fn only_faults_after_the_generation_are_reported() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, EARLIER).await;
    let earlier = last(&client).await;
    run(&client, LATER).await;
    for generation in [0, earlier, last(&client).await] {
        assert_eq!(problems(&client, generation).await, [""; 0]);
    }
    forge(&client, "UPDATE event SET fields = '{\"archived\": true}' WHERE table_name = 'kver' AND pkey ->> 'version' = '2'").await;
    assert_eq!(problems(&client, earlier).await, [""; 0]);
    assert_eq!(
        problems(&client, 0).await,
        [
            r#"kver {"distro": "d", "version": "2"}: the journal contains {"distro": "d", "version": "2", "archived": true}, the table contains {"distro": "d", "version": "2", "archived": false}"#
        ]
    );
    forge(
        &client,
        "UPDATE event SET old = '{\"archived\": false}' WHERE table_name = 'kver' AND fields = '{\"archived\": false}' AND action = 'update';
         DELETE FROM kver WHERE version = '3'; UPDATE kver_ignore SET deleted_at = '-infinity';
         INSERT INTO event (generation, table_name, action, pkey, fields) VALUES (99, 'distro', 'insert', '{\"name\": \"e\"}', '{\"variant\": \"E\"}');
         DELETE FROM generation WHERE id = (SELECT max(id) FROM generation)",
    )
    .await;
    let found = problems(&client, earlier).await;
    let expected = [
        "belongs to generation 99, which does not exist",
        "generation 2 has a commit, but does not exist",
        "does not start from the state that the previous event left",
        r#"distro {"name": "e"}: the journal contains {"name": "e", "variant": "E"}, the table contains no row"#,
        r#"kver {"distro": "d", "version": "3"}: the journal contains {"distro": "d", "version": "3", "archived": false}, the table contains no row"#,
        r#"kver_ignore {"id": 1, "distro": "d", "pattern": "x"}: the journal contains "#,
    ];
    for text in expected {
        assert!(
            found.iter().any(|problem| problem.contains(text)),
            "{text}: {found:#?}"
        );
    }
}

/// The IDs of its events are lower than the position of the generation that was committed before.
#[tokio::test]
async fn a_generation_that_was_in_progress_is_checked_completely() {
    let database = migrated().await;
    let (client, other) = (database.client().await, database.client().await);
    run(&client, EARLIER).await;
    run(&other, "BEGIN; INSERT INTO kver VALUES ('d', '3')").await;
    run(&client, "INSERT INTO kver VALUES ('d', '4')").await;
    let earlier = last(&client).await;
    run(
        &other,
        "UPDATE kver SET archived = true WHERE version = '3'; COMMIT",
    )
    .await;
    assert_eq!(problems(&client, earlier).await, [""; 0]);
    forge(
        &client,
        "UPDATE event SET old = '{\"archived\": null}' WHERE pkey ->> 'version' = '3' AND action = 'update'",
    )
    .await;
    assert_eq!(problems(&client, earlier).await.len(), 1);
    forge(&client, "DELETE FROM kver WHERE version = '3'").await;
    assert_eq!(problems(&client, earlier).await.len(), 2);
}
