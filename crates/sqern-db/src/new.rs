//! What came, as the journal tells.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{At, DistroName, Kernel};
use tokio_postgres::GenericClient;

use crate::words::words;
use crate::{AsOf, DbError, text};

words! {
    /// What happened to a kernel.
    What, "a kind of activity", "queries/new.sql":
    /// It was recorded.
    Known = "known",
    /// It was seen upstream.
    Seen = "seen",
    /// Its headers were fetched.
    Fetched = "fetched",
    /// A build succeeded for it.
    Built = "built",
    /// A test succeeded for it.
    Tested = "tested",
    /// It became available.
    Available = "available",
    /// It is no longer available for a revision and target.
    Withdrawn = "withdrawn",
}

/// A kernel that came to a stage, and in which generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Came {
    /// The generation.
    pub generation: i64,
    /// When it began.
    pub tstamp: Timestamp,
    /// Who made it.
    pub username: String,
    /// Why.
    pub comment: Option<String>,
    /// What happened.
    pub what: What,
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
}

/// The generation that `since` stands for: what came after it is new. 0 for a time before the first.
pub async fn since(client: &impl GenericClient, since: At) -> Result<i64, DbError> {
    match AsOf::resolve(client, since).await? {
        AsOf::Past(past) => Ok(past.generation),
        AsOf::Now => Ok(0),
    }
}

/// What came to kernels of these distributions (all when empty) after a generation: in the order of the history, then by what
/// happened and by kernel.
pub async fn list(client: &impl GenericClient, after: i64, distros: &[DistroName], as_of: &AsOf) -> Result<Vec<Came>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let query = as_of.query(include_str!("../queries/new.sql"));
    let rows = client.query(&query, &[&after, &names]).await?;
    let mut all = rows
        .iter()
        .map(|row| {
            Ok(Came {
                generation: row.get(0),
                tstamp: row.get(1),
                username: row.get(2),
                comment: row.get(3),
                what: What::read(row.get(4))?,
                kernel: Kernel { distro: text::distro(row.get(5))?, version: text::version(row.get(6))? },
            })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    for of_generation in all.chunk_by_mut(|a, b| a.generation == b.generation) {
        of_generation.sort_unstable_by(|a, b| (a.what, &a.kernel).cmp(&(b.what, &b.kernel)));
    }
    Ok(all)
}
