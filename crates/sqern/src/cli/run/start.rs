//! `build start` and `test start`: record a run that another program executes.

use std::time::Duration;

use clap::Args;
use sqern_core::input::parse_duration;
use sqern_core::owner::host_name;
use sqern_core::runs::{
    self, KernelChoice, Lease, RunSelection, RunSpec, StartRequest, StartedRun,
};
use sqern_model::counted;

use super::args::{SelectionArgs, with_jenkins_values};
use super::progress::RunProgress;
use crate::cli::Context;
use crate::cli::change::ChangeArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::run::Started;

/// The maximum length of the owner of a lease.
const MAX_OWNER_CHARS: usize = 200;

/// The number of kernels to claim, and the lease.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ClaimArgs {
    /// Maximum number of kernels to claim from the plan
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    claim: Option<u32>,
    /// Lease duration; the claimed kernels are released when the lease expires
    #[arg(long, value_name = "DURATION", default_value = "4h", value_parser = parse_duration)]
    lease: Duration,
}

/// Records a run that another program executes, and prints its id.
pub(in crate::cli) async fn start(
    spec: RunSpec,
    selection: SelectionArgs,
    claim: &ClaimArgs,
    change: &ChangeArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (kind, selection) = (spec.kind(), RunSelection::from(selection));
    let kernels = match claim.claim {
        Some(count) => KernelChoice::Claim {
            max_kernels: super::to_usize(count),
        },
        None if selection.kernels.is_empty() => {
            return Err(CliError::usage("either --claim or --kernel is required"));
        }
        None => KernelChoice::Named,
    };
    let request = StartRequest {
        spec: with_jenkins_values(spec, context),
        selection,
        kernels,
        lease: Lease {
            lasts: claim.lease,
            owner: owner(context),
        },
        clock: context.settings.clock(),
    };
    let mut session = context.open().await?;
    let progress = RunProgress::new(context.printer);
    let outcome = runs::start(
        &mut session.client,
        &request,
        &change.options(context),
        &progress,
    )
    .await?;
    let Some(StartedRun { id, kernels, .. }) = outcome.run else {
        super::note_empty_plan(kind, &request.selection, context);
        return Ok(ExitStatus::Success);
    };
    let started = Started {
        id,
        kernels,
        closed: outcome.abandoned,
    };
    let printed = context.printer.value(&started, || id.to_string());
    printed.map_err(|error| {
        if change.dry_run {
            return error;
        }
        let finish = format!("sqern {kind} finish {id} ABORTED  # releases its kernels");
        error
            .after(format!("{kind} {id} is recorded"))
            .hint(format!("sqern {kind} show {id}"))
            .hint(finish)
    })?;
    let verb = if change.dry_run {
        "would start"
    } else {
        "started"
    };
    context.printer.note(&format!(
        "{verb} {kind} {id} with {}",
        counted(started.kernels.len(), "kernel")
    ));
    Ok(ExitStatus::Success)
}

/// Returns the owner of the lease: the job, else this host and the command line.
fn owner(context: &Context<'_>) -> String {
    let job = context.settings.jenkins.job.clone();
    let owner =
        job.unwrap_or_else(|| format!("{}, {}", host_name(), context.settings.command_line));
    let owner: String = owner
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_OWNER_CHARS)
        .collect();
    owner.trim().to_owned()
}
