//! `sqern build`: what modules are built for.

use clap::Subcommand;
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{self, BuildFields, CarryArgs, ClaimArgs, Fields, FinishArgs, ListArgs, Tested, What};
use crate::failure::{Exit, Failure};

const KIND: RunKind = RunKind::Build;

#[derive(Debug, Subcommand)]
pub(super) enum BuildCommand {
    /// List the kernels to build for: fetched, wanted, without a successful build; what customers run comes first
    #[command(after_help = "Examples:
  sqern build plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern build plan --untried --limit 20 --json")]
    Plan {
        #[command(flatten)]
        what: What,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Begin a build that somebody else carries out, and print its id
    ///
    /// With --claim, kernels are taken from the plan that nobody else is at: two who claim at once never get the same one. Prints nothing
    /// where there is nothing to build. A build whose lease is over is closed as ABORTED by the next who claims.
    #[command(after_help = "Examples:
  id=$(sqern build start --revision \"$REV\" --target sp-lab --claim 50)
  sqern build kernels \"$id\" --csv
  sqern build finish \"$id\" UNSTABLE --kernel 6.1.0-25-amd64=FAILURE
  sqern build start --revision \"$REV\" --target sp-lab --distro debian12 --kernel 6.1.0-25-amd64")]
    Start {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        fields: BuildFields,
        #[command(flatten)]
        claim: ClaimArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Run a command for each kernel of the plan, and record what came of it
    ///
    /// The command is run by /bin/sh with SQERN_DISTRO, SQERN_VERSION, SQERN_TREE (the headers: make -C "$SQERN_TREE/build"), SQERN_WORK (an
    /// empty folder of its own, removed after it), SQERN_BUILD_ID, and SQERN_REVISION, SQERN_TARGET, SQERN_PROFILE where given. Exit status 0
    /// is SUCCESS, 77 NOT_BUILT, any other FAILURE; ABORTED when its time is over. SIGINT and SIGTERM end what runs and the build as ABORTED.
    /// Exit status: 0 when all succeeded or there was nothing to do, 1 otherwise.
    #[command(after_help = "Examples:
  sqern build run --revision \"$REV\" --target sp-lab --jobs 2 --command './build-module.sh'
  sqern build run --distro debian12 --claim 3 \\
    --command 'cp -r ~/mymod/. \"$SQERN_WORK\" && make -C \"$SQERN_TREE/build\" M=\"$SQERN_WORK\"'")]
    Run {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        fields: BuildFields,
        #[command(flatten)]
        carry: CarryArgs,
    },
    /// Say that a build still runs: its lease begins anew
    #[command(after_help = "Example:\n  sqern build renew 12")]
    Renew {
        /// The build's id, as start printed it
        id: i64,
    },
    /// End a build with its result
    #[command(after_help = "Example:\n  sqern build finish 12 UNSTABLE --kernel debian12/6.1.0-25-amd64=FAILURE")]
    Finish(FinishArgs),
    /// List builds, newest first
    #[command(
        after_help = "Examples:\n  sqern build list --open\n  sqern build list --revision 21.0.243.620bc3729 --limit 0 --csv"
    )]
    List(ListArgs),
    /// List the kernels of a build, each with its result
    #[command(after_help = "Examples:\n  sqern build kernels 12\n  sqern build kernels 12 --csv")]
    Kernels {
        /// The build's id
        id: i64,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show a build with its kernels, and the last lines of what failed
    #[command(after_help = "Example:\n  sqern build show 12")]
    Show {
        /// The build's id
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
        BuildCommand::Plan { what, limit } => run::plan(KIND, &what, &Tested::default(), limit, context).await,
        BuildCommand::Start { what, fields, claim, change } => {
            run::start(&Fields::Build(fields), &what, &claim, &change, context).await
        }
        BuildCommand::Run { what, fields, carry } => run::carry(&Fields::Build(fields), &what, &carry, context).await,
        BuildCommand::Renew { id } => run::renew(KIND, id, context).await,
        BuildCommand::Finish(args) => run::finish(KIND, &args, context).await,
        BuildCommand::List(args) => run::list(KIND, &args, context).await,
        BuildCommand::Kernels { id, at } => run::kernels(KIND, id, &at, context).await,
        BuildCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
