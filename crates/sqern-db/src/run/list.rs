//! Runs that were, and that are under way.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{Kernel, RunKind, VersionRule};
use tokio_postgres::{GenericClient, Row};

use super::sql;
use crate::{AsOf, DbError, text};

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this revision.
    pub revision: Option<String>,
    /// For this release target.
    pub target: Option<String>,
    /// Only those without a result.
    pub open: bool,
    /// At most so many, the newest first.
    pub limit: Option<i64>,
}

/// Whether somebody answers for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Liveness {
    /// It has ended.
    #[serde(rename = "finished")]
    Ended,
    /// Its lease holds.
    #[serde(rename = "running")]
    Held,
    /// It has no result, and nobody answers for it.
    #[serde(rename = "expired")]
    Left,
}

/// A build or a test run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: i64,
    /// When it was started.
    pub started_at: Timestamp,
    /// Its result, in upper case; none while it runs.
    pub result: Option<String>,
    /// Whether somebody answers for it.
    pub state: Liveness,
    /// Until when its lease holds, where it has one.
    pub expires_at: Option<Timestamp>,
    /// Who runs it, where it has a lease.
    pub owner: Option<String>,
    /// `sp_build.storpool_revision`.
    pub revision: Option<String>,
    /// `sp_build.release_target`.
    pub target: Option<String>,
    /// `sp_build.dockernel_profile`.
    pub profile: Option<String>,
    /// `sp_build.change_id`.
    pub change_id: Option<String>,
    /// `sp_build.jenkins_job`.
    pub jenkins_job: Option<String>,
    /// `sp_build.official`.
    pub official: bool,
    /// For a test run: the build.
    pub build: Option<i64>,
    /// For a test run: `sp_test.test_flavor`.
    pub flavor: Option<String>,
    /// For a test run: `sp_test.test_cluster`.
    pub cluster: Option<String>,
    /// How many kernels it is for.
    pub kernels: i64,
    /// How many of them have succeeded.
    pub succeeded: i64,
    /// How many have another result.
    pub failed: i64,
}

/// A kernel of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunKernel {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// What the run came to for it, in upper case: its own result, else that of the whole; none while it runs.
    pub result: Option<String>,
    /// Whether that is its own.
    pub is_own: bool,
}

/// A kernel of a run with its log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedKernel {
    /// The kernel and its result.
    #[serde(flatten)]
    pub kernel: RunKernel,
    /// What the command wrote, where one was run by sqern.
    pub log: Option<RunLog>,
}

/// What a command wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLog {
    /// Where the whole log is: the host.
    pub host: String,
    /// Where the whole log is: the file.
    pub path: String,
    /// How long the command took.
    pub seconds: f64,
    /// Its exit status; none where a signal ended it.
    pub exit_status: Option<i32>,
    /// Its last lines.
    pub tail: String,
}

const COLUMNS: &str = "r.id, r.tstamp, upper(r.result), l.expires_at, l.owner,
    r.result IS NULL AND coalesce(l.expires_at, r.tstamp + interval '1 day') > now(),
    r.storpool_revision, r.release_target, r.dockernel_profile, r.change_id, r.jenkins_job, r.official,
    r.build_id, r.test_flavor, r.test_cluster, count(k.id), count(k.id) FILTER (WHERE coalesce(k.success, r.success)),
    count(k.id) FILTER (WHERE NOT coalesce(k.success, r.success))";

const FROM: &str = "FROM {runs} AS r LEFT JOIN {run}_lease AS l ON l.{id} = r.id
    LEFT JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity'";

/// All columns but those of kernels, by which rows are grouped.
const GROUP: &str = "GROUP BY r.id, r.tstamp, r.result, r.success, l.expires_at, l.owner, r.storpool_revision, r.release_target,
    r.dockernel_profile, r.change_id, r.jenkins_job, r.official, r.build_id, r.test_flavor, r.test_cluster";

/// The runs that `filter` lets through, the newest first.
pub async fn list(client: &impl GenericClient, kind: RunKind, filter: &Filter, as_of: &AsOf) -> Result<Vec<Run>, DbError> {
    let text = format!(
        "SELECT {COLUMNS} {FROM}
         WHERE ($1::text IS NULL OR r.storpool_revision = $1) AND ($2::text IS NULL OR r.release_target = $2)
           AND (NOT $3 OR r.result IS NULL)
         {GROUP} ORDER BY r.id DESC LIMIT $4"
    );
    let query = as_of.query(&sql(kind, &text));
    let rows = client.query(&query, &[&filter.revision, &filter.target, &filter.open, &filter.limit]).await?;
    Ok(rows.iter().map(run).collect())
}

/// One run; fails where it is not known, or marked as deleted.
pub async fn get(client: &impl GenericClient, kind: RunKind, id: i64) -> Result<Run, DbError> {
    let row = client.query_opt(&sql(kind, &format!("SELECT {COLUMNS} {FROM} WHERE r.id = $1 {GROUP}")), &[&id]).await?;
    row.as_ref().map(run).ok_or_else(|| DbError::Unknown { what: kind.noun(), got: id.to_string(), near: vec![] })
}

fn run(row: &Row) -> Run {
    let result: Option<String> = row.get(2);
    let state = match (result.is_some(), row.get(5)) {
        (true, _) => Liveness::Ended,
        (false, true) => Liveness::Held,
        (false, false) => Liveness::Left,
    };
    Run {
        id: row.get(0),
        started_at: row.get(1),
        result,
        state,
        expires_at: row.get(3),
        owner: row.get(4),
        revision: row.get(6),
        target: row.get(7),
        profile: row.get(8),
        change_id: row.get(9),
        jenkins_job: row.get(10),
        official: row.get(11),
        build: row.get(12),
        flavor: row.get(13),
        cluster: row.get(14),
        kernels: row.get(15),
        succeeded: row.get(16),
        failed: row.get(17),
    }
}

/// The kernels of a run, by distro, the newest first. None where there is no such run.
pub async fn kernels(client: &impl GenericClient, kind: RunKind, id: i64, as_of: &AsOf) -> Result<Vec<RunKernel>, DbError> {
    let query = "SELECT k.distro, k.version, upper(coalesce(k.result, r.result)), k.result IS NOT NULL
         FROM {runs} AS r JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity' WHERE r.id = $1";
    let rows = client.query(&as_of.query(&sql(kind, query)), &[&id]).await?;
    let mut kernels = rows.iter().map(run_kernel).collect::<Result<Vec<_>, _>>()?;
    sort(&mut kernels, |one| &one.kernel);
    Ok(kernels)
}

impl RunLog {
    /// The kernels of a run with their logs.
    pub async fn of(client: &impl GenericClient, kind: RunKind, id: i64) -> Result<Vec<LoggedKernel>, DbError> {
        let query = "SELECT k.distro, k.version, upper(coalesce(k.result, r.result)), k.result IS NOT NULL,
                 g.host, g.path, g.seconds, g.exit_status, g.tail
             FROM {runs} AS r JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity'
             LEFT JOIN {kvers}_log AS g ON g.{kver_id} = k.id WHERE r.id = $1";
        let rows = client.query(&sql(kind, &query.replace("{kver_id}", kver_id(kind))), &[&id]).await?;
        let read = |row: &Row| {
            let host: Option<String> = row.get(4);
            let log =
                host.map(|host| Self { host, path: row.get(5), seconds: row.get(6), exit_status: row.get(7), tail: row.get(8) });
            Ok(LoggedKernel { kernel: run_kernel(row)?, log })
        };
        let mut kernels = rows.iter().map(read).collect::<Result<Vec<_>, DbError>>()?;
        sort(&mut kernels, |one| &one.kernel.kernel);
        Ok(kernels)
    }
}

/// The column by which a log refers to a run's kernel.
pub(super) fn kver_id(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Build => "build_kver_id",
        RunKind::Test => "test_kver_id",
    }
}

fn run_kernel(row: &Row) -> Result<RunKernel, DbError> {
    let kernel = Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? };
    Ok(RunKernel { kernel, result: row.get(2), is_own: row.get(3) })
}

fn sort<T>(items: &mut [T], kernel: impl Fn(&T) -> &Kernel) {
    items.sort_by(|a, b| {
        let (a, b) = (kernel(a), kernel(b));
        a.distro.cmp(&b.distro).then_with(|| VersionRule::of(&a.distro).cmp(&b.version, &a.version))
    });
}
