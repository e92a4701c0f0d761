//! The change sets: table `generation`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{GenericClient, Row};

use crate::DbError;

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
pub async fn list(client: &impl GenericClient, limit: i64) -> Result<Vec<Generation>, DbError> {
    let rows = client.query(include_str!("../queries/generation_list.sql"), &[&limit, &None::<i64>]).await?;
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
