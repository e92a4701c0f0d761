//! Events of the journal: table `event`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::decode::{from_row, query_rows};
use crate::text_enum::text_enum;
use crate::{AsOf, DbError, SqlClient};

text_enum! {
    /// The kind of a change of a row.
    Action:
    /// The row was inserted.
    Insert = "insert",
    /// Columns of the row were updated.
    Update = "update",
    /// The row was deleted.
    Delete = "delete",
}

/// An event of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Event {
    /// The id of the event.
    pub id: i64,
    /// The generation that contains the event.
    pub generation: i64,
    /// The start time of the transaction.
    pub tstamp: Timestamp,
    /// The name of the changed table.
    pub table_name: String,
    /// The kind of the change.
    pub action: Action,
    /// The key columns of the row.
    pub pkey: Value,
    /// The other columns; for an update, the changed columns with their new values.
    pub fields: Value,
    /// For an update, the changed columns with their old values.
    pub old: Option<Value>,
}

from_row!(Event {
    id,
    generation,
    tstamp,
    table_name,
    action,
    pkey,
    fields,
    old
});

/// The difference of a row between two states, in the form of an event.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// The table that contains the row.
    pub table_name: String,
    /// The kind of the change from the first to the second state.
    pub action: Action,
    /// The key columns of the row.
    pub pkey: Value,
    /// The other columns; for an update, the columns that differ with their new values.
    pub fields: Value,
    /// For an update, the columns that differ with their old values.
    pub old: Option<Value>,
}

from_row!(Difference {
    table_name,
    action,
    pkey,
    fields,
    old
});

/// The selection of events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The changed table; all if none.
    pub table_name: Option<String>,
    /// The generation that contains the events; all if none.
    pub generation: Option<i64>,
    /// The generation after which the events were recorded; all if none.
    pub since: Option<i64>,
    /// A part of the key, such as `{"distro": "debian12"}`.
    pub pkey: Option<Value>,
}

/// Returns the newest `limit` events that match `filter`, newest first.
pub async fn list(
    client: &impl SqlClient,
    filter: &Filter,
    limit: i64,
    as_of: &AsOf,
) -> Result<Vec<Event>, DbError> {
    let query = as_of.query(include_str!("../queries/event_list.sql"));
    query_rows(
        client,
        &query,
        &[
            &filter.table_name,
            &filter.generation,
            &filter.pkey,
            &limit,
            &filter.since,
        ],
    )
    .await
}

/// Returns the first `limit` events of a generation in the order of the changes.
pub async fn of_generation(
    client: &impl SqlClient,
    generation: i64,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    let query = "SELECT id, generation, tstamp, table_name, action, pkey, fields, old FROM event
         WHERE generation = $1 ORDER BY id LIMIT $2";
    query_rows(client, query, &[&generation, &limit]).await
}
