//! The end of runs: renewed leases, results, and abandoned runs.

use jiff::Timestamp;
use sqern_db::SqlClient;
use sqern_db::change::Finished;
use sqern_db::run as db;
use sqern_model::{KernelResult, RunKind, RunResult};
use tokio_postgres::{Client, Transaction};

use crate::{ChangeOptions, Error, owner};

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishRequest {
    /// The kind of the run.
    pub kind: RunKind,
    /// The id of the run.
    pub id: i64,
    /// The result of the run.
    pub result: RunResult,
    /// The kernels with a different result.
    pub kernels: Vec<KernelResult>,
}

/// Finishes a run and records its result.
///
/// # Errors
///
/// Returns [`Error::Run`] if the run does not exist, has already finished, or does not contain a
/// named kernel.
pub async fn finish(
    client: &mut Client,
    request: &FinishRequest,
    options: &ChangeOptions,
) -> Result<Finished, Error> {
    let FinishRequest {
        kind,
        id,
        result,
        kernels,
    } = request;
    let change = sqern_db::change::begin(client, &options.comment).await?;
    let finished = db::finish(&change.transaction, *kind, *id, *result, kernels).await;
    finished.map_err(|error| Error::run(*kind, error))?;
    Ok(change.finish(options.dry_run).await?)
}

/// Renews the lease of a run. Returns the time at which it expires.
///
/// # Errors
///
/// Returns [`Error::Run`] if the run does not exist or has already finished.
pub async fn renew(client: &impl SqlClient, kind: RunKind, id: i64) -> Result<Timestamp, Error> {
    db::renew(client, kind, id)
        .await
        .map_err(|error| Error::run(kind, error))
}

/// Closes abandoned runs as ABORTED: those with an expired lease, and those of a process of this
/// machine that no longer exists. Returns their ids.
///
/// # Errors
///
/// Returns an error of the database.
pub async fn sweep(transaction: &Transaction<'_>, kind: RunKind) -> Result<Vec<i64>, Error> {
    db::sweep(transaction, kind, owner::is_dead)
        .await
        .map_err(|error| Error::run(kind, error))
}
