//! Fixed histories for errors that are easy to make.

mod as_of;
mod revert;

use tokio_postgres::Client;

use crate::support::{rows, run};

/// Generation 1: two distributions, two kernels and a cluster.
const SETUP: &str = "INSERT INTO distro VALUES ('d', 'D'), ('o', 'O'); INSERT INTO kver VALUES ('d', '1'), ('d', '2');
    INSERT INTO cust_cluster VALUES ('c', 1);";

/// Runs each text as a transaction, and returns the ids of their generations.
async fn transactions(client: &Client, texts: &[&str]) -> Vec<String> {
    let mut ids = vec![];
    for text in texts {
        run(client, &format!("BEGIN; {text}")).await;
        ids.extend(rows(client, "SELECT generation_id_if_assigned()").await);
        run(client, "COMMIT").await;
    }
    ids
}

/// Returns the rows of a table as of each generation. For `Forward`, first adds so many events that
/// the journal is read from its beginning.
async fn as_of(
    client: &Client,
    table: &str,
    columns: &str,
    generations: &[String],
    direction: Direction,
) -> Vec<Vec<String>> {
    if direction == Direction::Forward {
        run(
            client,
            "INSERT INTO sp_build (jenkins_job) SELECT 'many' FROM generate_series(1, 2000)",
        )
        .await;
    }
    let mut found = vec![];
    for id in generations {
        let recent = rows(client, &format!("SELECT generation_is_recent({id})")).await;
        assert_eq!(
            recent == ["t"],
            direction == Direction::Backward,
            "the direction for generation {id}"
        );
        found.push(
            rows(
                client,
                &format!("SELECT {columns} FROM {table}_at(generation => {id}) ORDER BY {columns}"),
            )
            .await,
        );
    }
    found
}

/// The direction in which the as-of functions read the journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Backward,
    Forward,
}

/// Adds so many events that all later generations are recent, and the journal is read backward from
/// the present.
async fn many_before(client: &Client) {
    run(
        client,
        "INSERT INTO sp_build (jenkins_job) SELECT 'many' FROM generate_series(1, 200)",
    )
    .await;
}
