//! `sqern test`: what built modules are tested for.

use clap::Subcommand;
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{self, CarryArgs, ClaimArgs, Fields, FinishArgs, ListArgs, TestFields, Tested, What};
use crate::failure::{Exit, Failure};

const KIND: RunKind = RunKind::Test;

#[derive(Debug, Subcommand)]
pub(super) enum TestCommand {
    /// List the kernels to test: those of the newest successful build, without a successful test; what customers run comes first
    #[command(after_help = "Examples:
  sqern test plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern test plan --build 12 --flavor smoke --json")]
    Plan {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        tested: Tested,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Begin a test run that somebody else carries out, and print its id
    ///
    /// It is over the packages of one build: that of the first kernel in the plan, unless --build says which. With --claim, kernels are
    /// taken that nobody else tests. Prints nothing where there is nothing to test.
    #[command(after_help = "Examples:
  id=$(sqern test start --build 12 --flavor smoke --cluster lab-3 --claim 10)
  sqern test finish \"$id\" SUCCESS")]
    Start {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        fields: TestFields,
        #[command(flatten)]
        claim: ClaimArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Run a command for each kernel of the plan, and record what came of it
    ///
    /// A test run for each build that has kernels in the plan, one after the other; with --claim or --build for one. As sqern build run,
    /// with SQERN_TEST_ID, SQERN_FLAVOR and SQERN_CLUSTER besides; SQERN_BUILD_ID is the build that is tested.
    ///
    /// Exit status: 0 when all succeeded or there was nothing to do, 1 otherwise.
    #[command(after_help = "Example:\n  sqern test run --target sp-lab --flavor smoke --jobs 2 --command './smoke-test.sh'")]
    Run {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        fields: TestFields,
        #[command(flatten)]
        carry: CarryArgs,
    },
    /// Say that a test run still runs: its lease begins anew
    #[command(after_help = "Example:\n  sqern test renew 7")]
    Renew {
        /// The test run's id, as start printed it
        id: i64,
    },
    /// End a test run with its result
    #[command(after_help = "Example:\n  sqern test finish 7 UNSTABLE --kernel 6.1.0-25-amd64=FAILURE")]
    Finish(FinishArgs),
    /// List test runs, newest first
    #[command(
        after_help = "Examples:\n  sqern test list --open\n  sqern test list --revision 21.0.243.620bc3729 --limit 0 --csv"
    )]
    List(ListArgs),
    /// List the kernels of a test run, each with its result
    #[command(after_help = "Examples:\n  sqern test kernels 7\n  sqern test kernels 7 --csv")]
    Kernels {
        /// The test run's id
        id: i64,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show a test run with its kernels, and the last lines of what failed
    #[command(after_help = "Example:\n  sqern test show 7")]
    Show {
        /// The test run's id
        id: i64,
    },
}

impl TestCommand {
    pub(super) fn gives_list(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::List(_) | Self::Kernels { .. } | Self::Run { .. })
    }
}

pub(super) async fn run(command: TestCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    match command {
        TestCommand::Plan { what, tested, limit } => run::plan(KIND, &what, &tested, limit, context).await,
        TestCommand::Start { what, fields, claim, change } => {
            run::start(&Fields::Test(fields), &what, &claim, &change, context).await
        }
        TestCommand::Run { what, fields, carry } => run::carry_builds(&fields, &what, &carry, context).await,
        TestCommand::Renew { id } => run::renew(KIND, id, context).await,
        TestCommand::Finish(args) => run::finish(KIND, &args, context).await,
        TestCommand::List(args) => run::list(KIND, &args, context).await,
        TestCommand::Kernels { id, at } => run::kernels(KIND, id, &at, context).await,
        TestCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
