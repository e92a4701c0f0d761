//! The state that a query reads: the present, or the state as of a generation.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::At;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::decode::{from_row, query_optional_value, query_row, query_value, query_values};
use crate::{DbError, SqlClient, Subject, session};

/// The state that a query reads.
///
/// The state as of a generation contains the changes of this generation and of all earlier ones in
/// the order of `generation_position()`, which is the order of the commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// The present state of the tables.
    Now,
    /// The state as of a generation.
    Past(PastState),
}

/// The state as of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PastState {
    /// The last generation of the state; 0 before the first generation.
    pub generation: i64,
    /// The time at which the generation was committed; null for generation 0.
    pub committed_at: Option<Timestamp>,
    /// The requested time, if the state was requested by a time. Data without a generation, such as
    /// crawls, is read as of this time.
    #[serde(skip)]
    pub requested_at: Option<Timestamp>,
    /// The journaled tables.
    #[serde(skip)]
    tables: Vec<String>,
}

/// The start of the year 1. Earlier times have the same state, and not all of them are in the range
/// of PostgreSQL.
const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Returns the time of `at` as seen from `now`, or at least [`EARLIEST`]; `None` for a generation.
fn absolute(at: At, now: Timestamp) -> Option<Timestamp> {
    let time = match at {
        At::Generation(_) => return None,
        At::Time(time) => time,
        At::Ago(duration) => now.checked_sub(duration).unwrap_or(EARLIEST),
    };
    Some(time.max(EARLIEST))
}

/// Starts a read-only transaction whose queries all read the same snapshot, so that their results
/// are consistent.
pub async fn snapshot(client: &mut Client) -> Result<Transaction<'_>, DbError> {
    Ok(session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true),
    )
    .await?)
}

/// The generation and time of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DataState {
    /// The last generation of the state; 0 if there is none.
    pub generation: i64,
    /// The time of the query for the present state, or the time at which the generation was
    /// committed; null for generation 0.
    pub at: Option<Timestamp>,
}

from_row!(DataState { generation, at });

impl fmt::Display for DataState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(
                f,
                "as of generation {} ({})",
                self.generation,
                at.strftime("%Y-%m-%d %H:%M:%SZ")
            ),
            None => write!(f, "as of generation {}", self.generation),
        }
    }
}

impl PastState {
    /// Returns the state as of a generation, or as of the last generation that was committed at or
    /// before a time.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`AsOf::resolve`].
    pub async fn resolve(client: &impl SqlClient, at: At) -> Result<Self, DbError> {
        let requested_at = match at {
            At::Generation(_) => None,
            At::Time(_) | At::Ago(_) => {
                let now: Timestamp = query_value(client, "SELECT now()", &[]).await?;
                let time = absolute(at, now);
                match time {
                    Some(at) if at > now => return Err(DbError::Future { at }),
                    _ => time,
                }
            }
        };
        let generation: i64 = match (at, requested_at) {
            (At::Generation(id), _) => id,
            (_, time) => query_value(client, "SELECT generation_at($1)", &[&time]).await?,
        };
        let committed_at = query_optional_value(
            client,
            "SELECT committed_at FROM generation_commit WHERE generation = $1",
            &[&generation],
        )
        .await?;
        if committed_at.is_none() && generation != 0 {
            return Err(DbError::Unknown {
                subject: Subject::Generation,
                got: generation.to_string(),
                near: vec![],
            });
        }
        Ok(Self {
            generation,
            committed_at,
            requested_at,
            tables: query_values(client, "SELECT journal_tables()", &[]).await?,
        })
    }

    /// Returns the requested time, or the time of the generation. Generation 0 has a time before
    /// all data.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.requested_at.or(self.committed_at).unwrap_or(EARLIEST)
    }
}

impl AsOf {
    /// Returns the requested time, or the time of the generation; `None` for the present state.
    /// Generation 0 has a time before all data.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Past(past) => Some(past.time()),
            Self::Now => None,
        }
    }

    /// Returns the generation and time of this state.
    pub async fn state(&self, client: &impl SqlClient) -> Result<DataState, DbError> {
        match self {
            Self::Past(PastState {
                generation,
                committed_at,
                ..
            }) => Ok(DataState {
                generation: *generation,
                at: *committed_at,
            }),
            Self::Now => {
                let query = "SELECT coalesce((SELECT generation FROM generation_commit ORDER BY position DESC LIMIT 1), 0) AS generation, now() AS at";
                query_row(client, query, &[]).await
            }
        }
    }

    /// Returns the state as of a generation, or as of the last generation that was committed at or
    /// before a time.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unknown`] if the generation does not exist, and [`DbError::Future`] if
    /// the time is later than the time of the server.
    pub async fn resolve(client: &impl SqlClient, at: At) -> Result<Self, DbError> {
        Ok(Self::Past(PastState::resolve(client, at).await?))
    }

    /// Returns a query that reads this state instead of the present state.
    ///
    /// For a past state, common table expressions shadow the journaled tables, `generation`,
    /// `event` and `kver_ignored`. The tables `kver_package` and `crawl` have no earlier states.
    pub(crate) fn query(&self, query: &str) -> String {
        let Self::Past(PastState {
            generation,
            tables: journaled,
            ..
        }) = self
        else {
            return query.to_owned();
        };
        let rows_of = |table: &String| {
            format!("{table} AS (SELECT * FROM {table}_at(generation => {generation}))")
        };
        let mut tables = vec![
            format!(
                "generation_commit AS (SELECT c.* FROM public.generation_commit AS c WHERE c.position <= generation_position({generation}))"
            ),
            "generation AS (SELECT g.* FROM public.generation AS g WHERE g.id IN (SELECT generation FROM generation_commit))".to_owned(),
            "event AS (SELECT e.* FROM public.event AS e WHERE e.generation IN (SELECT id FROM generation))".to_owned(),
        ];
        tables.extend(journaled.iter().map(rows_of));
        tables.push(
            "kver_ignored AS (SELECT DISTINCT kver.distro, kver.version FROM kver JOIN kver_ignore AS i
             ON i.distro = kver.distro AND i.deleted_at = '-infinity' AND kver.version LIKE i.pattern)"
                .to_owned(),
        );
        format!("WITH {}\n{query}", tables.join(",\n"))
    }
}
