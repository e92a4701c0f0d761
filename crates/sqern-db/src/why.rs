//! What is behind the status of one kernel.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelVersion};
use tokio_postgres::{GenericClient, Row};

use crate::{AsOf, DbError, text};

/// How many of the newest builds and test runs are told.
const TRIES: i64 = 5;

/// A generation, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Its id.
    pub generation: i64,
    /// When it began.
    pub at: Timestamp,
    /// Who made it.
    pub username: String,
    /// Why.
    pub comment: Option<String>,
}

/// A build or a test run for a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// Its id.
    pub id: i64,
    /// For a test run: the build.
    pub build: Option<i64>,
    /// When it was started.
    pub started_at: Timestamp,
    /// The build's revision.
    pub revision: Option<String>,
    /// The build's release target.
    pub target: Option<String>,
    /// For a test run: its flavor.
    pub flavor: Option<String>,
    /// What it came to for this kernel, in upper case; none while it runs.
    pub result: Option<String>,
    /// Where its log is, as HOST:PATH.
    pub log: Option<String>,
    /// The log's last lines.
    pub tail: Option<String>,
}

/// What may be shipped for a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shipped {
    /// The revision.
    pub revision: String,
    /// The release target.
    pub target: String,
    /// Since when.
    pub at: Timestamp,
}

/// A pattern that a kernel is ignored by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IgnoredBy {
    /// The LIKE pattern.
    pub pattern: String,
    /// Why.
    pub comment: Option<String>,
}

/// The hosts of a cluster type that have a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostsOfType {
    /// The cluster type's name.
    #[serde(rename = "type")]
    pub cltype: String,
    /// How many run it.
    pub running: i64,
    /// How many have it installed, running or not.
    pub installed: i64,
}

/// What is behind the status of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What recorded it; none where the journal does not reach back so far.
    pub recorded: Option<Recorded>,
    /// The newest builds for it, the newest first.
    pub builds: Vec<Try>,
    /// The newest test runs for it, the newest first.
    pub tests: Vec<Try>,
    /// What may be shipped.
    pub available: Vec<Shipped>,
    /// The patterns that it is ignored by.
    pub ignored_by: Vec<IgnoredBy>,
    /// The hosts that have it.
    pub hosts: Vec<HostsOfType>,
}

/// When the sources of a distribution were read last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastCheck {
    /// The distribution.
    pub distro: DistroName,
    /// The time of its newest check.
    pub checked_at: Timestamp,
}

/// The newest checks of these distributions (all when empty), up to a time or now; what was never checked is left out.
pub async fn last_checks(
    client: &impl GenericClient,
    distros: &[DistroName],
    until: Option<Timestamp>,
) -> Result<Vec<LastCheck>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let query = "SELECT distro, max(checked_at) FROM crawl
        WHERE ($1::text[] = '{}' OR distro = ANY ($1)) AND checked_at <= coalesce($2::timestamptz, 'infinity')
        GROUP BY distro ORDER BY distro";
    let rows = client.query(query, &[&names, &until]).await?;
    rows.iter().map(|row| Ok(LastCheck { distro: text::distro(row.get(0))?, checked_at: row.get(1) })).collect()
}

/// The kernels of this version: of these distributions, or of whichever when empty.
pub async fn kernels(
    client: &impl GenericClient,
    version: &KernelVersion,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Kernel>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let query = "SELECT distro FROM kver WHERE version = $1 AND ($2::text[] = '{}' OR distro = ANY ($2)) ORDER BY distro";
    let rows = client.query(&as_of.query(query), &[&version.as_str(), &names]).await?;
    rows.iter().map(|row| Ok(Kernel { distro: text::distro(row.get(0))?, version: version.clone() })).collect()
}

/// The kernels of these distributions (all when empty) whose version is most like an unknown one, the nearest first: three at the most.
pub async fn nearest(
    client: &impl GenericClient,
    version: &KernelVersion,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Kernel>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let query = "SELECT version, array_agg(distro ORDER BY distro) FROM kver WHERE $1::text[] = '{}' OR distro = ANY ($1) GROUP BY version";
    let rows = client.query(&as_of.query(query), &[&names]).await?;
    let near = text::nearest(version.as_str(), rows.iter().map(|row| row.get(0)));
    let of_version = |version: &String| rows.iter().find(|row| row.get::<_, &str>(0) == version);
    near.iter()
        .filter_map(of_version)
        .flat_map(|row| row.get::<_, Vec<&str>>(1).into_iter().map(move |distro| (distro, row.get::<_, &str>(0))))
        .take(3)
        .map(|(distro, version)| Ok(Kernel { distro: text::distro(distro)?, version: text::version(version)? }))
        .collect()
}

/// What is behind the status of this kernel.
pub async fn evidence(client: &impl GenericClient, kernel: &Kernel, as_of: &AsOf) -> Result<Evidence, DbError> {
    let (distro, version) = (kernel.distro.as_str(), kernel.version.as_str());
    let recorded = client.query_opt(&as_of.query(include_str!("../queries/why_recorded.sql")), &[&distro, &version]).await?;
    let builds = as_of.query(include_str!("../queries/why_builds.sql"));
    let builds = client.query(&builds, &[&distro, &version, &TRIES]).await?;
    let tests = as_of.query(include_str!("../queries/why_tests.sql"));
    let tests = client.query(&tests, &[&distro, &version, &TRIES]).await?;
    let available = as_of.query(
        "SELECT storpool_revision, release_target, tstamp FROM sp_available_kver
         WHERE distro = $1 AND version = $2 AND deleted_at = '-infinity' ORDER BY tstamp, storpool_revision, release_target",
    );
    let available = client.query(&available, &[&distro, &version]).await?;
    let ignored_by = as_of.query(
        "SELECT pattern, comment FROM kver_ignore WHERE distro = $1 AND $2 LIKE pattern AND deleted_at = '-infinity' ORDER BY pattern",
    );
    let ignored_by = client.query(&ignored_by, &[&distro, &version]).await?;
    let hosts = client.query(&as_of.query(include_str!("../queries/why_hosts.sql")), &[&distro, &version]).await?;
    Ok(Evidence {
        recorded: recorded.map(|row| Recorded {
            generation: row.get(0),
            at: row.get(1),
            username: row.get(2),
            comment: row.get(3),
        }),
        builds: builds.iter().map(one_try).collect(),
        tests: tests.iter().map(one_try).collect(),
        available: available.iter().map(|row| Shipped { revision: row.get(0), target: row.get(1), at: row.get(2) }).collect(),
        ignored_by: ignored_by.iter().map(|row| IgnoredBy { pattern: row.get(0), comment: row.get(1) }).collect(),
        hosts: hosts.iter().map(|row| HostsOfType { cltype: row.get(0), running: row.get(1), installed: row.get(2) }).collect(),
    })
}

fn one_try(row: &Row) -> Try {
    let (host, path): (Option<&str>, Option<&str>) = (row.get(7), row.get(8));
    Try {
        id: row.get(0),
        build: row.get(1),
        started_at: row.get(2),
        revision: row.get(3),
        target: row.get(4),
        flavor: row.get(5),
        result: row.get(6),
        log: host.zip(path).map(|(host, path)| format!("{host}:{path}")),
        tail: row.get(9),
    }
}
