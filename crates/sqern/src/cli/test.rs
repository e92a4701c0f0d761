//! `sqern test`: plans, runs and lists tests of built modules.

use clap::Subcommand;
use sqern_model::RunKind;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::run::{
    self, ClaimArgs, ExecuteArgs, FinishArgs, ListArgs, SelectionArgs, TestArgs, TestedArgs,
};
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

const KIND: RunKind = RunKind::Test;

const USAGE_START: &str = "sqern test start [OPTIONS] --claim <N>
       sqern test start [OPTIONS] --kernel <VERSION>";

#[derive(Debug, Subcommand)]
pub(super) enum TestCommand {
    /// List the kernels to test
    ///
    /// A kernel with a successful build needs a test until a test of this build succeeds. Kernels
    /// of a test run in progress are excluded. With --revision, --target or --profile, only builds
    /// with these values count. Kernels that customers run come first.
    #[command(after_help = "Examples:
  sqern test plan --revision 21.0.243.620bc3729 --target sp-lab
  sqern test plan --build 12 --flavor smoke --json")]
    Plan {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        tested: TestedArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Start a test run for an external program, and print the test run ID
    ///
    /// A test run contains kernels of one build, by default the build of the first kernel in the
    /// plan. With --claim, it claims kernels of the plan that no other test run has claimed. If no
    /// kernel needs a test, no ID is printed. With --kernel instead, it contains these kernels, which
    /// must belong to the same build, even if they are already tested or claimed.
    ///
    /// Each start first aborts the test runs whose lease has expired.
    #[command(override_usage = USAGE_START, after_help = "Examples:
  id=$(sqern test start --build 12 --flavor smoke --cluster lab-3 --claim 10)
  sqern test finish \"$id\" SUCCESS")]
    #[command(mut_arg("kernels", |arg| arg.help("Kernel of the test run, written as [DISTRO/]VERSION; with --claim, kernel that can be claimed (repeatable)")))]
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
    /// Starts a separate test run for each build with kernels in the plan, in sequence. With --build
    /// or --limit, starts one test run; without --build, it contains only kernels of the build of
    /// the first kernel in the plan.
    ///
    /// The environment and the results of the command are those of sqern build run. SQERN_BUILD_ID
    /// is the ID of the tested build.
    ///
    /// Exit status: 0 if all results are SUCCESS or no kernel needs a test, 1 for any other result
    /// or if no build has succeeded, 2 for a usage error, 130 after SIGINT, 143 after SIGTERM.
    #[command(after_help = "Additional environment of the command:
  SQERN_TEST_ID   test run ID
  SQERN_FLAVOR    test flavor, if specified
  SQERN_CLUSTER   cluster, if specified

Example:\n  sqern test run --target sp-lab --flavor smoke --jobs 2 --command './smoke-test.sh'")]
    Run {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        test: TestArgs,
        #[command(flatten)]
        execution: ExecuteArgs,
    },
    /// Renew the lease of a test run
    ///
    /// The lease then expires one full duration after the renewal.
    #[command(after_help = "Example:\n  sqern test renew 7")]
    Renew {
        /// Test run ID, as printed by start
        #[arg(value_parser = super::id)]
        id: i64,
    },
    /// Finish a test run and record its result
    #[command(after_help = "Examples:
  sqern test finish 7 SUCCESS
  sqern test finish 7 SUCCESS --kernel debian12/6.1.0-25-amd64=FAILURE    # one kernel failed")]
    Finish(FinishArgs),
    /// List test runs, newest first
    ///
    /// Prints 20 rows unless --limit is specified.
    #[command(
        after_help = "Examples:\n  sqern test list --open\n  sqern test list --revision 21.0.243.620bc3729 --limit 0 --csv"
    )]
    #[command(mut_arg("open", |open| open.help("List only test runs in progress")))]
    List(ListArgs),
    /// List the kernels of a test run with their results
    #[command(after_help = "Examples:\n  sqern test kernels 7\n  sqern test kernels 7 --csv")]
    Kernels {
        /// Test run ID
        #[arg(value_parser = super::id)]
        id: i64,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Show a test run with the result of each kernel and the last log lines of failures
    #[command(after_help = "Example:\n  sqern test show 7")]
    Show {
        /// Test run ID
        #[arg(value_parser = super::id)]
        id: i64,
    },
}

impl TestCommand {
    pub(super) fn prints_list(&self) -> bool {
        matches!(
            self,
            Self::Plan { .. } | Self::List(_) | Self::Kernels { .. } | Self::Run { .. }
        )
    }
}

pub(super) async fn run(
    command: TestCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    match command {
        TestCommand::Plan {
            selection,
            tested,
            rows,
        } => run::plan(&tested.into(), &selection.into(), &rows, context).await,
        TestCommand::Start {
            selection,
            test,
            claim,
            change,
        } => run::start(test.into(), selection, &claim, &change, context).await,
        TestCommand::Run {
            selection,
            test,
            execution,
        } => run::run(test.into(), selection, execution, context).await,
        TestCommand::Renew { id } => run::renew(KIND, id, context).await,
        TestCommand::Finish(args) => run::finish(KIND, args, context).await,
        TestCommand::List(args) => run::list(KIND, &args, context).await,
        TestCommand::Kernels { id, at, rows } => run::kernels(KIND, id, &at, &rows, context).await,
        TestCommand::Show { id } => run::show(KIND, id, context).await,
    }
}
