//! Builds and tests: tables `sp_build`, `sp_build_kver`, `sp_test`, `sp_test_kver`,
//! `sp_test_result`, and their leases and logs.
//!
//! Builds and tests have the same life cycle: planned, started with kernels, and finished with a
//! result. A kernel can have another result than its run. A run in progress holds its kernels until
//! its lease expires.

mod claim;
mod list;
mod plan;

use std::time::Duration;

use jiff::Timestamp;
use sqern_model::{Kernel, KernelName, KernelResult, RunKind, RunResult};
use tokio_postgres::Transaction;

use crate::decode::{execute, from_row, query_optional_value, query_rows, query_value};
use crate::kernel::kernel_arrays;
use crate::parameter::Parameter;
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient};

pub use claim::claim;
pub use list::{
    Filter, Liveness, LoggedKernel, Run, RunKernel, RunLog, get, kernels, list, logged_kernels,
};
pub use plan::{Candidate, PlanFilter, RunSelection, has_input, plan};

/// A run to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewRun {
    /// A build, which creates packages.
    Build(NewBuild),
    /// A test run of the packages of a build.
    Test {
        /// The id of the build.
        build: i64,
        /// The kind of tests.
        flavor: Option<String>,
        /// The cluster on which the tests run.
        cluster: Option<String>,
    },
}

/// The fields of a new row of `sp_build`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewBuild {
    /// The version of the source tree.
    pub storpool_revision: Option<String>,
    /// The suite for which the modules are built.
    pub release_target: Option<String>,
    /// The profile of the build containers.
    pub dockernel_profile: Option<String>,
    /// The id of the change under review.
    pub change_id: Option<String>,
    /// The job that runs the build.
    pub jenkins_job: Option<String>,
    /// Whether the modules are built for a release.
    pub official: bool,
}

/// The owner of a run, and the time after which its kernels are released if the owner does not
/// renew the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The duration of each renewal.
    pub lasts: Duration,
    /// The owner: `HOST:PID`, or the name of a job.
    pub owner: String,
}

/// The error of an operation on a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database reported an error.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The run already has a result.
    #[error("{kind} {id} has already finished with result {result}")]
    Finished {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// The result of the run.
        result: RunResult,
    },
    /// The run is in progress, but was recorded without a lease.
    #[error("{kind} {id} has no lease")]
    NoLease {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
    },
    /// The named kernel does not belong to the run.
    #[error("kernel {got} is not part of {kind} {id}")]
    NotInRun {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// The name of the kernel.
        got: String,
        /// Similar versions of the run.
        near: Vec<String>,
    },
    /// The name matches several kernels of the run.
    #[error("kernel {got} of {kind} {id} is ambiguous: {} or {}", KernelName::from(.matches[0].clone()), KernelName::from(.matches[1].clone()))]
    Ambiguous {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// The name of the kernel.
        got: KernelName,
        /// The first two matches.
        matches: Box<[Kernel; 2]>,
    },
}

impl From<tokio_postgres::Error> for RunError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Returns a statement for one kind of runs. The template contains `{run}` for the table of the
/// runs, `{kvers}` for the table of their kernels, `{id}` for the column that refers to the run,
/// and `{runs}` for a subquery of the live runs with the same columns for both kinds.
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
    template
        .replace("{runs}", runs)
        .replace("{run}", run)
        .replace("{kvers}", &format!("{run}_kver"))
        .replace("{id}", id)
}

/// Starts a run with these kernels, and returns its id. The kernels need not be claimed: other runs
/// in progress with the same kernels are not checked.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the tested build does not exist.
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
            let NewBuild {
                storpool_revision,
                release_target,
                dockernel_profile,
                change_id,
                jenkins_job,
                official,
            } = build;
            let values: [&(dyn Parameter + Sync); 7] = [
                &now,
                storpool_revision,
                release_target,
                dockernel_profile,
                change_id,
                jenkins_job,
                official,
            ];
            (
                RunKind::Build,
                query_value(transaction, insert, &values).await?,
            )
        }
        NewRun::Test {
            build,
            flavor,
            cluster,
        } => {
            get(transaction, RunKind::Build, *build).await?;
            let insert = "INSERT INTO sp_test (tstamp, build_id, test_flavor, test_cluster) VALUES ($1, $2, $3, $4) RETURNING id";
            (
                RunKind::Test,
                query_value(transaction, insert, &[&now, build, flavor, cluster]).await?,
            )
        }
    };
    let (distros, versions) = kernel_arrays(kernels);
    let insert = "INSERT INTO {kvers} ({id}, distro, version) SELECT $1, named.* FROM unnest($2::text[], $3::text[]) AS named";
    execute(transaction, &sql(kind, insert), &[&id, &distros, &versions]).await?;
    let insert = "INSERT INTO {run}_lease ({id}, expires_at, lease, owner)
         VALUES ($1, now() + make_interval(secs => $2), make_interval(secs => $2), $3)";
    execute(
        transaction,
        &sql(kind, insert),
        &[&id, &lease.lasts.as_secs_f64(), &lease.owner],
    )
    .await?;
    Ok(id)
}

/// Renews the lease of a run in progress, and returns the time at which it expires.
///
/// # Errors
///
/// Returns [`RunError::Finished`] if the run has a result: of its owner, or of a program that
/// aborted it after its lease expired.
pub async fn renew(client: &impl SqlClient, kind: RunKind, id: i64) -> Result<Timestamp, RunError> {
    let renew =
        "UPDATE {run}_lease SET expires_at = now() + lease WHERE {id} = $1 RETURNING expires_at";
    if let Some(expires_at) = query_optional_value(client, &sql(kind, renew), &[&id]).await? {
        return Ok(expires_at);
    }
    Err(match get(client, kind, id).await?.result {
        Some(result) => RunError::Finished { kind, id, result },
        None => RunError::NoLease { kind, id },
    })
}

/// Finishes a run with a result, and with the results of kernels that differ from it. An existing
/// result of a kernel only changes if the kernel is named.
///
/// # Errors
///
/// Returns an error if the run does not exist or has a result, or if a name does not match exactly
/// one kernel of the run.
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
            execute(
                transaction,
                "UPDATE sp_build SET result = $2 WHERE id = $1",
                &[&id, &result],
            )
            .await?;
        }
        RunKind::Test => {
            // A row that was inserted when the test run started has no result yet.
            let update = "UPDATE sp_test_result SET result = $2 WHERE test_id = $1 AND deleted_at = '-infinity'";
            if execute(transaction, update, &[&id, &result]).await? == 0 {
                execute(
                    transaction,
                    "INSERT INTO sp_test_result (test_id, result) VALUES ($1, $2)",
                    &[&id, &result],
                )
                .await?;
            }
        }
    }
    delete_lease(transaction, kind, id).await?;
    Ok(())
}

async fn delete_lease(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
) -> Result<(), DbError> {
    execute(
        transaction,
        &sql(kind, "DELETE FROM {run}_lease WHERE {id} = $1"),
        &[&id],
    )
    .await?;
    Ok(())
}

/// Locks a run against concurrent finishes, and returns an error if it does not exist or has a
/// result.
async fn lock_running(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
) -> Result<(), RunError> {
    execute(
        transaction,
        &sql(kind, "SELECT FROM {run} WHERE id = $1 FOR NO KEY UPDATE"),
        &[&id],
    )
    .await?;
    match get(transaction, kind, id).await?.result {
        Some(result) => Err(RunError::Finished { kind, id, result }),
        None => Ok(()),
    }
}

/// Returns the kernel of a run that matches a name.
async fn kernel_of(
    client: &impl SqlClient,
    kind: RunKind,
    id: i64,
    name: &KernelName,
) -> Result<Kernel, RunError> {
    let kernels: Vec<Kernel> = kernels(client, kind, id, &AsOf::Now)
        .await?
        .into_iter()
        .map(|kernel| kernel.kernel)
        .collect();
    let mut matches: Vec<&Kernel> = kernels
        .iter()
        .filter(|kernel| name.matches(kernel))
        .collect();
    match (matches.pop(), matches.pop()) {
        (Some(kernel), None) => Ok(kernel.clone()),
        (Some(second), Some(first)) => {
            let matches = Box::new([first.clone(), second.clone()]);
            Err(RunError::Ambiguous {
                kind,
                id,
                got: name.clone(),
                matches,
            })
        }
        (None, _) => {
            let near = similar_names(
                name.version.as_str(),
                kernels.iter().map(|kernel| kernel.version.as_str()),
            );
            Err(RunError::NotInRun {
                kind,
                id,
                got: name.to_string(),
                near,
            })
        }
    }
}

/// Records the result and log of a kernel of a run in progress.
///
/// # Errors
///
/// Returns an error if the run does not exist or has a result, or if the kernel does not belong to
/// the run.
pub async fn finish_kernel(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
    kernel: &Kernel,
    result: RunResult,
    log: Option<&RunLog>,
) -> Result<(), RunError> {
    lock_running(transaction, kind, id).await?;
    let kver_id = set_result(transaction, kind, id, kernel, result).await?;
    if let Some(log) = log {
        let insert = "INSERT INTO {kvers}_log ({kver_id}, host, path, seconds, exit_status, tail) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT ({kver_id}) DO UPDATE SET host = excluded.host, path = excluded.path, seconds = excluded.seconds,
             exit_status = excluded.exit_status, tail = excluded.tail";
        let insert = sql(kind, &insert.replace("{kver_id}", list::kver_id(kind)));
        execute(
            transaction,
            &insert,
            &[
                &kver_id,
                &log.host,
                &log.path,
                &log.seconds,
                &log.exit_status,
                &log.tail,
            ],
        )
        .await?;
    }
    Ok(())
}

/// Sets the result of a kernel of a run, and returns the id of its row.
async fn set_result(
    transaction: &Transaction<'_>,
    kind: RunKind,
    id: i64,
    kernel: &Kernel,
    result: RunResult,
) -> Result<i64, RunError> {
    let update = "UPDATE {kvers} SET result = $4
         WHERE {id} = $1 AND distro = $2 AND version = $3 AND deleted_at = '-infinity' RETURNING id";
    let values: [&(dyn Parameter + Sync); 4] = [&id, &kernel.distro, &kernel.version, &result];
    let kver_id = query_optional_value(transaction, &sql(kind, update), &values).await?;
    kver_id.ok_or_else(|| RunError::NotInRun {
        kind,
        id,
        got: kernel.to_string(),
        near: vec![],
    })
}

struct LeaseState {
    id: i64,
    is_expired: bool,
    owner: String,
}

from_row!(LeaseState {
    id,
    is_expired,
    owner
});

/// Finishes runs with result ABORTED if their lease has expired or `is_dead` returns true for their
/// owner, and returns their ids. Runs that another transaction is finishing are skipped.
pub async fn sweep(
    transaction: &Transaction<'_>,
    kind: RunKind,
    is_dead: impl Fn(&str) -> bool,
) -> Result<Vec<i64>, RunError> {
    // Most leases are neither expired nor dead. A lock would write each of their rows.
    let query =
        "SELECT l.{id} AS id, l.expires_at <= now() AS is_expired, l.owner FROM {run}_lease AS l";
    let leases: Vec<LeaseState> = query_rows(transaction, &sql(kind, query), &[]).await?;
    let is_abandoned = |lease: &LeaseState| lease.is_expired || is_dead(&lease.owner);
    let abandoned: Vec<i64> = leases
        .iter()
        .filter(|lease| is_abandoned(lease))
        .map(|lease| lease.id)
        .collect();
    if abandoned.is_empty() {
        return Ok(vec![]);
    }
    let query =
        format!("{query} WHERE l.{{id}} = ANY ($1) ORDER BY l.{{id}} FOR UPDATE SKIP LOCKED");
    let leases: Vec<LeaseState> =
        query_rows(transaction, &sql(kind, &query), &[&abandoned]).await?;
    let mut swept = Vec::new();
    for lease in leases {
        let id = lease.id;
        if is_abandoned(&lease) {
            match finish(transaction, kind, id, RunResult::Aborted, &[]).await {
                // The run was finished or marked as deleted by other SQL, which did not delete the
                // lease.
                Err(RunError::Finished { .. } | RunError::Db(DbError::Unknown { .. })) => {
                    delete_lease(transaction, kind, id).await?;
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
