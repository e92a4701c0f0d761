//! The recorded facts behind the state of one kernel.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelVersion, RunResult};
use tokio_postgres::Row;

use crate::decode::{FromRow, column, from_row, query_optional, query_rows};
use crate::parameter::Parameters;
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient};

/// The number of the newest builds and test runs that are returned.
const RUNS: i64 = 5;

/// The generation that recorded a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Recorded {
    /// The id of the generation.
    pub generation: i64,
    /// The time at which the generation began.
    pub at: Timestamp,
    /// The session user of the transaction.
    pub username: String,
    /// The comment of the generation.
    pub comment: Option<String>,
}

from_row!(Recorded {
    generation,
    at,
    username,
    comment
});

/// One of the newest builds or test runs for a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentRun {
    /// The id of the build or test run.
    pub id: i64,
    /// The build that a test run tests.
    pub build: Option<i64>,
    /// The start time of the run.
    pub started_at: Timestamp,
    /// The revision of the build.
    pub revision: Option<String>,
    /// The release target of the build.
    pub target: Option<String>,
    /// The flavor of a test run.
    pub flavor: Option<String>,
    /// The result for the kernel; null while the run is in progress.
    pub result: Option<RunResult>,
    /// The location of the log as `HOST:PATH`.
    pub log: Option<String>,
    /// The last lines of the log.
    pub tail: Option<String>,
}

impl FromRow for RecentRun {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let (host, path): (Option<&str>, Option<&str>) =
            (column(row, "host")?, column(row, "path")?);
        Ok(Self {
            id: column(row, "id")?,
            build: column(row, "build")?,
            started_at: column(row, "tstamp")?,
            revision: column(row, "storpool_revision")?,
            target: column(row, "release_target")?,
            flavor: column(row, "flavor")?,
            result: column(row, "result")?,
            log: host.zip(path).map(|(host, path)| format!("{host}:{path}")),
            tail: column(row, "tail")?,
        })
    }
}

/// A revision and release target for which modules are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Availability {
    /// The revision of the modules.
    pub revision: String,
    /// The release target of the modules.
    pub target: String,
    /// The time at which the modules became available.
    pub at: Timestamp,
}

from_row!(Availability { revision = "storpool_revision", target = "release_target", at = "tstamp" });

/// A pattern that makes a kernel ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IgnoredBy {
    /// The pattern in the syntax of LIKE.
    pub pattern: String,
    /// The reason for the pattern.
    pub comment: Option<String>,
}

from_row!(IgnoredBy { pattern, comment });

/// The number of hosts of a cluster type with a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostsOfType {
    /// The name of the cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The number of hosts that run the kernel.
    pub running: i64,
    /// The number of hosts on which the kernel is installed.
    pub installed: i64,
}

from_row!(HostsOfType {
    cltype,
    running,
    installed
});

/// The recorded facts behind the state of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    /// The generation that recorded the kernel; null for a kernel that is older than the journal.
    pub recorded: Option<Recorded>,
    /// The newest builds for the kernel, newest first.
    pub builds: Vec<RecentRun>,
    /// The newest test runs for the kernel, newest first.
    pub tests: Vec<RecentRun>,
    /// The revisions and targets with available modules.
    pub available: Vec<Availability>,
    /// The patterns that make the kernel ignored.
    pub ignored_by: Vec<IgnoredBy>,
    /// The hosts with the kernel by cluster type.
    pub hosts: Vec<HostsOfType>,
}

/// Returns the kernels with this version, of all distributions if `distros` is empty.
pub async fn kernels(
    client: &impl SqlClient,
    version: &KernelVersion,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Kernel>, DbError> {
    let query = "SELECT kver.distro, kver.version FROM distro JOIN kver ON kver.distro = distro.name AND kver.version = $1
         WHERE $2::text[] = '{}' OR kver.distro = ANY ($2) ORDER BY kver.distro";
    let query = as_of.query_of_version(query, "$1");
    query_rows(client, &query, &[version, &distros]).await
}

/// Returns at most 3 kernels with a version that is similar to an unknown one, the most similar
/// first. Selects all distributions if `distros` is empty.
pub async fn similar_kernels(
    client: &impl SqlClient,
    version: &KernelVersion,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Kernel>, DbError> {
    let query = "SELECT distro, version FROM kver WHERE $1::text[] = '{}' OR distro = ANY ($1) ORDER BY version, distro";
    let kernels: Vec<Kernel> = query_rows(client, &as_of.query(query), &[&distros]).await?;
    let by_version: Vec<&[Kernel]> = kernels.chunk_by(|a, b| a.version == b.version).collect();
    let near = similar_names(
        version.as_str(),
        by_version.iter().map(|kernels| kernels[0].version.as_str()),
    );
    let of_version = |version: &String| {
        by_version
            .iter()
            .find(|kernels| kernels[0].version.as_str() == version)
    };
    Ok(near
        .iter()
        .filter_map(of_version)
        .copied()
        .flatten()
        .take(3)
        .cloned()
        .collect())
}

/// Returns the recorded facts behind the state of a kernel.
pub async fn evidence(
    client: &impl SqlClient,
    kernel: &Kernel,
    as_of: &AsOf,
) -> Result<Evidence, DbError> {
    let Kernel { distro, version } = kernel;
    let past = |query| as_of.query_of_version(query, "$2");
    let recorded = past(include_str!("../queries/why_recorded.sql"));
    let builds = past(include_str!("../queries/why_builds.sql"));
    let tests = past(include_str!("../queries/why_tests.sql"));
    let available = past(
        "SELECT storpool_revision, release_target, tstamp FROM sp_available_kver
         WHERE distro = $1 AND version = $2 AND deleted_at = '-infinity' ORDER BY tstamp, storpool_revision, release_target",
    );
    let ignored_by = past(
        "SELECT pattern, comment FROM kver_ignore WHERE distro = $1 AND $2 LIKE pattern AND deleted_at = '-infinity' ORDER BY pattern",
    );
    let hosts = past(include_str!("../queries/why_hosts.sql"));
    let kernel: Parameters<'_> = &[distro, version];
    let runs: Parameters<'_> = &[distro, version, &RUNS];
    // The queries are sent together, and the server executes them in sequence.
    let (recorded, builds, tests, available, ignored_by, hosts) = tokio::try_join!(
        query_optional(client, &recorded, kernel),
        query_rows(client, &builds, runs),
        query_rows(client, &tests, runs),
        query_rows(client, &available, kernel),
        query_rows(client, &ignored_by, kernel),
        query_rows(client, &hosts, kernel),
    )?;
    Ok(Evidence {
        recorded,
        builds,
        tests,
        available,
        ignored_by,
        hosts,
    })
}
