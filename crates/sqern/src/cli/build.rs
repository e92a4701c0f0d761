//! `sqern build`: plans, runs and lists builds.

use clap::Subcommand;
use sqern_core::runs::{BuildSpec, RunSpec};
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{self, BuildArgs, ClaimArgs, ExecuteArgs, FinishArgs, ListArgs, SelectionArgs};
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

const KIND: RunKind = RunKind::Build;

const USAGE_START: &str = "sqern build start [OPTIONS] --claim <N>
       sqern build start [OPTIONS] --kernel <VERSION>";

#[derive(Debug, Subcommand)]
pub(super) enum BuildCommand {
    /// List the kernels that need a build
    ///
    /// A fetched and wanted kernel needs a build until a build succeeds. Kernels of a build in
    /// progress are excluded. With --revision,
    /// --target or --profile, only builds with these values count. Kernels that customers run come first.
    #[command(after_help = "Examples:
  sqern build plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern build plan --untried --limit 20 --json")]
    Plan {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Start a build for an external program, and print the build ID
    ///
    /// With --claim, the build claims kernels of the plan that no other build has claimed.
    /// Concurrent claims never share a kernel. If no kernel needs a build, no ID is printed. With
    /// --kernel instead, the build contains these kernels, even if they are already built or
    /// claimed by another build.
    ///
    /// Each start first aborts the builds whose lease has expired.
    #[command(override_usage = USAGE_START, after_help = "Examples:
  id=$(sqern build start --revision \"$REV\" --target sp-lab --claim 50)
  sqern build kernels \"$id\" --csv-raw
  sqern build finish \"$id\" SUCCESS --kernel 6.1.0-25-amd64=FAILURE
  sqern build start --revision \"$REV\" --target sp-lab --distro debian12 --kernel 6.1.0-25-amd64")]
    #[command(mut_arg("kernels", |arg| arg.help("Kernel of the build, written as [DISTRO/]VERSION; with --claim, kernel that can be claimed (repeatable)")))]
    Start {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        build: BuildArgs,
        #[command(flatten)]
        claim: ClaimArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Run a command for each kernel of the plan, and record the results
    ///
    /// /bin/sh runs the command. SIGINT and SIGTERM terminate the commands and abort the build.
    ///
    /// Exit status: 0 if all results are SUCCESS or no kernel needs a build, 1 for any other result
    /// or if no headers are fetched, 2 for a usage error, 130 after SIGINT, 143 after SIGTERM.
    #[command(after_help = "Environment of the command:
  SQERN_DISTRO, SQERN_VERSION   kernel
  SQERN_TREE                    headers of the kernel, for make -C \"$SQERN_TREE/build\"
  SQERN_WORK                    empty directory, removed after the command
  SQERN_BUILD_ID                build ID
  SQERN_REVISION, SQERN_TARGET, SQERN_PROFILE   values of the options, if specified

Results:
  SUCCESS    exit status 0
  NOT_BUILT  exit status 77
  FAILURE    any other exit status, or a signal
  ABORTED    time limit exceeded

Examples:
  sqern build run --revision \"$REV\" --target sp-lab --jobs 2 --command './build-module.sh'
  sqern build run --distro debian12 --limit 3 \\
    --command 'cp -r ~/mymod/. \"$SQERN_WORK\" && make -C \"$SQERN_TREE/build\" M=\"$SQERN_WORK\"'")]
    Run {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        build: BuildArgs,
        #[command(flatten)]
        execution: ExecuteArgs,
    },
    /// Renew the lease of a build
    ///
    /// The lease then expires one full duration after the renewal.
    #[command(after_help = "Example:\n  sqern build renew 12")]
    Renew {
        /// Build ID, as printed by start
        #[arg(value_parser = super::id)]
        id: i64,
    },
    /// Finish a build and record its result
    #[command(after_help = "Examples:
  sqern build finish 12 SUCCESS
  sqern build finish 12 SUCCESS --kernel debian12/6.1.0-25-amd64=FAILURE    # one kernel failed")]
    Finish(FinishArgs),
    /// List builds, newest first
    ///
    /// Prints 20 rows unless --limit is specified.
    #[command(
        after_help = "Examples:\n  sqern build list --open\n  sqern build list --revision 21.0.243.620bc3729 --limit 0 --csv-raw"
    )]
    #[command(mut_arg("open", |open| open.help("List only builds in progress")))]
    List(ListArgs),
    /// List the kernels of a build with their results
    #[command(
        after_help = "Examples:\n  sqern build kernels 12\n  sqern build kernels 12 --csv-raw"
    )]
    Kernels {
        /// Build ID
        #[arg(value_parser = super::id)]
        id: i64,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Show a build with the result of each kernel and the last log lines of failures
    #[command(after_help = "Example:\n  sqern build show 12")]
    Show {
        /// Build ID
        #[arg(value_parser = super::id)]
        id: i64,
    },
}

impl BuildCommand {
    pub(super) fn prints_list(&self) -> bool {
        matches!(
            self,
            Self::Plan { .. } | Self::List(_) | Self::Kernels { .. } | Self::Run { .. }
        )
    }
}

pub(super) async fn run(
    command: BuildCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    match command {
        BuildCommand::Plan { selection, rows } => {
            run::plan(
                &RunSpec::Build(BuildSpec::default()),
                &selection.into(),
                &rows,
                context,
            )
            .await
        }
        BuildCommand::Start {
            selection,
            build,
            claim,
            change,
        } => run::start(build.into(), selection, &claim, &change, context).await,
        BuildCommand::Run {
            selection,
            build,
            execution,
        } => run::run(build.into(), selection, execution, context).await,
        BuildCommand::Renew { id } => run::renew(KIND, id, context).await,
        BuildCommand::Finish(args) => run::finish(KIND, args, context).await,
        BuildCommand::List(args) => run::list(KIND, &args, context).await,
        BuildCommand::Kernels { id, at, rows } => run::kernels(KIND, id, &at, &rows, context).await,
        BuildCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
