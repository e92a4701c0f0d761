//! Builds and tests: tables `sp_build`, `sp_build_kver`, `sp_test`, `sp_test_kver`, `sp_test_result`, and their leases and logs.
//!
//! Both kinds have the same life: planned, started over some kernels, finished with a result, and with one for each kernel that differs
//! from the whole. What runs holds its kernels until its lease ends.

mod claim;
mod list;
mod plan;

use std::time::Duration;

use jiff::Timestamp;
use sqern_model::{Kernel, KernelName, KernelResult, RunKind, RunResult};
use tokio_postgres::{GenericClient, Transaction};

use crate::{DbError, text};

pub use claim::claim;
pub use list::{Filter, Liveness, LoggedKernel, Run, RunKernel, RunLog, get, kernels, list};
pub use plan::{Candidate, PlanFilter, has_input, plan};

/// A run that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewRun {
    /// A build.
    Build(NewBuild),
    /// A test run over a build's packages.
    Test {
        /// The build.
        build: i64,
        /// The kind of tests.
        flavor: Option<String>,
        /// The cluster that they run on.
        cluster: Option<String>,
    },
}

/// A build that is to be started: the fields of `sp_build`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewBuild {
    /// The version string of the source tree.
    pub storpool_revision: Option<String>,
    /// The suite that it is meant for.
    pub release_target: Option<String>,
    /// The build containers' profile.
    pub dockernel_profile: Option<String>,
    /// The change under review that it is of.
    pub change_id: Option<String>,
    /// The job that runs it.
    pub jenkins_job: Option<String>,
    /// Whether it is to be released.
    pub official: bool,
}

/// Who runs it, and for how long that is believed without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// How long each renewal lasts.
    pub lasts: Duration,
    /// Who: `HOST:PID`, or a job's name.
    pub owner: String,
}

/// The error of finishing a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database reported an error.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The run already has a result.
    #[error("{kind} {id} has already finished with result {result}")]
    Finished {
        /// What it is.
        kind: RunKind,
        /// Its id.
        id: i64,
        /// Its result.
        result: String,
    },
    /// The named kernel does not belong to the run, or the name is ambiguous.
    #[error("kernel {got} {why}")]
    Kernel {
        /// What it is.
        kind: RunKind,
        /// Its id.
        id: i64,
        /// The name of the kernel.
        got: String,
        /// The predicate of the message.
        why: String,
    },
}

impl From<tokio_postgres::Error> for RunError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The words of one kind in a statement: `{run}` its table, `{kvers}` that of its kernels, `{id}` the column by which that refers to it,
/// `{runs}` a subquery of the live runs in one form for both kinds.
fn sql(kind: RunKind, template: &str) -> String {
    const BUILDS: &str = "(SELECT b.id, b.tstamp, b.result, b.success, b.storpool_revision, b.release_target, b.dockernel_profile,
            b.change_id, b.jenkins_job, b.official, NULL::bigint AS build_id, NULL::text AS test_flavor, NULL::text AS test_cluster
        FROM sp_build AS b WHERE b.deleted_at = '-infinity')";
    const TESTS: &str = "(SELECT t.id, t.tstamp, r.result, r.success, b.storpool_revision, b.release_target, b.dockernel_profile,
            b.change_id, b.jenkins_job, b.official, t.build_id, t.test_flavor, t.test_cluster
        FROM sp_test AS t JOIN sp_build AS b ON b.id = t.build_id
        LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
        WHERE t.deleted_at = '-infinity')";
    let (run, id, runs) = match kind {
        RunKind::Build => ("sp_build", "build_id", BUILDS),
        RunKind::Test => ("sp_test", "test_id", TESTS),
    };
    template.replace("{runs}", runs).replace("{run}", run).replace("{kvers}", &format!("{run}_kver")).replace("{id}", id)
}

/// Starts a run over these kernels; gives its id. They need not be claimed: what somebody else is at is not looked at.
pub async fn start(
    transaction: &Transaction<'_>,
    new: &NewRun,
    kernels: &[Kernel],
    lease: &Lease,
    now: Timestamp,
) -> Result<i64, DbError> {
    let (kind, id): (_, i64) = match new {
        NewRun::Build(build) => {
            let insert = "INSERT INTO sp_build (tstamp, storpool_revision, release_target, dockernel_profile, change_id, jenkins_job, official)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
            let NewBuild { storpool_revision, release_target, dockernel_profile, change_id, jenkins_job, official } = build;
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [&now, storpool_revision, release_target, dockernel_profile, change_id, jenkins_job, official];
            (RunKind::Build, transaction.query_one(insert, &values).await?.get(0))
        }
        NewRun::Test { build, flavor, cluster } => {
            get(transaction, RunKind::Build, *build).await?;
            let insert = "INSERT INTO sp_test (tstamp, build_id, test_flavor, test_cluster) VALUES ($1, $2, $3, $4) RETURNING id";
            (RunKind::Test, transaction.query_one(insert, &[&now, build, flavor, cluster]).await?.get(0))
        }
    };
    add_kernels(transaction, kind, id, kernels).await?;
    let seconds = lease.lasts.as_secs_f64();
    transaction
        .execute(
            &sql(
                kind,
                "INSERT INTO {run}_lease ({id}, expires_at, lease, owner)
                 VALUES ($1, now() + make_interval(secs => $2), make_interval(secs => $2), $3)",
            ),
            &[&id, &seconds, &lease.owner],
        )
        .await?;
    Ok(id)
}

async fn add_kernels(transaction: &Transaction<'_>, kind: RunKind, id: i64, kernels: &[Kernel]) -> Result<(), DbError> {
    let distros: Vec<&str> = kernels.iter().map(|kernel| kernel.distro.as_str()).collect();
    let versions: Vec<&str> = kernels.iter().map(|kernel| kernel.version.as_str()).collect();
    let insert = "INSERT INTO {kvers} ({id}, distro, version) SELECT $1, named.* FROM unnest($2::text[], $3::text[]) AS named";
    transaction.execute(&sql(kind, insert), &[&id, &distros, &versions]).await?;
    Ok(())
}

/// Says that a run's owner lives: its lease begins anew. Gives when it ends; fails where the run has ended, by its owner or because the
/// lease was over and somebody wanted its kernels.
pub async fn renew(client: &impl GenericClient, kind: RunKind, id: i64) -> Result<Timestamp, RunError> {
    let renew = "UPDATE {run}_lease SET expires_at = now() + lease WHERE {id} = $1 RETURNING expires_at";
    if let Some(row) = client.query_opt(&sql(kind, renew), &[&id]).await? {
        return Ok(row.get(0));
    }
    let run = get(client, kind, id).await?;
    let result = run.result.unwrap_or_else(|| "running without a lease".to_owned());
    Err(RunError::Finished { kind, id, result })
}

/// Ends a run: its result, and those of kernels that differ from it. The result of a kernel that has one of its own stays, unless it is
/// named.
pub async fn finish(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
    result: RunResult,
    kernels: &[KernelResult],
) -> Result<(), RunError> {
    lock_running(transaction, kind, id).await?;
    for named in kernels {
        let kernel = kernel_of(transaction, kind, id, &named.kernel).await?;
        set_result(transaction, kind, id, &kernel, named.result).await?;
    }
    match kind {
        RunKind::Build => {
            transaction.execute("UPDATE sp_build SET result = $2 WHERE id = $1", &[&id, &result.as_str()]).await?;
        }
        RunKind::Test => {
            // One that was made with the run has no result yet.
            let updated = transaction
                .execute(
                    "UPDATE sp_test_result SET result = $2 WHERE test_id = $1 AND deleted_at = '-infinity'",
                    &[&id, &result.as_str()],
                )
                .await?;
            if updated == 0 {
                let insert = "INSERT INTO sp_test_result (test_id, result) VALUES ($1, $2)";
                transaction.execute(insert, &[&id, &result.as_str()]).await?;
            }
        }
    }
    transaction.execute(&sql(kind, "DELETE FROM {run}_lease WHERE {id} = $1"), &[&id]).await?;
    Ok(())
}

/// Locks a run against another who would end it; fails where it is not known, or has ended.
async fn lock_running(transaction: &Transaction<'_>, kind: RunKind, id: i64) -> Result<(), RunError> {
    transaction.execute(&sql(kind, "SELECT FROM {run} WHERE id = $1 FOR NO KEY UPDATE"), &[&id]).await?;
    match get(transaction, kind, id).await?.result {
        Some(result) => Err(RunError::Finished { kind, id, result }),
        None => Ok(()),
    }
}

/// Returns the kernel of a run that matches a name.
async fn kernel_of(client: &impl GenericClient, kind: RunKind, id: i64, name: &KernelName) -> Result<Kernel, RunError> {
    let all: Vec<Kernel> = kernels(client, kind, id, &crate::AsOf::Now).await?.into_iter().map(|one| one.kernel).collect();
    let mut meant: Vec<&Kernel> = all.iter().filter(|kernel| name.matches(kernel)).collect();
    let unmet = |why: String| RunError::Kernel { kind, id, got: name.to_string(), why };
    match (meant.pop(), meant.pop()) {
        (Some(kernel), None) => Ok(kernel.clone()),
        (Some(one), Some(other)) => Err(unmet(format!(
            "of {kind} {id} is ambiguous: {}/{} or {}/{}",
            other.distro, other.version, one.distro, one.version
        ))),
        (None, _) => {
            let near = text::nearest(name.version.as_str(), all.iter().map(|kernel| kernel.version.as_str()));
            let meant = if near.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(" or ")) };
            Err(unmet(format!("is not part of {kind} {id}{meant}")))
        }
    }
}

/// Records what a run came to for one of its kernels, while it runs.
pub async fn finish_kernel(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
    kernel: &Kernel,
    result: RunResult,
    log: Option<&RunLog>,
) -> Result<(), RunError> {
    lock_running(transaction, kind, id).await?;
    let row = set_result(transaction, kind, id, kernel, result).await?;
    if let Some(log) = log {
        let insert = "INSERT INTO {kvers}_log ({kver_id}, host, path, seconds, exit_status, tail) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT ({kver_id}) DO UPDATE SET host = excluded.host, path = excluded.path, seconds = excluded.seconds,
             exit_status = excluded.exit_status, tail = excluded.tail";
        let insert = sql(kind, &insert.replace("{kver_id}", list::kver_id(kind)));
        transaction.execute(&insert, &[&row, &log.host, &log.path, &log.seconds, &log.exit_status, &log.tail]).await?;
    }
    Ok(())
}

async fn set_result(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
    kernel: &Kernel,
    result: RunResult,
) -> Result<i64, RunError> {
    let update = "UPDATE {kvers} SET result = $4
         WHERE {id} = $1 AND distro = $2 AND version = $3 AND deleted_at = '-infinity' RETURNING id";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&id, &kernel.distro.as_str(), &kernel.version.as_str(), &result.as_str()];
    let row = transaction.query_opt(&sql(kind, update), &values).await?;
    let why = || format!("is not part of {kind} {id}");
    let row = row.ok_or_else(|| RunError::Kernel { kind, id, got: kernel.to_string(), why: why() })?;
    Ok(row.get(0))
}

/// Ends runs as ABORTED whose lease is over, and those whose owner `is_dead`; gives their ids. What another transaction is ending is left to
/// it.
pub async fn sweep(transaction: &Transaction<'_>, kind: RunKind, is_dead: impl Fn(&str) -> bool) -> Result<Vec<i64>, RunError> {
    let expired = "SELECT l.{id}, l.expires_at <= now(), l.owner FROM {run}_lease AS l ORDER BY l.{id} FOR UPDATE SKIP LOCKED";
    let mut swept = Vec::new();
    for row in transaction.query(&sql(kind, expired), &[]).await? {
        let (id, is_over, owner): (i64, bool, String) = (row.get(0), row.get(1), row.get(2));
        if is_over || is_dead(&owner) {
            match finish(transaction, kind, id, RunResult::Aborted, &[]).await {
                // Ended or marked as deleted by plain SQL: only the lease was left.
                Err(RunError::Finished { .. } | RunError::Db(DbError::Unknown { .. })) => {
                    transaction.execute(&sql(kind, "DELETE FROM {run}_lease WHERE {id} = $1"), &[&id]).await?;
                }
                finished => {
                    finished?;
                    swept.push(id);
                }
            }
        }
    }
    Ok(swept)
}
