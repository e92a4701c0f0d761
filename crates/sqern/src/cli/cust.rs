//! `sqern cust`: customers' clusters and hosts, and the kernels that they run.

mod load;
mod report;

use clap::Subcommand;
use pg_connect::Session;
use serde::Serialize;
use sqern_db::cust::{self, Cluster, ClusterType, Host, HostFilter};
use sqern_db::{AsOf, DbError};
use sqern_model::{ClusterName, DistroName, KernelVersion, counted};
use tokio_postgres::Client;

use super::Context;
use super::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Column, Format, Record, RowArgs};

#[derive(Debug, Subcommand)]
pub(super) enum CustCommand {
    Load(load::LoadArgs),
    /// List clusters with their type, number of hosts and number of kernels
    #[command(after_help = "Example:\n  sqern cust list --at 2026-05-01")]
    List {
        /// Include deleted clusters
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// List the kernels of each host of a cluster
    ///
    /// The CSV output is valid input for sqern cust load.
    #[command(after_help = "Examples:
  sqern cust show acme-1
  sqern cust show acme-1 --csv --at 2026-05-01 | sqern cust load - --partial    # restore")]
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
        /// Running or installed kernel version (repeatable) [default: all]
        #[arg(long = "kernel", value_name = "VERSION")]
        kernels: Vec<KernelVersion>,
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

impl Record for Cluster {
    const SCHEMA: &'static str = "cust.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("name"),
        Column::name("type"),
        Column::number("hosts"),
        Column::number("kernels"),
        Column::time("deleted_at").headed("deleted"),
    ];
}

impl Record for Host {
    const SCHEMA: &'static str = "cust.hosts/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("cluster"),
        Column::name("type"),
        Column::name("host"),
        Column::name("distro"),
        Column::name("running"),
        Column::text("installed"),
    ];
}

impl Record for ClusterType {
    const SCHEMA: &'static str = "cust.type.list/1";
    const COLUMNS: &'static [Column] = &[Column::number("id"), Column::name("name"), Column::number("clusters")];
}

/// A kernel of a host, as a report in CSV has it.
#[derive(Debug, Serialize)]
struct Line {
    cluster: String,
    #[serde(rename = "type")]
    cltype: String,
    host: String,
    distro: String,
    version: String,
    /// Absent in the line of a cluster without hosts.
    current: Option<bool>,
}

impl Record for Line {
    const SCHEMA: &'static str = "cust.show/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("cluster"),
        Column::name("type"),
        Column::name("host"),
        Column::name("distro"),
        Column::name("version"),
        Column::name("current"),
    ];
}

pub(super) async fn run(command: CustCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    match command {
        CustCommand::Load(args) => load::run(args, context).await,
        CustCommand::Report(args) => report::run(args, context),
        CustCommand::List { all, at, rows } => {
            let (session, as_of) = begin(&at, context).await?;
            at::list(context, &cust::list(&session.client, all, &as_of).await?, &rows, &Frame::from(&as_of))?;
            Ok(Exit::Done)
        }
        CustCommand::Show { cluster, at, rows } => {
            let (session, as_of) = begin(&at, context).await?;
            show(&session.client, cluster, &as_of, &rows, context).await
        }
        CustCommand::Hosts { clusters, kernels, distros, at, rows } => {
            let (session, as_of) = begin(&at, context).await?;
            sqern_db::distro::require(&session.client, &distros, &as_of).await?;
            for version in &kernels {
                sqern_db::kver::find(&session.client, version, &distros).await?;
            }
            for name in &clusters {
                known(cust::get(&session.client, name, &as_of).await)?;
            }
            let filter = HostFilter { clusters, distros, kernels };
            at::list(context, &cust::hosts(&session.client, &filter, &as_of).await?, &rows, &Frame::from(&as_of))?;
            Ok(Exit::Done)
        }
        CustCommand::Type(TypeCommand::List { at, rows }) => {
            let (session, as_of) = begin(&at, context).await?;
            at::list(context, &cust::types(&session.client, &as_of).await?, &rows, &Frame::from(&as_of))?;
            Ok(Exit::Done)
        }
    }
}

async fn begin(at: &AtArgs, context: &Context<'_>) -> Result<(Session, AsOf), Failure> {
    let session = context.open().await?;
    let as_of = at.resolve(&session.client).await?;
    Ok((session, as_of))
}

/// A cluster that was asked for by its name.
fn known(found: Result<Cluster, DbError>) -> Result<Cluster, Failure> {
    found.map_err(|error| {
        let is_unknown = matches!(error, DbError::Unknown { .. });
        let failure = Failure::from(error);
        if is_unknown { failure.hint("sqern cust list --all") } else { failure }
    })
}

async fn show(client: &Client, name: ClusterName, as_of: &AsOf, rows: &RowArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let Cluster { name, cltype, hosts, kernels, .. } = known(cust::get(client, &name, as_of).await)?;
    let filter = HostFilter { clusters: vec![name.clone()], ..HostFilter::default() };
    let mut lines = Vec::new();
    for host in cust::hosts(client, &filter, as_of).await? {
        lines.extend(host.installed.iter().map(|version| Line {
            cluster: name.to_string(),
            cltype: cltype.clone(),
            host: host.name.to_string(),
            distro: host.distro.to_string(),
            version: version.to_string(),
            current: Some(host.running.as_ref() == Some(version)),
        }));
    }
    if lines.is_empty() && context.printer.format() == Format::Csv {
        // As a report says that a cluster has no hosts.
        let nothing = String::new;
        let (host, distro, version) = (nothing(), nothing(), nothing());
        lines.push(Line { cluster: name.to_string(), cltype: cltype.clone(), host, distro, version, current: None });
    }
    at::list(context, &lines, rows, &Frame::from(as_of))?;
    if context.printer.format() == Format::Table {
        context.printer.note(&format!("{name} ({cltype}): {}, {}", counted(hosts, "host"), counted(kernels, "kernel")));
    }
    Ok(Exit::Done)
}
