//! Recorded runs.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::run::{self as db, LoggedKernel, Run, RunKernel};
use sqern_db::{AsOf, SqlClient};
use sqern_model::RunKind;
use tokio_postgres::Client;

use crate::Error;

/// A run with its kernels.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunDetails {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// The kernels with their results and logs.
    #[serde(rename = "of")]
    pub kernels: Vec<LoggedKernel>,
}

/// Returns the kernels of a run.
///
/// # Errors
///
/// Returns [`Error::Run`] if the run does not exist now. An earlier state without the run has no
/// kernels.
pub async fn kernels(
    client: &impl SqlClient,
    kind: RunKind,
    id: i64,
    as_of: &AsOf,
) -> Result<Vec<RunKernel>, Error> {
    let kernels = db::kernels(client, kind, id, as_of).await?;
    if kernels.is_empty() && *as_of == AsOf::Now {
        db::get(client, kind, id)
            .await
            .map_err(|error| Error::run(kind, error))?;
    }
    Ok(kernels)
}

/// Returns a run with its kernels.
///
/// # Errors
///
/// Returns [`Error::Run`] if the run does not exist.
pub async fn show(client: &Client, kind: RunKind, id: i64) -> Result<RunDetails, Error> {
    let run = db::get(client, kind, id)
        .await
        .map_err(|error| Error::run(kind, error))?;
    Ok(RunDetails {
        run,
        kernels: db::logged_kernels(client, kind, id).await?,
    })
}
