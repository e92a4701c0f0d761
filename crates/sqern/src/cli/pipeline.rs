//! `sqern pipeline`: runs check, fetch, build, test and available from one file.

mod steps;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use sqern_core::follow::JournalWatch;
use sqern_core::pipeline::{PipelineFile, PipelineOutcome, StepName, WATCHED_TABLES, run_steps};

use self::steps::CommandRunner;
use super::Context;
use super::interrupt::stop_on_interrupt;
use crate::error::{CliError, ExitStatus};
use crate::output::pipeline::{PlannedStep, describe};

#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Run the steps check, fetch, build, test and available
    ///
    /// The steps run the commands sqern check, fetch, build run, test run and available add with
    /// the options of the file. The database contains the state, so an interrupted pipeline
    /// continues when it is run again. A failed step does not stop the pipeline: the next step runs
    /// with the kernels that are ready for it.
    ///
    /// Exit status: 0 if all steps succeeded for all kernels, 1 if a step failed, 2 for a usage
    /// error. With --watch, failed steps do not change the exit status: it is 0 if a signal stops
    /// the command while it waits.
    #[command(after_help = "Examples:
  sqern pipeline run nightly.toml
  sqern pipeline run nightly.toml --skip check --skip fetch
  sqern pipeline run nightly.toml --watch --skip check     # repeats the steps after changes
  sqern pipeline run nightly.toml --dry-run                # prints the commands

Example file:
  revision = \"21.0.243.620bc3729\"
  target = \"sp-lab\"
  distros = [\"debian12\", \"alma9\"]
  [fetch]
  limit = 10
  [build]
  command = \"./build-module.sh\"
  jobs = 2
  time-limit = \"20m\"
  [test]
  command = \"./smoke-test.sh\"
  flavor = \"smoke\"")]
    Run {
        /// Pipeline file
        file: PathBuf,
        /// Step to skip (repeatable)
        #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(StepName::ALL.map(StepName::as_str)).try_map(|name| name.parse::<StepName>()))]
        skip: Vec<StepName>,
        /// After the last step, wait for changes to kernels or patterns, then repeat all steps
        /// except check
        #[arg(long)]
        watch: bool,
        /// Print the commands without running them
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(
    command: PipelineCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let PipelineCommand::Run {
        file,
        mut skip,
        watch,
        dry_run,
    } = command;
    let pipeline = PipelineFile::read(&file)?;
    if dry_run {
        let steps: Vec<PlannedStep> = pipeline.steps(&skip).iter().map(Into::into).collect();
        context.printer.value(&steps, || describe(&steps))?;
        return Ok(ExitStatus::Success);
    }
    let (runner, stop) = (CommandRunner { context }, stop_on_interrupt());
    if !watch {
        return exit(run_steps(&pipeline.steps(&skip), &runner, &stop).await);
    }
    let database = context.database();
    loop {
        // Created before the steps, so that changes during the steps are not missed.
        let mut journal = JournalWatch::new(&database, &WATCHED_TABLES).await?;
        exit(run_steps(&pipeline.steps(&skip), &runner, &stop).await)?;
        // The next check by any program wakes the pipeline.
        skip.push(StepName::Check);
        context
            .printer
            .note("waiting for changes to kernels or patterns");
        tokio::select! {
            () = stop.cancelled() => return Ok(ExitStatus::Success),
            changed = journal.changed() => changed?,
        }
    }
}

fn exit(outcome: PipelineOutcome) -> Result<ExitStatus, CliError> {
    match outcome {
        PipelineOutcome::Succeeded => Ok(ExitStatus::Success),
        PipelineOutcome::Failed => Ok(ExitStatus::Failed),
        PipelineOutcome::Interrupted => Err(CliError::failed("interrupted")
            .hint("sqern pipeline run FILE  # continues the pipeline")),
    }
}
