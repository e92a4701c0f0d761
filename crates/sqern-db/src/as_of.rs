//! The state that a question is about: the present, or that as of a generation.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::At;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Transaction};

use crate::DbError;

/// The tables that have a history.
const JOURNALLED: [&str; 13] = [
    "distro",
    "kver",
    "kver_seen",
    "kver_fetched",
    "kver_ignore",
    "cust_cluster",
    "cust_host_kver",
    "sp_build",
    "sp_build_kver",
    "sp_test",
    "sp_test_kver",
    "sp_test_result",
    "sp_available_kver",
];

/// The state that a list is asked for.
///
/// As of a generation means: all generations up to it in the order of `generation_position()`, which stands each at its last change,
/// so that what depends on another comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// As it is.
    Now,
    /// As it was.
    Past(Past),
}

/// A generation that a list was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// The last generation that counts; 0 when it is before the first.
    pub generation: i64,
    /// When it began; null for 0.
    pub tstamp: Option<Timestamp>,
}

/// A transaction that sees one state, whatever it asks and however long it takes, and changes nothing: what numbers that must agree
/// are read in.
pub async fn snapshot(client: &mut Client) -> Result<Transaction<'_>, DbError> {
    Ok(client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?)
}

/// Which state data is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DataState {
    /// The last generation that counts; 0 when there is none.
    pub generation: i64,
    /// The time that the state holds at: of the question, or that the generation began at; null for 0.
    pub at: Option<Timestamp>,
}

impl fmt::Display for DataState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "as of generation {} ({})", self.generation, at.strftime("%Y-%m-%d %H:%M:%SZ")),
            None => write!(f, "as of generation {}", self.generation),
        }
    }
}

impl AsOf {
    /// Which state this is, as the transaction sees it.
    pub async fn state(&self, client: &impl GenericClient) -> Result<DataState, DbError> {
        let Self::Past(Past { generation, tstamp }) = self else {
            // The last event is of the generation that stands last in the order of the history.
            let query = "SELECT coalesce((SELECT generation FROM event ORDER BY id DESC LIMIT 1), 0), now()";
            let row = client.query_one(query, &[]).await?;
            return Ok(DataState { generation: row.get(0), at: Some(row.get(1)) });
        };
        Ok(DataState { generation: *generation, at: *tstamp })
    }

    /// The state at a moment: a generation must be known, a time stands for the last generation that began at it or before.
    pub async fn resolve(client: &impl GenericClient, at: At) -> Result<Self, DbError> {
        let generation = match at {
            At::Generation(id) => id,
            At::Time(time) => client.query_one("SELECT generation_at($1)", &[&time]).await?.get(0),
        };
        let row = client.query_opt("SELECT tstamp FROM generation WHERE id = $1", &[&generation]).await?;
        if row.is_none() && generation != 0 {
            return Err(DbError::Unknown { what: "generation", got: generation.to_string(), near: vec![] });
        }
        Ok(Self::Past(Past { generation, tstamp: row.map(|row| row.get(0)) }))
    }

    /// `body`, a query over the tables of the present, as a query over those of this state.
    ///
    /// A common table expression hides the table of its name, so that one text answers for both. It covers `generation`, `event`,
    /// `kver_ignored` and each journalled table; not `kver_package` and `crawl`, which have no history.
    pub(crate) fn query(&self, body: &str) -> String {
        let Self::Past(Past { generation, .. }) = self else { return body.to_owned() };
        let rows_of = |table: &str| format!("{table} AS (SELECT * FROM {table}_at(generation => {generation}))");
        let mut tables = vec![
            format!(
                "generation AS (SELECT g.* FROM public.generation AS g
                 WHERE generation_position(g.id) <= generation_position({generation}) AND {generation} > 0)"
            ),
            "event AS (SELECT e.* FROM public.event AS e WHERE e.generation IN (SELECT id FROM generation))".to_owned(),
        ];
        tables.extend(JOURNALLED.map(rows_of));
        tables.push(
            "kver_ignored AS (SELECT DISTINCT kver.distro, kver.version FROM kver JOIN kver_ignore AS i
             ON i.distro = kver.distro AND i.deleted_at = '-infinity' AND kver.version LIKE i.pattern)"
                .to_owned(),
        );
        format!("WITH {}\n{body}", tables.join(",\n"))
    }
}
