//! `sqern test`: plans, runs and lists tests of built modules.

use clap::Subcommand;
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{self, ClaimArgs, ExecuteArgs, FinishArgs, ListArgs, SelectionArgs, TestArgs, TestedArgs};
use crate::failure::{Exit, Failure};

const KIND: RunKind = RunKind::Test;

#[derive(Debug, Subcommand)]
pub(super) enum TestCommand {
    /// List the kernels to test
    ///
    /// These kernels have a successful build, and that build has no successful test. Kernels that customers run come first.
    #[command(after_help = "Examples:
  sqern test plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern test plan --build 12 --flavor smoke --json")]
    Plan {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        tested: TestedArgs,
        /// Maximum number of rows [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Start a test run that another program runs, and print its id
    ///
    /// A test run covers the kernels of one build: --build, else the build of the first kernel in the plan. With --claim, it takes kernels
    /// that no other test run holds. Prints nothing if there is nothing to test.
    #[command(after_help = "Examples:
  id=$(sqern test start --build 12 --flavor smoke --cluster lab-3 --claim 10)
  sqern test finish \"$id\" SUCCESS")]
    Start {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        test: TestArgs,
        #[command(flatten)]
        claim: ClaimArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Run a command for each kernel of the plan, and record the results
    ///
    /// Each build with kernels in the plan gets its own test run, one after the other. With --claim or --build there is one test run. The
    /// command runs as in sqern build run, with these additional variables: SQERN_TEST_ID, SQERN_FLAVOR and SQERN_CLUSTER. SQERN_BUILD_ID is
    /// the tested build.
    ///
    /// Exit status: 0 if all kernels succeeded or there was nothing to test, 1 otherwise.
    #[command(after_help = "Example:\n  sqern test run --target sp-lab --flavor smoke --jobs 2 --command './smoke-test.sh'")]
    Run {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        test: TestArgs,
        #[command(flatten)]
        execution: ExecuteArgs,
    },
    /// Renew the lease of a test run
    #[command(after_help = "Example:\n  sqern test renew 7")]
    Renew {
        /// Test run id, as printed by start
        #[arg(value_parser = super::id)]
        id: i64,
    },
    /// Finish a test run and record its result
    #[command(after_help = "Example:\n  sqern test finish 7 UNSTABLE --kernel 6.1.0-25-amd64=FAILURE")]
    Finish(FinishArgs),
    /// List test runs, newest first
    #[command(
        after_help = "Examples:\n  sqern test list --open\n  sqern test list --revision 21.0.243.620bc3729 --limit 0 --csv"
    )]
    List(ListArgs),
    /// List the kernels of a test run with their results
    #[command(after_help = "Examples:\n  sqern test kernels 7\n  sqern test kernels 7 --csv")]
    Kernels {
        /// Test run id
        #[arg(value_parser = super::id)]
        id: i64,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show a test run, its kernels, and the last log lines of failed kernels
    #[command(after_help = "Example:\n  sqern test show 7")]
    Show {
        /// Test run id
        #[arg(value_parser = super::id)]
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
        TestCommand::Plan { selection, tested, limit } => run::plan(&tested.into(), selection, limit, context).await,
        TestCommand::Start { selection, test, claim, change } => {
            run::start(test.into(), selection, &claim, &change, context).await
        }
        TestCommand::Run { selection, test, execution } => run::run(test.into(), selection, execution, context).await,
        TestCommand::Renew { id } => run::renew(KIND, id, context).await,
        TestCommand::Finish(args) => run::finish(KIND, args, context).await,
        TestCommand::List(args) => run::list(KIND, &args, context).await,
        TestCommand::Kernels { id, at } => run::kernels(KIND, id, &at, context).await,
        TestCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
