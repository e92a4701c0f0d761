//! Each trap of a history by itself.

mod as_of;
mod revert;

use tokio_postgres::Client;

use crate::support::{rows, run};

/// Two distributions with two kernels and a cluster, as generation 1.
const WORLD: &str = "INSERT INTO distro VALUES ('d', 'D'), ('o', 'O'); INSERT INTO kver VALUES ('d', '1'), ('d', '2');
    INSERT INTO cust_cluster VALUES ('c', 1);";

/// Runs each text as a transaction, and gives the ids of the generations that they made.
async fn transactions(client: &Client, texts: &[&str]) -> Vec<String> {
    let mut ids = vec![];
    for text in texts {
        run(client, &format!("BEGIN; {text}")).await;
        ids.extend(rows(client, "SELECT generation_id_if_assigned()").await);
        run(client, "COMMIT").await;
    }
    ids
}

/// The rows of a table as of each generation, by each way: by what is there, and after so many other changes that the journal is
/// read from its beginning.
async fn as_of(client: &Client, table: &str, columns: &str, generations: &[String], way: Way) -> Vec<Vec<String>> {
    if way == Way::Forward {
        run(client, "INSERT INTO sp_build (jenkins_job) SELECT 'many' FROM generate_series(1, 2000)").await;
    }
    let mut found = vec![];
    for id in generations {
        let recent = rows(client, &format!("SELECT generation_is_recent({id})")).await;
        assert_eq!(recent == ["t"], way == Way::Backward, "the way to generation {id}");
        found.push(rows(client, &format!("SELECT {columns} FROM {table}_at(generation => {id}) ORDER BY {columns}")).await);
    }
    found
}

/// How the as-of functions go through the journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Backward,
    Forward,
}

/// So many changes at the beginning that all that follows is recent: it is read back from the present.
async fn many_before(client: &Client) {
    run(client, "INSERT INTO sp_build (jenkins_job) SELECT 'many' FROM generate_series(1, 200)").await;
}
