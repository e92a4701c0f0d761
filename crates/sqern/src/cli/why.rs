//! `sqern why`: explains the stage of a kernel.

use clap::Args;
use jiff::Timestamp;
use sqern_core::why::{WhyQuery, explain};
use sqern_model::{DistroName, KernelName};

use super::Context;
use super::at::AtArgs;
use super::target_args::TargetArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::metadata;
use crate::output::why::describe;

/// Show the stage of a kernel, and explain its missing step
///
/// For an unknown kernel, prints similar kernels and the times of the last checks.
///
/// Exit status: 0 if the kernel is known, 1 if it is unknown, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Lines of a kernel:
  known to available  time of each stage, with its package, build or test run
  reason              cause of the missing step, with the last lines of its log
  plan                rank of the kernel in the plan of the next step
  usual               usual time to complete the next step
  hosts               number of hosts on which the kernel is running or installed
  hint                command that executes the missing step, or prints details of its cause
  checked             time of the last check of the distribution

Examples:
  sqern why \"$(uname -r)\"
  sqern why 4.18.0-553.el8_10.x86_64 --distro alma8 --target sp-prod
  sqern why 6.1.0-25-amd64 --at 2026-05-01")]
pub(super) struct WhyArgs {
    /// Kernel version, as printed by uname -r, or DISTRO/VERSION
    #[arg(value_name = "KERNEL")]
    kernel: KernelName,
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    #[command(flatten)]
    of: TargetArgs,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: WhyArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let transaction = args
        .at
        .snapshot(&mut session.client, context.printer)
        .await?;
    let as_of = args.at.resolve(&transaction).await?;
    let distros = args.kernel.distros(&args.distros);
    let query = WhyQuery {
        query: args.of.query(&distros),
        until: as_of.time(),
        version: args.kernel.version,
    };
    let explanation = explain(&transaction, &query, &as_of).await?;
    let now = explanation.data.at.unwrap_or_else(Timestamp::now);
    context.printer.value(&explanation, || {
        describe(&explanation, now, context.printer.text_width())
    })?;
    context.printer.note(&explanation.data.to_string());
    metadata::warn(context.printer, &explanation.incomplete);
    Ok(if explanation.kernels.is_empty() {
        ExitStatus::Failed
    } else {
        ExitStatus::Success
    })
}
