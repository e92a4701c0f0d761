//! `build show` and `test show`: print a build or a test run.

use sqern_core::runs;
use sqern_model::RunKind;

use crate::cli::Context;
use crate::error::{CliError, ExitStatus};
use crate::output::run::describe;

/// Shows a run with the result of each kernel and the last log lines of failures.
pub(in crate::cli) async fn show(
    kind: RunKind,
    id: i64,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let session = context.open().await?;
    let details = runs::show(&session.client, kind, id).await?;
    context
        .printer
        .value(&details, || describe(kind, &details))?;
    Ok(ExitStatus::Success)
}
