//! `sqern report`: the reports coverage, risk, lag and activity.

mod activity;
mod coverage;
mod lag;
mod output;
mod risk;

use clap::{Args, Subcommand};
use sqern_core::reports::risk::RiskQuery;
use sqern_db::{AsOf, DataState};
use sqern_model::{At, ClusterName, DistroName, TypeWord};
use tokio_postgres::Transaction;

use self::output::{HtmlArgs, ReportOutput};
use super::Context;
use super::at::AtArgs;
use super::target_args::TargetArgs;
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Count the kernels of each distribution by stage
    ///
    /// Each kernel counts once, at the furthest stage that it has reached: known, seen, fetched,
    /// built, tested or available. Ignored and archived kernels are counted separately.
    #[command(after_help = "Examples:
  sqern report coverage
  sqern report coverage --distro debian12 --kernels     # the counted kernels
  sqern report coverage --target sp-prod --at 2026-05-01 --csv
  sqern report coverage --html coverage.html")]
    Coverage {
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: TargetArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Report the hosts whose running or newest kernel has no available module
    ///
    /// Each row contains a kernel and the number of hosts that run it or have it as their newest
    /// kernel. Rows are ordered by cluster type and number of hosts. Ignored and archived kernels
    /// come last within a type. Hosts with only such kernels do not count as at risk.
    #[command(after_help = "Columns:
  running  number of hosts that run the kernel
  newest   number of hosts that run another kernel, but have this one as their newest
  missing  state of the missing step
  since    time from which the step is missing

Examples:
  sqern report risk
  sqern report risk --target sp-prod --type production
  sqern report risk --hosts --cluster acme-1            # the counted hosts
  sqern report risk --at 2026-05-01 --json")]
    Risk {
        /// List the hosts instead of summaries
        #[arg(long)]
        hosts: bool,
        /// Cluster (repeatable) [default: all]
        #[arg(long = "cluster", value_name = "NAME")]
        clusters: Vec<ClusterName>,
        /// Cluster type, by name or number (repeatable) [default: all]
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        #[command(flatten)]
        of: TargetArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Report how long kernels take from seen to fetched, built, tested and available
    ///
    /// Each row contains the median, the 90th percentile and the maximum duration of a step, and
    /// the number of kernels that wait for the step. Only wanted kernels count. A kernel counts as
    /// built or tested from the start of its first successful build or test run.
    #[command(after_help = "Examples:
  sqern report lag
  sqern report lag --distro debian12 --months           # also grouped by month (UTC)
  sqern report lag --kernels --csv                      # the counted kernels")]
    Lag {
        /// Also group by the month in which kernels were first seen
        #[arg(long, conflicts_with = "kernels")]
        months: bool,
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: TargetArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Count the kernels that changed stage since a generation or a time
    ///
    /// Each row contains a generation of the journal and the numbers of its kernels that became
    /// known, seen, fetched, built, tested, available or withdrawn.
    #[command(after_help = "Examples:
  sqern report activity --since 2026-05-01
  sqern report activity --since 1200 --distro debian12 --kernels
  sqern report activity --since 2026-05-01 --at 2026-06-01 --html may.html")]
    Activity {
        /// Consider only changes after this generation or time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: At,
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        common: CommonArgs,
    },
}

/// Options that all reports share.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    rows: RowArgs,
}

pub(super) async fn run(
    command: ReportCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let common = command.common();
    common.html.require_alone(context)?;
    let mut session = context.open().await?;
    let transaction = common
        .at
        .snapshot(&mut session.client, context.printer)
        .await?;
    let as_of = common.at.resolve(&transaction).await?;
    let data = as_of.state(&transaction).await?;
    let metadata = common
        .at
        .upstream(&transaction, &as_of, &common.distros)
        .await?
        .with_data(data);
    let output = ReportOutput {
        context,
        metadata: &metadata,
        html: &common.html,
        rows: &common.rows,
    };
    let source = Source {
        transaction: &transaction,
        as_of: &as_of,
        data,
    };
    match &command {
        ReportCommand::Coverage { kernels, of, .. } => {
            coverage::run(&source, &of.query(&common.distros), *kernels, &output).await
        }
        ReportCommand::Risk {
            hosts,
            clusters,
            types,
            of,
            ..
        } => {
            let query = RiskQuery {
                kernels: of.query(&common.distros),
                clusters: clusters.clone(),
                types: types.iter().cloned().map(TypeWord).collect(),
                with_hosts: *hosts || common.html.is_wanted(),
            };
            risk::run(&source, &query, *hosts, &output).await
        }
        ReportCommand::Lag {
            months,
            kernels,
            of,
            ..
        } => {
            lag::run(
                &source,
                &of.query(&common.distros),
                *months,
                *kernels,
                &output,
            )
            .await
        }
        ReportCommand::Activity { since, kernels, .. } => {
            activity::run(&source, *since, &common.distros, *kernels, &output).await
        }
    }?;
    Ok(ExitStatus::Success)
}

/// The state that a report describes.
struct Source<'a> {
    transaction: &'a Transaction<'a>,
    as_of: &'a AsOf,
    data: DataState,
}

impl ReportCommand {
    fn common(&self) -> &CommonArgs {
        match self {
            Self::Coverage { common, .. }
            | Self::Risk { common, .. }
            | Self::Lag { common, .. }
            | Self::Activity { common, .. } => common,
        }
    }
}
