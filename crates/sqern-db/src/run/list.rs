//! Recorded runs, their kernels and their logs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelName, RunKind, RunResult, newest_first};
use tokio_postgres::Row;

use super::sql;
use crate::decode::{FromRow, column, from_row, query_optional, query_rows};
use crate::{AsOf, DbError, SqlClient, Subject};

/// The selection of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The revision; all if none.
    pub revision: Option<String>,
    /// The release target; all if none.
    pub target: Option<String>,
    /// The distributions of which a run contains a kernel; all if empty.
    pub distros: Vec<DistroName>,
    /// The kernels of which a run contains one; all if empty.
    pub kernels: Vec<KernelName>,
    /// Whether to select only runs without a result.
    pub open: bool,
    /// The time after which the runs started; all if none.
    pub since: Option<Timestamp>,
    /// The maximum number of runs, newest first; all if none.
    pub limit: Option<i64>,
}

/// Whether a run is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// The run has a result.
    Finished,
    /// The run is in progress and its lease has not expired. A run without a lease counts as in
    /// progress for a day.
    Running,
    /// The run has no result, and its lease has expired.
    Expired,
}

/// A build or a test run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Run {
    /// The id of the run.
    pub id: i64,
    /// The start time of the run.
    pub started_at: Timestamp,
    /// The result of the run; null while it is in progress.
    pub result: Option<RunResult>,
    /// Whether the run is in progress.
    pub state: Liveness,
    /// The time at which the lease expires; null without a lease.
    pub expires_at: Option<Timestamp>,
    /// The owner of the lease; null without a lease.
    pub owner: Option<String>,
    /// The revision of the build: `sp_build.storpool_revision`.
    pub revision: Option<String>,
    /// The release target of the build: `sp_build.release_target`.
    pub target: Option<String>,
    /// The profile of the build containers: `sp_build.dockernel_profile`.
    pub profile: Option<String>,
    /// The id of the change under review: `sp_build.change_id`.
    pub change_id: Option<String>,
    /// The job that ran the build: `sp_build.jenkins_job`.
    pub jenkins_job: Option<String>,
    /// Whether the modules are built for a release: `sp_build.official`.
    pub official: bool,
    /// The build that a test run tests.
    pub build: Option<i64>,
    /// The flavor of a test run: `sp_test.test_flavor`.
    pub flavor: Option<String>,
    /// The cluster of a test run: `sp_test.test_cluster`.
    pub cluster: Option<String>,
    /// The number of kernels of the run.
    pub kernels: i64,
    /// The number of kernels with result SUCCESS.
    pub succeeded: i64,
    /// The number of kernels with another result.
    pub failed: i64,
}

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let result: Option<RunResult> = column(row, "result")?;
        let state = match (result, column(row, "is_held")?) {
            (Some(_), _) => Liveness::Finished,
            (None, true) => Liveness::Running,
            (None, false) => Liveness::Expired,
        };
        Ok(Self {
            id: column(row, "id")?,
            started_at: column(row, "tstamp")?,
            result,
            state,
            expires_at: column(row, "expires_at")?,
            owner: column(row, "owner")?,
            revision: column(row, "storpool_revision")?,
            target: column(row, "release_target")?,
            profile: column(row, "dockernel_profile")?,
            change_id: column(row, "change_id")?,
            jenkins_job: column(row, "jenkins_job")?,
            official: column(row, "official")?,
            build: column(row, "build_id")?,
            flavor: column(row, "test_flavor")?,
            cluster: column(row, "test_cluster")?,
            kernels: column(row, "kernels")?,
            succeeded: column(row, "succeeded")?,
            failed: column(row, "failed")?,
        })
    }
}

/// A kernel of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunKernel {
    /// The distribution and version.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The result of the run for the kernel; null while the run is in progress.
    pub result: Option<RunResult>,
    /// Whether the result belongs to the kernel and not to the whole run.
    #[serde(rename = "is_own")]
    pub is_override: bool,
}

from_row!(RunKernel { ..kernel, result, is_override });

/// A kernel of a run with its log.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoggedKernel {
    /// The kernel and its result.
    #[serde(flatten)]
    pub kernel: RunKernel,
    /// The log of the command; null if sqern did not run the command.
    pub log: Option<RunLog>,
}

impl FromRow for LoggedKernel {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let has_log = column::<Option<&str>>(row, "host")?.is_some();
        let log = has_log.then(|| RunLog::from_row(row)).transpose()?;
        Ok(Self {
            kernel: RunKernel::from_row(row)?,
            log,
        })
    }
}

/// The log and exit status of a command.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunLog {
    /// The host that stores the whole log.
    pub host: String,
    /// The path of the whole log on the host.
    pub path: String,
    /// The duration of the command in seconds.
    pub seconds: f64,
    /// The exit status of the command; null if a signal terminated it.
    pub exit_status: Option<i32>,
    /// The last lines of the log.
    pub tail: String,
}

from_row!(RunLog {
    host,
    path,
    seconds,
    exit_status,
    tail
});

const COLUMNS: &str = "r.id, r.tstamp, upper(r.result) AS result, l.expires_at, l.owner,
    run_holds_kernels(r.result, l.expires_at, r.tstamp) AS is_held,
    r.storpool_revision, r.release_target, r.dockernel_profile, r.change_id, r.jenkins_job, r.official,
    r.build_id, r.test_flavor, r.test_cluster,
    count(k.id) AS kernels, count(k.id) FILTER (WHERE coalesce(k.success, r.success)) AS succeeded,
    count(k.id) FILTER (WHERE NOT coalesce(k.success, r.success)) AS failed";

const FROM: &str = "FROM {runs} AS r LEFT JOIN {run}_lease AS l ON l.{id} = r.id
    LEFT JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity'";

/// Groups the rows by the columns of the run and its lease.
const GROUP: &str = "GROUP BY r.id, r.tstamp, r.result, r.success, l.expires_at, l.owner, r.storpool_revision, r.release_target,
    r.dockernel_profile, r.change_id, r.jenkins_job, r.official, r.build_id, r.test_flavor, r.test_cluster";

/// Returns the runs that match `filter`, newest first.
pub async fn list(
    client: &impl SqlClient,
    kind: RunKind,
    filter: &Filter,
    as_of: &AsOf,
) -> Result<Vec<Run>, DbError> {
    let text = format!(
        "SELECT {COLUMNS} {FROM}
         WHERE ($1::text IS NULL OR r.storpool_revision = $1) AND ($2::text IS NULL OR r.release_target = $2)
           AND (NOT $3 OR r.result IS NULL) AND ($7::timestamptz IS NULL OR r.tstamp > $7)
           AND ($5::text[] = '{{}}' AND $6::text[] = '{{}}' OR EXISTS (
               SELECT FROM {{kvers}} AS selected WHERE selected.{{id}} = r.id AND selected.deleted_at = '-infinity'
                 AND (($5 = '{{}}' OR selected.distro = ANY ($5)) AND ($6 = '{{}}' OR selected.version = ANY ($6))
                      OR selected.distro || '/' || selected.version = ANY ($6))))
         {GROUP} ORDER BY r.id DESC LIMIT $4"
    );
    let Filter {
        revision,
        target,
        distros,
        kernels,
        open,
        since,
        limit,
    } = filter;
    let kernels: Vec<String> = kernels.iter().map(ToString::to_string).collect();
    query_rows(
        client,
        &as_of.query(&sql(kind, &text)),
        &[revision, target, open, limit, distros, &kernels, since],
    )
    .await
}

/// Returns the run with this id.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the run does not exist or is marked as deleted.
pub async fn get(client: &impl SqlClient, kind: RunKind, id: i64) -> Result<Run, DbError> {
    let query = sql(
        kind,
        &format!("SELECT {COLUMNS} {FROM} WHERE r.id = $1 {GROUP}"),
    );
    let run = query_optional(client, &query, &[&id]).await?;
    run.ok_or_else(|| DbError::Unknown {
        subject: Subject::Run(kind),
        got: id.to_string(),
        near: vec![],
    })
}

/// Returns the kernels of a run by distribution, newest first. The list is empty if the run does
/// not exist.
pub async fn kernels(
    client: &impl SqlClient,
    kind: RunKind,
    id: i64,
    as_of: &AsOf,
) -> Result<Vec<RunKernel>, DbError> {
    let query = "SELECT k.distro, k.version, upper(coalesce(k.result, r.result)) AS result, k.result IS NOT NULL AS is_override
         FROM {runs} AS r JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity' WHERE r.id = $1";
    let mut kernels: Vec<RunKernel> =
        query_rows(client, &as_of.query(&sql(kind, query)), &[&id]).await?;
    kernels.sort_by(|a, b| newest_first(&a.kernel, &b.kernel));
    Ok(kernels)
}

/// Returns the kernels of a run with their logs by distribution, newest first.
pub async fn logged_kernels(
    client: &impl SqlClient,
    kind: RunKind,
    id: i64,
) -> Result<Vec<LoggedKernel>, DbError> {
    let query = "SELECT k.distro, k.version, upper(coalesce(k.result, r.result)) AS result, k.result IS NOT NULL AS is_override,
                 g.host, g.path, g.seconds, g.exit_status, g.tail
             FROM {runs} AS r JOIN {kvers} AS k ON k.{id} = r.id AND k.deleted_at = '-infinity'
             LEFT JOIN {kvers}_log AS g ON g.{kver_id} = k.id WHERE r.id = $1";
    let query = sql(kind, &query.replace("{kver_id}", kver_id(kind)));
    let mut kernels: Vec<LoggedKernel> = query_rows(client, &query, &[&id]).await?;
    kernels.sort_by(|a, b| newest_first(&a.kernel.kernel, &b.kernel.kernel));
    Ok(kernels)
}

/// Returns the column of a log that refers to the kernel of a run.
pub(super) fn kver_id(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Build => "build_kver_id",
        RunKind::Test => "test_kver_id",
    }
}
