//! Follows the journal: each committed generation is delivered exactly once.
//!
//! Ids are not in the order of commits, so a reader of "all ids after the last" misses generations
//! that commit late. A poll returns the generations that its snapshot contains and the [`Position`]
//! does not contain. Each generation of a poll has a position.
//!
//! Delivery is also exact after a restart or crash of the server if commits are on disk when they
//! are reported. Transactions with `synchronous_commit` off might be delivered and then lost, and
//! PostgreSQL then assigns their transaction IDs again.

mod position;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Row};

pub use position::{Cluster, DeliveredGeneration, InvalidPosition, Position, Snapshot};

use self::position::Steps;
use crate::decode::{
    FromRow, column, from_row, query_row, query_rows, query_value, query_values, unexpected,
};
use crate::event::Action;
use crate::parameter::{Parameters, typed};
use crate::suggest::similar_names;
use crate::{DbError, SqlClient, Subject};

/// The position of a follower does not belong to the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// The position is from another cluster or database.
    #[error("position belongs to {got}, not to {this}", this = database(*.expected), got = database(*.got))]
    Foreign {
        /// The identity of the connected database.
        expected: Cluster,
        /// The database of the position.
        got: Cluster,
    },
    /// The position is newer than the database, which was restored to an earlier state.
    #[error(
        "position contains transaction ID {got}, but the next transaction ID is {expected}: the database was restored to an earlier state"
    )]
    Ahead {
        /// The next transaction ID of the database.
        expected: u64,
        /// The first transaction ID after the position.
        got: u64,
    },
    /// The database does not contain the last generation of the position.
    #[error(
        "position follows generation {generation}, which the database does not contain: the database was restored to an earlier state, or a standby without this generation became the primary"
    )]
    Lost {
        /// The last delivered generation.
        generation: i64,
    },
}

fn database(cluster: Cluster) -> String {
    format!(
        "database OID {} (system identifier {})",
        cluster.database, cluster.system_identifier
    )
}

/// The identity of a database, and the end of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEnd {
    /// The identity of the database.
    pub cluster: Cluster,
    /// Whether the server is a standby, which might not have replayed all generations of a
    /// position.
    pub standby: bool,
    /// The snapshot of the query.
    now: Snapshot,
    /// The highest transaction ID of a generation of this server.
    last_xact: Option<u64>,
    /// The last generation of the history.
    newest: Option<DeliveredGeneration>,
    /// Whether the database contains the last generation of the queried position.
    is_known: bool,
}

impl FromRow for JournalEnd {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let system_identifier = column::<i64>(row, "system_identifier")?.cast_unsigned();
        Ok(Self {
            cluster: Cluster {
                system_identifier,
                database: column(row, "database")?,
            },
            standby: column(row, "standby")?,
            now: snapshot(column(row, "snapshot")?)?,
            last_xact: column::<Option<i64>>(row, "last_xact")?.map(i64::cast_unsigned),
            newest: column::<Option<i64>>(row, "newest_id")?
                .zip(column(row, "newest_microseconds")?)
                .map(|(id, microseconds)| DeliveredGeneration { id, microseconds }),
            is_known: column(row, "is_known")?,
        })
    }
}

impl JournalEnd {
    /// Returns the position after all committed generations.
    #[must_use]
    pub fn position(&self) -> Position {
        let start = Position::start(self.cluster);
        // The newest generation is the upper limit, as in a batch, because its transaction is on
        // disk.
        let xmax = self
            .last_xact
            .map_or(start.snapshot.xmax(), |last| self.now.xmax().min(last + 1));
        Position {
            cluster: self.cluster,
            snapshot: Snapshot::new(xmax, self.now.open().iter().copied()),
            last: self.newest,
        }
    }

    /// Returns whether the server is a standby that has not replayed all generations of `position`.
    #[must_use]
    pub fn lags_behind(&self, position: &Position) -> bool {
        self.standby && position.snapshot.xmax() > self.now.xmax()
    }

    /// Returns an error if `position`, for which this value was queried, does not belong to this
    /// database, or if the database was restored to an earlier state.
    pub fn check(&self, position: &Position) -> Result<(), PositionError> {
        if position.cluster != self.cluster {
            return Err(PositionError::Foreign {
                expected: self.cluster,
                got: position.cluster,
            });
        }
        let (expected, got) = (self.now.xmax(), position.snapshot.xmax());
        if got > expected && !self.standby {
            return Err(PositionError::Ahead { expected, got });
        }
        match position.last {
            Some(last) if !self.is_known && !self.lags_behind(position) => {
                Err(PositionError::Lost {
                    generation: last.id,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Returns the identity of the connected database, and the end of its journal. `position` can then
/// be passed to [`JournalEnd::check`].
pub async fn journal_end(
    client: &impl SqlClient,
    position: Option<&Position>,
) -> Result<JournalEnd, DbError> {
    let last = position.and_then(|position| position.last);
    let (id, microseconds) = last.map(|last| (last.id, last.microseconds)).unzip();
    let query = include_str!("../queries/follow_here.sql");
    query_row(client, query, &[&id, &microseconds]).await
}

/// Subscribes a session to the notification that a generation was committed. Returns whether
/// notifications arrive. A standby does not send any, and a server with prepared transactions gets
/// none, because a transaction with a notification cannot be prepared.
///
/// Must be called before the first poll. Otherwise a generation that is committed between them is
/// only found by the next poll. Must not be called for a session of a connection pooler in
/// transaction mode, because the subscription remains in a session that other clients use.
pub async fn listen(client: &Client) -> Result<bool, DbError> {
    match client.batch_execute("LISTEN sqern_generation").await {
        Ok(()) => {
            let query = "SELECT current_setting('max_prepared_transactions') = '0'";
            query_value(client, query, &[]).await
        }
        Err(error) if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Requests notifications, until [`stop_waiting`]: writers send them only while a follower holds
/// the advisory lock of `generation_notify()`. Returns whether the lock was acquired.
///
/// Like [`listen`], it must not be called for a session of a connection pooler in transaction mode.
/// A transaction that is open in the next poll might have tested the lock before, and then sends no
/// notification.
pub async fn start_waiting(client: &impl SqlClient) -> Result<bool, DbError> {
    query_value(
        client,
        "SELECT pg_try_advisory_lock_shared(7370726, 1)",
        &[],
    )
    .await
}

/// Ends the request of [`start_waiting`].
pub async fn stop_waiting(client: &impl SqlClient) -> Result<(), DbError> {
    let query = "SELECT pg_advisory_unlock_shared(7370726, 1)";
    query_value::<bool>(client, query, &[]).await?;
    Ok(())
}

/// Returns an error with similar names if a table does not exist. Without this check, a follower
/// would wait for events of a mistyped table indefinitely.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] for the first table that does not exist.
pub async fn require_tables(client: &impl SqlClient, tables: &[String]) -> Result<(), DbError> {
    let existing: Vec<String> = query_values(
        client,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        &[],
    )
    .await?;
    match tables.iter().find(|table| !existing.contains(table)) {
        None => Ok(()),
        Some(table) => {
            let near = similar_names(table, existing.iter().map(String::as_str));
            Err(DbError::Unknown {
                subject: Subject::Table,
                got: table.clone(),
                near,
            })
        }
    }
}

/// A generation that was not delivered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingGeneration {
    /// The id of the generation.
    pub generation: i64,
    /// The start time of its transaction, in microseconds since 1970.
    pub microseconds: i64,
    /// Its transaction ID; none for a generation of another server.
    xact: Option<i64>,
    /// The number of its events of the selected tables.
    pub events: i64,
}

from_row!(WaitingGeneration {
    generation,
    microseconds,
    xact,
    events
});

/// The generations of a poll in the order of the history.
#[derive(Debug, Clone)]
pub struct Batch {
    cluster: Cluster,
    steps: Steps,
    waiting: VecDeque<WaitingGeneration>,
    last: Option<DeliveredGeneration>,
    has_open_transactions: bool,
}

impl Batch {
    /// Returns the generations that were not delivered yet.
    #[must_use]
    pub fn waiting(&self) -> &VecDeque<WaitingGeneration> {
        &self.waiting
    }

    /// Removes and returns the next generation. [`Batch::position`] then returns the position after
    /// it.
    pub fn take_next(&mut self) -> Option<WaitingGeneration> {
        let next = self.waiting.pop_front()?;
        if next.xact.is_some() {
            self.steps.step();
        }
        self.last = Some(DeliveredGeneration {
            id: next.generation,
            microseconds: next.microseconds,
        });
        Some(next)
    }

    /// Returns whether transactions were open during the poll.
    #[must_use]
    pub fn has_open_transactions(&self) -> bool {
        self.has_open_transactions
    }

    /// Returns the position after the generations that were removed.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            cluster: self.cluster,
            snapshot: self.steps.reached().clone(),
            last: self.last,
        }
    }
}

/// Returns the committed generations that `position` does not contain. Only events of `tables`
/// count, or all events if `tables` is empty.
///
/// This is one statement, so that the same snapshot determines the committed and the open
/// transactions. It does not return the events, which never change after the commit: [`events`]
/// returns them, so that a batch can contain any number of events.
pub async fn poll(
    client: &impl SqlClient,
    position: &Position,
    tables: &[String],
) -> Result<Batch, DbError> {
    let reached = &position.snapshot;
    let (text, filter) = (reached.to_string(), filter(tables));
    let last = position.last.map(|last| last.id);
    let mut now = None;
    let mut waiting: VecDeque<WaitingGeneration> = VecDeque::new();
    let add = |row: Row| {
        if now.is_none() {
            now = Some(snapshot(column(&row, "snapshot")?)?);
        }
        // Without a new generation, the query returns one row with the snapshot only.
        if column::<Option<i64>>(&row, "generation")?.is_some() {
            waiting.push_back(WaitingGeneration::from_row(&row)?);
        }
        Ok::<(), DbError>(())
    };
    let query = include_str!("../queries/follow_poll.sql");
    for_each_row(client, query, &[&text, &filter, &last], add).await?;
    let now = now.map_or_else(|| snapshot(""), Ok)?;
    // Only a standby returns generations that its snapshot does not contain: see
    // `Snapshot::of_server`.
    let xact = |waiting: &WaitingGeneration| waiting.xact.map(i64::cast_unsigned);
    waiting.retain(|waiting| xact(waiting).is_none_or(|xact| now.sees(xact)));
    Ok(Batch {
        cluster: position.cluster,
        steps: Steps::new(reached, &now, waiting.iter().filter_map(xact)),
        waiting,
        last: position.last,
        has_open_transactions: !now.open().is_empty(),
    })
}

/// A generation without its events, as printed for a follower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GenerationHeader {
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
    /// The commit, which only archives contain; `None` if its row was deleted.
    #[serde(skip)]
    pub commit: Option<Commit>,
}

/// The commit of a generation, which determines its place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Commit {
    /// The position in the history.
    pub position: i64,
    /// The time of the commit.
    pub committed_at: Timestamp,
}

impl FromRow for GenerationHeader {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: column(row, "id")?,
            tstamp: column(row, "tstamp")?,
            username: column(row, "username")?,
            ipaddr: column(row, "ipaddr")?,
            comment: column(row, "comment")?,
            commit: column::<Option<_>>(row, "position")?
                .zip(column(row, "committed_at")?)
                .map(|(position, committed_at)| Commit {
                    position,
                    committed_at,
                }),
        })
    }
}

/// An event, as printed for a follower. The JSON is the text of the database, so that numbers keep
/// all digits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FollowedEvent {
    /// The id of the event.
    pub id: i64,
    /// The name of the changed table.
    pub table_name: String,
    /// The kind of the change.
    pub action: Action,
    /// The key columns of the row.
    pub pkey: Box<RawValue>,
    /// The other columns; for an update, the changed columns with their new values.
    pub fields: Box<RawValue>,
    /// For an update, the changed columns with their old values.
    pub old: Option<Box<RawValue>>,
    /// The time of the event, if it was changed after the event was recorded. Otherwise, it is the
    /// start time of the transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tstamp: Option<Timestamp>,
}

impl FromRow for FollowedEvent {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: column(row, "id")?,
            table_name: column(row, "table_name")?,
            action: column(row, "action")?,
            pkey: column::<Json<_>>(row, "pkey")?.0,
            fields: column::<Json<_>>(row, "fields")?.0,
            old: column::<Option<Json<_>>>(row, "old")?.map(|json| json.0),
            tstamp: column(row, "tstamp")?,
        })
    }
}

/// Returns the headers of generations in any order.
pub async fn headers(
    client: &impl SqlClient,
    generations: &[i64],
) -> Result<Vec<GenerationHeader>, DbError> {
    let query = include_str!("../queries/follow_headers.sql");
    query_rows(client, query, &[&generations]).await
}

/// Returns the IDs of all committed generations in ascending order.
pub async fn generation_ids(client: &impl SqlClient) -> Result<Vec<i64>, DbError> {
    ids(client, "SELECT id FROM generation ORDER BY id", &[]).await
}

/// Returns the IDs of the generations after this one in the history, or all if the database does
/// not contain it.
///
/// Unlike [`poll`], this function also accepts a generation of a position of another database, from
/// which this one was restored.
pub async fn ids_after(client: &impl SqlClient, generation: i64) -> Result<Vec<i64>, DbError> {
    let query = include_str!("../queries/follow_after.sql");
    ids(client, query, &[&generation]).await
}

/// Returns the IDs of a query without a list of all its rows.
async fn ids(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<i64>, DbError> {
    let mut ids = vec![];
    let add = |row: Row| {
        ids.push(column(&row, "id")?);
        Ok::<(), DbError>(())
    };
    for_each_row(client, query, parameters, add).await?;
    Ok(ids)
}

/// Calls `add` with each event of generations and tables, by generation and id, and with its
/// generation. The caller removes the time of the event if it is that of the generation.
///
/// # Errors
///
/// Returns an error of `add`, and [`DbError::Unexpected`] if a value is invalid.
pub async fn events<E: From<DbError>>(
    client: &impl SqlClient,
    generations: &[i64],
    tables: &[String],
    mut add: impl FnMut(i64, FollowedEvent) -> Result<(), E>,
) -> Result<(), E> {
    let query = include_str!("../queries/follow_events.sql");
    let add = |row: Row| add(column(&row, "generation")?, FollowedEvent::from_row(&row)?);
    for_each_row(client, query, &[&generations, &filter(tables)], add).await
}

/// Calls `add` with each row of a query while the rows arrive.
async fn for_each_row<E: From<DbError>>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
    mut add: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let statement = async {
        let mut rows = pin!(client.query_typed_raw(query, typed(parameters)).await?);
        while let Some(row) = rows.try_next().await? {
            if let Err(error) = add(row) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    };
    client.following(statement).await.map_err(DbError::from)?
}

/// Returns null for an empty list, which selects all tables.
fn filter(tables: &[String]) -> Option<&[String]> {
    (!tables.is_empty()).then_some(tables)
}

fn snapshot(text: &str) -> Result<Snapshot, DbError> {
    Snapshot::of_server(text).ok_or_else(|| {
        unexpected(
            "snapshot",
            format!("expected the text of pg_current_snapshot(), found {text:?}"),
        )
    })
}
