//! `sqern cust report`: prints a report about this host.

use std::io;
use std::path::Path;

use clap::Args;
use sqern_core::customers::{MODULES_DIR, Report, ReportedCluster, this_host};
use sqern_model::escape::escape_json;
use sqern_model::{ClusterName, DistroName, TypeWord};

use crate::cli::Context;
use crate::cli::sources::SourcesArgs;
use crate::error::{CliError, ExitStatus};
use crate::host_distro::detect_distro;
use crate::printer::Format;

/// Print a report about this host for sqern cust load, without a database
///
/// The host name and the running kernel are those of uname. The installed kernels are those with
/// modules in /lib/modules. The distribution is detected with the library sp-variant, or from
/// /etc/os-release.
///
/// A report must contain every host of its clusters. Combine the reports of all hosts of a cluster
/// before loading them (docs/guides/customers.md). --csv and --csv-raw print the same report.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern cust report --cluster acme-1 --type production
  sqern cust report --cluster acme-1 --csv | tail -n +2    # without the header")]
pub(in crate::cli) struct ReportArgs {
    /// Cluster of this host [default: the host name]
    #[arg(long, value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// Cluster type, by name or number (sqern cust type list)
    #[arg(long = "type", value_name = "TYPE", default_value = "production")]
    cltype: String,
    /// Distribution [default: detected]
    #[arg(long, value_name = "NAME")]
    distro: Option<DistroName>,
    #[command(flatten)]
    sources: SourcesArgs,
}

pub(super) fn run(args: ReportArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let ReportArgs {
        cluster,
        cltype,
        distro,
        sources,
    } = args;
    let distro = match distro {
        Some(distro) => distro,
        None => detect_distro(&sources.load(context)?).map_err(|error| {
            CliError::failed(error.to_string()).hint("sqern cust report --distro NAME")
        })?,
    };
    let host = this_host(distro, Path::new(MODULES_DIR))?;
    let name = cluster.map_or_else(|| ClusterName::new(host.name.as_str()), Ok);
    let name = name.map_err(|error| CliError::failed(error.to_string()))?;
    let cluster = ReportedCluster {
        name,
        cltype: TypeWord(cltype),
        hosts: vec![host],
    };
    // The file is the input of cust load, so that values in CSV have no prefix.
    if let Format::Csv { .. } = context.printer.format() {
        context.printer.data(&cluster.to_csv()?)?;
        return Ok(ExitStatus::Success);
    }
    let report = Report {
        clusters: vec![cluster],
    };
    let text = match context.printer.format() {
        Format::Json => serde_json::to_string(&report),
        Format::Table | Format::Csv { .. } => serde_json::to_string_pretty(&report),
    };
    let text = text.map_err(io::Error::from)?;
    context.printer.data(&escape_json(&text))?;
    Ok(ExitStatus::Success)
}
