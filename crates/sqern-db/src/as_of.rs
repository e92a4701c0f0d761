//! The state that a query reads: the present, or the state as of a generation.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::At;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::decode::{from_row, query_optional_value, query_row, query_rows, query_value};
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
    tables: Vec<JournaledTable>,
}

/// A journaled table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct JournaledTable {
    name: String,
    /// Whether the rows have a kernel version, so that those of one version can be read.
    has_version: bool,
}

from_row!(JournaledTable { name, has_version });

/// Past states have no indexes, and the planner underestimates their rows. A nested loop would compute
/// a past state for each row of another one, and sorting a million rows takes longer than hashing them.
const PLANNER_SETTINGS: &str = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off;
    SET LOCAL jit = off; SET LOCAL work_mem = '256MB'";

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
            tables: query_rows(
                client,
                "SELECT name, to_regprocedure(format('public.%I(bigint, text)', name || '_at')) IS NOT NULL AS has_version FROM journal_tables() AS name",
                &[],
            )
            .await?,
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

    /// Returns whether this state contains no changes after the start of the journal of a table.
    pub(crate) async fn is_before_journal_of(
        &self,
        client: &impl SqlClient,
        table: &str,
    ) -> Result<bool, DbError> {
        let Self::Past(PastState { generation, .. }) = self else {
            return Ok(false);
        };
        let query = "SELECT generation_position($1) <= generation_position(generation) FROM journal_start WHERE table_name = $2";
        query_value(client, query, &[generation, &table]).await
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
    /// before a time. Changes planner settings until the end of the transaction.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unknown`] if the generation does not exist, and [`DbError::Future`] if
    /// the time is later than the time of the server.
    pub async fn resolve(transaction: &Transaction<'_>, at: At) -> Result<Self, DbError> {
        let past = PastState::resolve(transaction, at).await?;
        transaction.batch_execute(PLANNER_SETTINGS).await?;
        Ok(Self::Past(past))
    }

    /// Returns a query that reads this state instead of the present state.
    ///
    /// For a past state, common table expressions shadow the journaled tables, `generation`,
    /// `event` and `kver_ignored`. The table `crawl` has no earlier states.
    pub(crate) fn query(&self, query: &str) -> String {
        self.query_of(query, None)
    }

    /// Returns a query that reads only the rows of one kernel version, where tables have kernel
    /// versions. `version` is the parameter of the query that contains the version, such as `$2`.
    /// An index finds the events of these rows.
    pub(crate) fn query_of_version(&self, query: &str, version: &str) -> String {
        self.query_of(query, Some(version))
    }

    fn query_of(&self, query: &str, version: Option<&str>) -> String {
        let Self::Past(PastState {
            generation,
            tables: journaled,
            ..
        }) = self
        else {
            return query.to_owned();
        };
        let rows_of = |JournaledTable { name, has_version }: &JournaledTable| {
            let version = version
                .filter(|_| *has_version)
                .map(|parameter| format!(", version => {parameter}::text"))
                .unwrap_or_default();
            format!("{name} AS (SELECT * FROM {name}_at(generation => {generation}{version}))")
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
