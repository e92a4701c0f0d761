//! The change sets: table `generation`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Row};

use crate::change::Finished;
use crate::event::Difference;
use crate::{AsOf, DbError};

/// One generation and how much it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Its id.
    pub id: i64,
    /// When its transaction began.
    pub tstamp: Timestamp,
    /// Who made it.
    pub username: String,
    /// From where; null for a Unix socket.
    pub ipaddr: Option<IpAddr>,
    /// Why.
    pub comment: Option<String>,
    /// How many events it has.
    pub events: i64,
}

/// How much a generation changed in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChanges {
    /// The table.
    pub table_name: String,
    /// Rows that came.
    pub inserts: i64,
    /// Rows that were changed.
    pub updates: i64,
    /// Rows that went.
    pub deletes: i64,
}

/// The newest `limit` generations, the newest first.
pub async fn list(client: &impl GenericClient, limit: i64, as_of: &AsOf) -> Result<Vec<Generation>, DbError> {
    let query = as_of.query(include_str!("../queries/generation_list.sql"));
    let rows = client.query(&query, &[&limit, &None::<i64>]).await?;
    Ok(rows.iter().map(from_row).collect())
}

/// One generation and what it changed, by table.
pub async fn get(client: &impl GenericClient, id: i64) -> Result<(Generation, Vec<TableChanges>), DbError> {
    let generation = client
        .query_opt(include_str!("../queries/generation_list.sql"), &[&1_i64, &Some(id)])
        .await?
        .as_ref()
        .map(from_row)
        .ok_or_else(|| DbError::Unknown { what: "generation", got: id.to_string(), near: vec![] })?;
    let changes = client
        .query(
            "SELECT table_name, count(*) FILTER (WHERE action = 'insert'), count(*) FILTER (WHERE action = 'update'),
                    count(*) FILTER (WHERE action = 'delete')
             FROM event WHERE generation = $1 GROUP BY table_name ORDER BY min(id)",
            &[&id],
        )
        .await?
        .iter()
        .map(|row| TableChanges { table_name: row.get(0), inserts: row.get(1), updates: row.get(2), deletes: row.get(3) })
        .collect();
    Ok((generation, changes))
}

/// What differs between the states as of two generations, by table and record.
pub async fn diff(client: &impl GenericClient, from: i64, to: i64) -> Result<Vec<Difference>, DbError> {
    let rows = client.query("SELECT table_name, action, pkey, fields, old FROM generation_diff($1, $2)", &[&from, &to]).await?;
    Ok(rows.iter().map(difference).collect())
}

/// What a generation changed, by table and record, however often it touched each.
pub async fn changes(client: &impl GenericClient, id: i64) -> Result<Vec<Difference>, DbError> {
    let rows = client.query("SELECT table_name, action, pkey, fields, old FROM generation_diff($1)", &[&id]).await?;
    Ok(rows.iter().map(difference).collect())
}

/// Undoes a generation by a new one, and returns what the new one changed; with `dry_run` tells the same and rolls back.
///
/// Errors: a generation that is not known; later changes that stand on it, which the error names.
pub async fn revert(client: &mut Client, id: i64, dry_run: bool) -> Result<(Finished, Vec<Difference>), DbError> {
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    get(&transaction, id).await?;
    let made: Option<i64> = transaction.query_one("SELECT generation_revert($1)", &[&id]).await?.get(0);
    let Some(made) = made else { return Ok((Finished { generation: None, events: 0 }, vec![])) };
    let changed = changes(&transaction, made).await?;
    let (generation, _) = get(&transaction, made).await?;
    if dry_run {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok((Finished { generation: (!dry_run).then_some(made), events: generation.events }, changed))
}

fn difference(row: &Row) -> Difference {
    Difference { table_name: row.get(0), action: row.get(1), pkey: row.get(2), fields: row.get(3), old: row.get(4) }
}

fn from_row(row: &Row) -> Generation {
    Generation {
        id: row.get(0),
        tstamp: row.get(1),
        username: row.get(2),
        ipaddr: row.get(3),
        comment: row.get(4),
        events: row.get(5),
    }
}
