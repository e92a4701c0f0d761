//! `sqern cust show`: lists the kernels of each host of a cluster.

use serde::Serialize;
use sqern_db::cust::{self, Cluster, HostFilter};
use sqern_model::{ClusterName, counted};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, ListMetadata};
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Format, Record, RowArgs};

/// A kernel of a host, as in the CSV format of reports.
#[derive(Debug, Serialize)]
struct HostKernel {
    cluster: String,
    #[serde(rename = "type")]
    cltype: String,
    host: String,
    distro: String,
    version: String,
    /// Absent in the line of a cluster without hosts.
    current: Option<bool>,
}

impl Record for HostKernel {
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

pub(super) async fn run(
    name: &ClusterName,
    at: &AtArgs,
    args: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (session, as_of) = super::begin(at, context).await?;
    let client = &session.client;
    let Cluster {
        name,
        cltype,
        hosts,
        kernels,
        ..
    } = super::require(cust::get(client, name, &as_of).await)?;
    let filter = HostFilter {
        clusters: vec![name.clone()],
        ..HostFilter::default()
    };
    let mut rows = Vec::new();
    for host in cust::hosts(client, &filter, &as_of).await? {
        rows.extend(host.installed.iter().map(|version| HostKernel {
            cluster: name.to_string(),
            cltype: cltype.clone(),
            host: host.name.to_string(),
            distro: host.distro.to_string(),
            version: version.to_string(),
            current: Some(host.running.as_ref() == Some(version)),
        }));
    }
    if rows.is_empty() && context.printer.format() == Format::Csv {
        // In a report, this line is a cluster without hosts.
        let [host, distro, version] = [const { String::new() }; 3];
        rows.push(HostKernel {
            cluster: name.to_string(),
            cltype: cltype.clone(),
            host,
            distro,
            version,
            current: None,
        });
    }
    at::list(context, &rows, args, &ListMetadata::from(&as_of))?;
    if context.printer.format() == Format::Table {
        context.printer.note(&format!(
            "{name} ({cltype}): {}, {}",
            counted(hosts, "host"),
            counted(kernels, "kernel")
        ));
    }
    Ok(ExitStatus::Success)
}
