//! The state that a question is about: the present, or that as of a generation.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::At;
use tokio_postgres::GenericClient;

use crate::DbError;

/// The state that a list is asked for.
///
/// As of a generation means: all generations up to it in the order of `generation_place()`, which stands each at its last change,
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

impl AsOf {
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
                 WHERE generation_place(g.id) <= generation_place({generation}) AND {generation} > 0)"
            ),
            "event AS (SELECT e.* FROM public.event AS e WHERE e.generation IN (SELECT id FROM generation))".to_owned(),
        ];
        tables.extend(
            ["distro", "kver", "kver_seen", "kver_fetched", "kver_ignore", "cust_cluster", "cust_host_kver"].map(rows_of),
        );
        tables.push(
            "kver_ignored AS (SELECT DISTINCT kver.distro, kver.version FROM kver JOIN kver_ignore AS i
             ON i.distro = kver.distro AND i.deleted_at = '-infinity' AND kver.version LIKE i.pattern)"
                .to_owned(),
        );
        format!("WITH {}\n{body}", tables.join(",\n"))
    }
}
