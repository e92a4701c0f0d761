//! Generations, which group the events of a transaction: table `generation`.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::{Client, IsolationLevel};

use crate::change::Finished;
use crate::decode::{from_row, query_optional, query_rows, query_value};
use crate::event::Difference;
use crate::{AsOf, DbError, SqlClient, Subject, session};

/// A generation and the number of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Generation {
    /// The id of the generation.
    pub id: i64,
    /// The start time of the transaction.
    pub tstamp: Timestamp,
    /// The session user of the transaction.
    pub username: String,
    /// The client address; null for a Unix socket.
    pub ipaddr: Option<IpAddr>,
    /// The reason for the change.
    pub comment: Option<String>,
    /// The number of events.
    pub events: i64,
}

from_row!(Generation {
    id,
    tstamp,
    username,
    ipaddr,
    comment,
    events
});

/// The number of changes of a generation in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TableChanges {
    /// The name of the changed table.
    pub table_name: String,
    /// The number of inserted rows.
    pub inserts: i64,
    /// The number of updated rows.
    pub updates: i64,
    /// The number of deleted rows.
    pub deletes: i64,
}

from_row!(TableChanges {
    table_name,
    inserts,
    updates,
    deletes
});

/// Returns the newest `limit` generations after the generation `since` (all if none), newest first.
pub async fn list(
    client: &impl SqlClient,
    since: Option<i64>,
    limit: i64,
    as_of: &AsOf,
) -> Result<Vec<Generation>, DbError> {
    let query = as_of.query(include_str!("../queries/generation_list.sql"));
    query_rows(client, &query, &[&limit, &None::<i64>, &since]).await
}

/// Returns a generation and the number of its changes in each table.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the generation does not exist.
pub async fn get(
    client: &impl SqlClient,
    id: i64,
) -> Result<(Generation, Vec<TableChanges>), DbError> {
    let query = include_str!("../queries/generation_list.sql");
    let generation: Option<Generation> =
        query_optional(client, query, &[&1_i64, &Some(id), &None::<i64>]).await?;
    let unknown = || DbError::Unknown {
        subject: Subject::Generation,
        got: id.to_string(),
        near: vec![],
    };
    let generation = generation.ok_or_else(unknown)?;
    let query = "SELECT table_name, count(*) FILTER (WHERE action = 'insert') AS inserts,
             count(*) FILTER (WHERE action = 'update') AS updates, count(*) FILTER (WHERE action = 'delete') AS deletes
         FROM event WHERE generation = $1 GROUP BY table_name ORDER BY min(id)";
    let changes = query_rows(client, query, &[&id]).await?;
    Ok((generation, changes))
}

/// Returns the differences between the states as of two generations by table and row.
pub async fn diff(client: &impl SqlClient, from: i64, to: i64) -> Result<Vec<Difference>, DbError> {
    let query = "SELECT table_name, action, pkey, fields, old FROM generation_diff($1, $2)";
    query_rows(client, query, &[&from, &to]).await
}

/// Returns the changes of a generation by table and row. Several changes of one row are combined.
pub async fn changes(client: &impl SqlClient, id: i64) -> Result<Vec<Difference>, DbError> {
    let query = "SELECT table_name, action, pkey, fields, old FROM generation_diff($1)";
    query_rows(client, query, &[&id]).await
}

/// Reverts a generation in a new generation, and returns the changes of the new one. With
/// `dry_run`, rolls back afterwards.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the generation does not exist, and [`DbError::Postgres`] if
/// later changes conflict with the revert.
pub async fn revert(
    client: &mut Client,
    id: i64,
    dry_run: bool,
) -> Result<(Finished, Vec<Difference>), DbError> {
    let transaction = session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted),
    )
    .await?;
    get(&transaction, id).await?;
    let reverting: Option<i64> =
        query_value(&transaction, "SELECT generation_revert($1)", &[&id]).await?;
    let Some(reverting) = reverting else {
        return Ok((
            Finished {
                generation: None,
                events: 0,
            },
            vec![],
        ));
    };
    let changed = changes(&transaction, reverting).await?;
    let (generation, _) = get(&transaction, reverting).await?;
    if dry_run {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok((
        Finished {
            generation: (!dry_run).then_some(reverting),
            events: generation.events,
        },
        changed,
    ))
}
