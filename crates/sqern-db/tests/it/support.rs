//! Functions for all tests of this crate: databases and short calls for SQL.

use sqern_testkit::{TestDatabase, TestServer};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Creates a migrated database without data.
pub async fn migrated() -> TestDatabase {
    let setup = async |client: &mut Client| {
        sqern_db::migrate::migrate(client, None, false)
            .await
            .expect("migrations apply");
    };
    TestServer::shared()
        .await
        .database_from("migrated", "test", setup)
        .await
}

/// Creates a database without the schema of sqern.
pub async fn bare() -> TestDatabase {
    TestServer::shared().await.database("bare").await
}

/// Runs statements, which must succeed.
pub async fn run(client: &Client, sql: &str) {
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
}

/// Runs statements, which must fail, and returns the message of PostgreSQL, with the hint after " |
/// ".
pub async fn refused(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.expect_err(sql);
    let error = error
        .as_db_error()
        .expect("an error of the database")
        .clone();
    match error.hint() {
        Some(hint) => format!("{} | {hint}", error.message()),
        None => error.message().to_owned(),
    }
}

/// Returns the rows of a query: values joined by a space, null as "-".
pub async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|column| row.get(column).unwrap_or("-"))
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            _ => None,
        })
        .collect()
}

/// Returns the only row of a query.
pub async fn value(client: &Client, sql: &str) -> String {
    let rows = rows(client, sql).await;
    assert_eq!(rows.len(), 1, "{sql}");
    rows.into_iter().next().unwrap_or_default()
}
