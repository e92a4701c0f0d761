//! Following the journal: each generation once, as it commits.
//!
//! Ids are no order of commits, so "all after the last id" misses what commits late. A poll takes what its snapshot sees and a
//! [`Position`] does not. When it found something, each step to the next generation has a position of its own.
//!
//! It is exact also over a restart or a crash of the server, as long as the server's commits are on disk when they are reported.
//! Transactions with `synchronous_commit` off may be seen and then lost, and their numbers given once more.

mod position;

use std::collections::VecDeque;
use std::net::IpAddr;

use futures_util::{TryStreamExt, pin_mut};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{GenericClient, Row, RowStream};

pub use position::{Cluster, InvalidPosition, Position, Snapshot};

use self::position::Steps;
use crate::{DbError, text};

/// A position that does not belong to the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// The position is from another cluster or database.
    #[error("position belongs to {got}, not to {this}", this = database(*.expected), got = database(*.got))]
    Foreign {
        /// This database.
        expected: Cluster,
        /// The position's.
        got: Cluster,
    },
    /// The position is newer than the database, which was restored to an earlier state.
    #[error(
        "position contains transaction ID {got}, but the next transaction ID is {expected}: the database was restored to an earlier state"
    )]
    Ahead {
        /// The next transaction of the database.
        expected: u64,
        /// The position's xmax.
        got: u64,
    },
}

fn database(cluster: Cluster) -> String {
    format!("database OID {} (system identifier {})", cluster.database, cluster.system_identifier)
}

/// Which database a follower is connected to, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The database.
    pub cluster: Cluster,
    /// Whether it is a standby, which may lag behind a position.
    pub standby: bool,
    /// What is committed now.
    now: Snapshot,
    /// The newest generation's transaction.
    last: Option<u64>,
}

impl Here {
    /// The position behind all that is committed now.
    #[must_use]
    pub fn end(&self) -> Position {
        let start = Position::start(self.cluster);
        // As in a batch: no further than the newest generation, whose transaction is on disk.
        let xmax = self.last.map_or(start.snapshot.xmax(), |last| self.now.xmax().min(last + 1));
        Position { cluster: self.cluster, snapshot: Snapshot::new(xmax, self.now.open().iter().copied()) }
    }

    /// Whether this is a standby that has yet to come as far as `position`.
    #[must_use]
    pub fn lags_behind(&self, position: &Position) -> bool {
        self.standby && position.snapshot.xmax() > self.now.xmax()
    }

    /// Whether `position` can be gone on from here.
    pub fn check(&self, position: &Position) -> Result<(), PositionError> {
        if position.cluster != self.cluster {
            return Err(PositionError::Foreign { expected: self.cluster, got: position.cluster });
        }
        let (expected, got) = (self.now.xmax(), position.snapshot.xmax());
        if got > expected && !self.standby {
            return Err(PositionError::Ahead { expected, got });
        }
        Ok(())
    }
}

/// Asks which database this is and how far it is.
pub async fn here(client: &impl GenericClient) -> Result<Here, DbError> {
    let row = client.query_one(include_str!("../queries/follow_here.sql"), &[]).await?;
    let cluster = Cluster { system_identifier: row.get::<_, i64>(0).cast_unsigned(), database: row.get(1) };
    Ok(Here {
        cluster,
        standby: row.get(2),
        now: snapshot(row.get(3))?,
        last: row.get::<_, Option<i64>>(4).map(i64::cast_unsigned),
    })
}

/// Prepares a connection for polls, and asks to be woken when a generation is committed; tells whether that will happen: a standby
/// can't.
///
/// Comes before the first poll, or what commits between the two is found only by the next.
pub async fn listen(client: &impl GenericClient) -> Result<bool, DbError> {
    // Whatever the database's default is: a poll is one statement, and no other level has more to give than failures.
    client.batch_execute("SET default_transaction_isolation = 'read committed'").await?;
    match client.batch_execute("LISTEN sqern_generation").await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that these are tables: a mistyped one would be waited for in vain.
pub async fn require_tables(client: &impl GenericClient, tables: &[String]) -> Result<(), DbError> {
    let rows = client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", &[]).await?;
    let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    match tables.iter().find(|table| !known.contains(table)) {
        None => Ok(()),
        Some(table) => {
            let near = text::nearest(table, known.iter().map(String::as_str));
            Err(DbError::Unknown { what: "table", got: table.clone(), near })
        }
    }
}

/// A generation that waits to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub generation: i64,
    /// How many of its events are of the tables asked for.
    pub events: i64,
}

/// What a poll found: generations in the order of their last event's id, so that of two that changed one row, the one that
/// committed first comes first.
#[derive(Debug, Clone)]
pub struct Batch {
    cluster: Cluster,
    steps: Steps,
    waiting: VecDeque<Waiting>,
}

impl Batch {
    /// What is left to deliver.
    #[must_use]
    pub fn waiting(&self) -> &VecDeque<Waiting> {
        &self.waiting
    }

    /// Takes the next generation; [`Batch::position`] is then the one behind it.
    pub fn take_next(&mut self) -> Option<Waiting> {
        self.steps.step();
        self.waiting.pop_front()
    }

    /// The position behind what was taken so far.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { cluster: self.cluster, snapshot: self.steps.reached().clone() }
    }
}

/// Finds the generations that are committed and not in `position`. `tables` are those whose events count; all when empty.
///
/// One statement, so that one snapshot says what is committed and what is open. It leaves the events to [`events`]: those of a
/// committed generation never change, and a batch may hold any number of them.
pub async fn poll(client: &impl GenericClient, position: &Position, tables: &[String]) -> Result<Batch, DbError> {
    let reached = &position.snapshot;
    let (text, filter) = (reached.to_string(), filter(tables));
    let parameters: [&(dyn ToSql + Sync); 2] = [&text, &filter];
    let rows = client.query_raw(include_str!("../queries/follow_poll.sql"), parameters).await?;
    pin_mut!(rows);
    let mut now = None;
    let mut found: Vec<(u64, Waiting)> = vec![];
    while let Some(row) = rows.try_next().await? {
        if now.is_none() {
            now = Some(snapshot(row.get(0))?);
        }
        if let Some(generation) = row.get(1) {
            found.push((row.get::<_, i64>(2).cast_unsigned(), Waiting { generation, events: row.get(3) }));
        }
    }
    let now = now.map_or_else(|| snapshot(""), Ok)?;
    // All of them stay, but on a standby (see Snapshot::of_server).
    found.retain(|(xact, _)| now.sees(*xact));
    let steps = Steps::new(reached, &now, found.iter().map(|(xact, _)| *xact));
    Ok(Batch { cluster: position.cluster, steps, waiting: found.into_iter().map(|(_, waiting)| waiting).collect() })
}

/// What a follower is told of a generation besides its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
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
}

/// What a follower is told of an event; the JSON is the database's own text, so that no number loses a digit.
#[derive(Debug, Clone, Serialize)]
pub struct FollowedEvent {
    /// Its id.
    pub id: i64,
    /// The table that was changed.
    pub table_name: String,
    /// `insert`, `update` or `delete`.
    pub action: String,
    /// The record's key.
    pub pkey: Box<RawValue>,
    /// The other columns; of an update the changed ones with their new values.
    pub fields: Box<RawValue>,
    /// Of an update the changed columns with their old values.
    pub old: Option<Box<RawValue>>,
}

/// These generations, in any order.
pub async fn heads(client: &impl GenericClient, generations: &[i64]) -> Result<Vec<Head>, DbError> {
    let rows =
        client.query("SELECT id, tstamp, username, ipaddr, comment FROM generation WHERE id = ANY ($1)", &[&generations]).await?;
    Ok(rows
        .iter()
        .map(|row| Head { id: row.get(0), tstamp: row.get(1), username: row.get(2), ipaddr: row.get(3), comment: row.get(4) })
        .collect())
}

/// The events of these generations and tables as they come from the server, by generation, then by id; [`event`] reads each.
pub async fn events(client: &impl GenericClient, generations: &[i64], tables: &[String]) -> Result<RowStream, DbError> {
    let query = include_str!("../queries/follow_events.sql");
    let filter = filter(tables);
    let parameters: [&(dyn ToSql + Sync); 2] = [&generations, &filter];
    Ok(client.query_raw(query, parameters).await?)
}

/// A row of [`events`]: its generation, and the event.
#[must_use]
pub fn event(row: &Row) -> (i64, FollowedEvent) {
    let event = FollowedEvent {
        id: row.get(1),
        table_name: row.get(2),
        action: row.get(3),
        pkey: row.get::<_, Json<_>>(4).0,
        fields: row.get::<_, Json<_>>(5).0,
        old: row.get::<_, Option<Json<_>>>(6).map(|json| json.0),
    };
    (row.get(0), event)
}

fn filter(tables: &[String]) -> Option<&[String]> {
    (!tables.is_empty()).then_some(tables)
}

fn snapshot(text: &str) -> Result<Snapshot, DbError> {
    Snapshot::of_server(text).ok_or_else(|| DbError::Unexpected {
        expected: "a snapshot",
        place: "pg_current_snapshot()",
        got: text.to_owned(),
    })
}
