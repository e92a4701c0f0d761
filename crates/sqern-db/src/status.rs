//! How far kernels have come: the view `kver_status`, at any time.

use serde::Serialize;
use sqern_model::{DistroName, Kernel, VersionRule};
use tokio_postgres::GenericClient;

use crate::{AsOf, DbError, text};

/// The stages, each of which has those before it behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A host reported it, or somebody recorded it.
    Known,
    /// Upstream has it.
    Seen,
    /// Its headers are here.
    Fetched,
    /// A build succeeded for it.
    Built,
    /// A test succeeded for it.
    Tested,
    /// Modules for it may be shipped.
    Available,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [Self::Known, Self::Seen, Self::Fetched, Self::Built, Self::Tested, Self::Available];

    /// The word for it, as the view has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Seen => "seen",
            Self::Fetched => "fetched",
            Self::Built => "built",
            Self::Tested => "tested",
            Self::Available => "available",
        }
    }
}

/// How far a kernel has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The furthest that it has come.
    pub stage: Stage,
    /// Whether it is wanted: neither ignored nor archived.
    pub wanted: bool,
    /// What the newest build came to for it, in upper case; none while it runs, or where there is none.
    pub build_result: Option<String>,
    /// What the newest test came to for it.
    pub test_result: Option<String>,
    /// How many of customers' hosts run it.
    pub hosts_running: i64,
}

/// The view's text, so that it can be asked of another time.
const VIEW: &str = include_str!("../../../schema/functions/kver_status.sql");

/// The query of the view.
fn query() -> &'static str {
    let query = VIEW.split_once("AS\n").map_or(VIEW, |(_, rest)| rest);
    query.split_once(";\n").map_or(query, |(query, _)| query)
}

/// How far each kernel of these distributions (all when empty) had come: by distro, the newest first.
pub async fn list(client: &impl GenericClient, distros: &[DistroName], as_of: &AsOf) -> Result<Vec<Status>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let text = format!(
        "SELECT s.distro, s.version, s.stage, NOT (s.archived OR s.ignored), s.build_result, s.test_result, s.hosts_running
         FROM ({}) AS s WHERE $1::text[] = '{{}}' OR s.distro = ANY ($1)",
        query()
    );
    let mut all = Vec::new();
    for row in client.query(&as_of.query(&text), &[&names]).await? {
        let stage: &str = row.get(2);
        let found = Stage::ALL.into_iter().find(|one| one.as_str() == stage);
        let unexpected = || DbError::Unexpected { expected: "a stage", place: "kver_status.stage", got: stage.to_owned() };
        all.push(Status {
            kernel: Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? },
            stage: found.ok_or_else(unexpected)?,
            wanted: row.get(3),
            build_result: row.get(4),
            test_result: row.get(5),
            hosts_running: row.get(6),
        });
    }
    all.sort_by(|a, b| {
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        a.kernel.distro.cmp(&b.kernel.distro).then_with(newest)
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_what_stands_in_the_view() {
        assert!(query().starts_with("SELECT kver.distro") && query().trim_end().ends_with("hosts.version = kver.version"));
    }
}
