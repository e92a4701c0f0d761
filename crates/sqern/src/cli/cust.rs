//! `sqern cust`: clusters and hosts of customers, and their kernels.

mod hosts;
mod list;
mod load;
mod report;
mod show;
mod types;

use clap::Subcommand;
use sqern_db::DbError;
use sqern_db::cust::Cluster;
use sqern_model::{ClusterName, DistroName, KernelName};

use super::Context;
use super::at::AtArgs;
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum CustCommand {
    Load(load::LoadArgs),
    /// List clusters with their type, number of hosts and number of kernels
    ///
    /// With --distro, lists only clusters with a host of one of these distributions.
    #[command(
        after_help = "Examples:\n  sqern cust list --at 2026-05-01\n  sqern cust list --distro debian12"
    )]
    List {
        /// Include deleted clusters
        #[arg(long)]
        all: bool,
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// List the kernels of each host of a cluster
    ///
    /// The output of --csv-raw is valid input for sqern cust load.
    #[command(after_help = "Examples:
  sqern cust show acme-1
  sqern cust show acme-1 --csv-raw --at 2026-05-01 | sqern cust load - --partial    # restore")]
    Show {
        /// Cluster name
        cluster: ClusterName,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// List hosts with their running and installed kernels
    #[command(after_help = "Examples:
  sqern cust hosts --cluster acme-1
  sqern cust hosts --distro alma8 --kernel 4.18.0-553.el8_10.x86_64 --csv")]
    Hosts {
        /// Cluster (repeatable) [default: all]
        #[arg(long = "cluster", value_name = "NAME")]
        clusters: Vec<ClusterName>,
        /// Running or installed kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
        #[arg(long = "kernel", value_name = "KERNEL")]
        kernels: Vec<KernelName>,
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// List cluster types
    #[command(subcommand)]
    Type(TypeCommand),
    Report(report::ReportArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum TypeCommand {
    /// List cluster types with their number of clusters
    #[command(after_help = "Example:\n  sqern cust type list")]
    List {
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
}

pub(super) async fn run(
    command: CustCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    match command {
        CustCommand::Load(args) => load::run(args, context).await,
        CustCommand::Report(args) => report::run(args, context),
        CustCommand::List {
            all,
            distros,
            at,
            rows,
        } => list::run(all, &distros, &at, &rows, context).await,
        CustCommand::Show { cluster, at, rows } => show::run(&cluster, &at, &rows, context).await,
        CustCommand::Hosts {
            clusters,
            kernels,
            distros,
            at,
            rows,
        } => hosts::run(clusters, kernels, distros, &at, &rows, context).await,
        CustCommand::Type(TypeCommand::List { at, rows }) => types::run(&at, &rows, context).await,
    }
}

/// Adds a hint to the error of an unknown cluster.
fn require(found: Result<Cluster, DbError>) -> Result<Cluster, CliError> {
    found.map_err(|error| {
        let is_unknown = matches!(error, DbError::Unknown { .. });
        let failure = CliError::from(error);
        if is_unknown {
            failure.hint("sqern cust list --all")
        } else {
            failure
        }
    })
}
