//! Commands that builds and tests share: plan, start, run, renew, finish, list and show.

mod args;
mod execute;
mod execute_args;
mod list;
mod progress;
mod show;
mod start;

use clap::Args;
use sqern_core::runs::{self, FinishRequest, RunSelection, RunSpec};
use sqern_model::{KernelResult, RunKind, RunResult, counted};

use super::Context;
use super::change::ChangeArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::read_model::StaleProgress;
use crate::printer::{Format, RowArgs, time};

pub(super) use args::{BuildArgs, SelectionArgs, TestArgs, TestedArgs};
pub(super) use execute::{execute, run};
pub(super) use execute_args::ExecuteArgs;
pub(super) use list::{ListArgs, kernels, list};
pub(super) use show::show;
pub(super) use start::{ClaimArgs, start};

/// Lists the kernels to build or test.
pub(super) async fn plan(
    spec: &RunSpec,
    selection: &RunSelection,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let candidates = runs::plan(
        &mut session.client,
        spec,
        selection,
        &StaleProgress(context.printer),
    )
    .await?;
    let kind = spec.kind();
    if !candidates.is_empty() || context.printer.format() != Format::Table {
        context.printer.list(&candidates, rows)?;
    }
    if candidates.is_empty() {
        note_empty_plan(kind, selection, context);
    } else {
        context.printer.note(&format!(
            "{} to {}",
            counted(candidates.len(), "kernel"),
            kind.noun()
        ));
    }
    Ok(ExitStatus::Success)
}

/// Prints the note for an empty plan.
fn note_empty_plan(kind: RunKind, selection: &RunSelection, context: &Context<'_>) {
    let kernels: Vec<String> = selection.kernels.iter().map(ToString::to_string).collect();
    match kernels.first() {
        None => context.printer.note(&format!("nothing to {}", kind.noun())),
        Some(kernel) => {
            let note = format!("nothing to {} for {}", kind.noun(), kernels.join(", "));
            context.printer.note_with_hint(
                &note,
                Some(&format!("sqern why {kernel}  # explains the missing step")),
            );
        }
    }
}

/// Converts the value of an option.
fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The result of a run.
#[derive(Debug, Args)]
pub(super) struct FinishArgs {
    /// ID of the build or test run, as printed by start
    #[arg(value_parser = super::id)]
    id: i64,
    /// Overall result, and result of each kernel that no --kernel option specifies: SUCCESS,
    /// UNSTABLE, FAILURE, NOT_BUILT or ABORTED
    result: RunResult,
    /// Result of one kernel, if it differs from RESULT (repeatable)
    #[arg(long = "kernel", value_name = "[DISTRO/]VERSION=RESULT")]
    kernels: Vec<KernelResult>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Finishes a run, and prints its result.
pub(super) async fn finish(
    kind: RunKind,
    args: FinishArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let FinishArgs {
        id,
        result,
        kernels,
        change,
    } = args;
    let mut session = context.open().await?;
    let request = FinishRequest {
        kind,
        id,
        result,
        kernels,
    };
    let finished = runs::finish(&mut session.client, &request, &change.options(context)).await?;
    print_change(
        context.printer,
        &[format!("{kind} {id}: {result}")],
        finished,
        change.dry_run,
    )
}

/// Renews the lease of a run.
pub(super) async fn renew(
    kind: RunKind,
    id: i64,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let session = context.open().await?;
    let until = runs::renew(&session.client, kind, id).await?;
    context.printer.note(&format!(
        "lease of {kind} {id} renewed until {}",
        time(Some(until))
    ));
    Ok(ExitStatus::Success)
}
