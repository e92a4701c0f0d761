//! The journal's events: table `event`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use crate::{AsOf, DbError};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its id.
    pub id: i64,
    /// Its generation.
    pub generation: i64,
    /// When its transaction began.
    pub tstamp: Timestamp,
    /// The table that was changed.
    pub table_name: String,
    /// `insert`, `update` or `delete`.
    pub action: String,
    /// The record's key.
    pub pkey: Value,
    /// The other columns; of an update the changed ones with their new values.
    pub fields: Value,
    /// Of an update the changed columns with their old values.
    pub old: Option<Value>,
}

/// What differs between two states in one record: the event that one change from the first to the second would have left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The record's table.
    pub table_name: String,
    /// `insert`, `update` or `delete`.
    pub action: String,
    /// The record's key.
    pub pkey: Value,
    /// The other columns; of an update those that differ, with their new values.
    pub fields: Value,
    /// Of an update the columns that differ, with their old values.
    pub old: Option<Value>,
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this table.
    pub table_name: Option<String>,
    /// Of this generation.
    pub generation: Option<i64>,
    /// Whose key holds this: `{"distro": "debian12"}`.
    pub pkey: Option<Value>,
}

/// The newest `limit` events that `filter` lets through, the newest first.
pub async fn list(client: &impl GenericClient, filter: &Filter, limit: i64, as_of: &AsOf) -> Result<Vec<Event>, DbError> {
    let query = as_of.query(include_str!("../queries/event_list.sql"));
    let rows = client.query(&query, &[&filter.table_name, &filter.generation, &filter.pkey, &limit]).await?;
    Ok(rows.iter().map(from_row).collect())
}

/// The first `limit` events of a generation, in the order of the changes.
pub async fn of_generation(client: &impl GenericClient, generation: i64, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = client
        .query(
            "SELECT id, generation, tstamp, table_name, action, pkey, fields, old FROM event WHERE generation = $1 ORDER BY id LIMIT $2",
            &[&generation, &limit],
        )
        .await?;
    Ok(rows.iter().map(from_row).collect())
}

fn from_row(row: &Row) -> Event {
    Event {
        id: row.get(0),
        generation: row.get(1),
        tstamp: row.get(2),
        table_name: row.get(3),
        action: row.get(4),
        pkey: row.get(5),
        fields: row.get(6),
        old: row.get(7),
    }
}
