//! `sqern build`: plans, runs and lists builds.

use clap::Subcommand;
use sqern_core::runs::{BuildSpec, RunSpec};
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{self, BuildArgs, ClaimArgs, ExecuteArgs, FinishArgs, ListArgs, SelectionArgs};
use crate::failure::{Exit, Failure};

const KIND: RunKind = RunKind::Build;

#[derive(Debug, Subcommand)]
pub(super) enum BuildCommand {
    /// List the kernels to build for
    ///
    /// These kernels are fetched and wanted, and have no successful build. Kernels that customers run come first.
    #[command(after_help = "Examples:
  sqern build plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern build plan --untried --limit 20 --json")]
    Plan {
        #[command(flatten)]
        selection: SelectionArgs,
        /// Maximum number of rows [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Start a build that another program runs, and print its id
    ///
    /// With --claim, the build takes kernels of the plan that no other build holds. Concurrent claims never share a kernel. Prints nothing
    /// if there is nothing to build. A build whose lease has expired is closed as ABORTED by the next claim.
    #[command(after_help = "Examples:
  id=$(sqern build start --revision \"$REV\" --target sp-lab --claim 50)
  sqern build kernels \"$id\" --csv
  sqern build finish \"$id\" UNSTABLE --kernel 6.1.0-25-amd64=FAILURE
  sqern build start --revision \"$REV\" --target sp-lab --distro debian12 --kernel 6.1.0-25-amd64")]
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
    /// /bin/sh runs the command with these variables: SQERN_DISTRO, SQERN_VERSION, SQERN_TREE (the headers: make -C "$SQERN_TREE/build"),
    /// SQERN_WORK (an empty directory, removed afterwards), SQERN_BUILD_ID, and SQERN_REVISION, SQERN_TARGET and SQERN_PROFILE if specified.
    /// Exit status 0 is recorded as SUCCESS, 77 as NOT_BUILT, any other as FAILURE, and an exceeded time limit as ABORTED. SIGINT and SIGTERM
    /// terminate the commands and finish the build as ABORTED.
    ///
    /// Exit status: 0 if all kernels succeeded or there was nothing to build, 1 otherwise.
    #[command(after_help = "Examples:
  sqern build run --revision \"$REV\" --target sp-lab --jobs 2 --command './build-module.sh'
  sqern build run --distro debian12 --claim 3 \\
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
    #[command(after_help = "Example:\n  sqern build renew 12")]
    Renew {
        /// Build id, as printed by start
        #[arg(value_parser = super::id)]
        id: i64,
    },
    /// Finish a build and record its result
    #[command(after_help = "Example:\n  sqern build finish 12 UNSTABLE --kernel debian12/6.1.0-25-amd64=FAILURE")]
    Finish(FinishArgs),
    /// List builds, newest first
    #[command(
        after_help = "Examples:\n  sqern build list --open\n  sqern build list --revision 21.0.243.620bc3729 --limit 0 --csv"
    )]
    List(ListArgs),
    /// List the kernels of a build with their results
    #[command(after_help = "Examples:\n  sqern build kernels 12\n  sqern build kernels 12 --csv")]
    Kernels {
        /// Build id
        #[arg(value_parser = super::id)]
        id: i64,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show a build, its kernels, and the last log lines of failed kernels
    #[command(after_help = "Example:\n  sqern build show 12")]
    Show {
        /// Build id
        #[arg(value_parser = super::id)]
        id: i64,
    },
}

impl BuildCommand {
    pub(super) fn gives_list(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::List(_) | Self::Kernels { .. } | Self::Run { .. })
    }
}

pub(super) async fn run(command: BuildCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    match command {
        BuildCommand::Plan { selection, limit } => {
            run::plan(&RunSpec::Build(BuildSpec::default()), selection, limit, context).await
        }
        BuildCommand::Start { selection, build, claim, change } => {
            run::start(build.into(), selection, &claim, &change, context).await
        }
        BuildCommand::Run { selection, build, execution } => run::run(build.into(), selection, execution, context).await,
        BuildCommand::Renew { id } => run::renew(KIND, id, context).await,
        BuildCommand::Finish(args) => run::finish(KIND, args, context).await,
        BuildCommand::List(args) => run::list(KIND, &args, context).await,
        BuildCommand::Kernels { id, at } => run::kernels(KIND, id, &at, context).await,
        BuildCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
