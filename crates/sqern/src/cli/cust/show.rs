//! `sqern cust show`: lists the kernels of each host of a cluster.

use serde::Serialize;
use sqern_core::customers::HEADER;
use sqern_db::cust::{self, Cluster, HostFilter};
use sqern_model::{ClusterName, counted};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Format, Record};

/// A kernel of a host, as in the CSV format of reports.
#[derive(Debug, Serialize)]
struct HostKernel {
    cluster: String,
    #[serde(rename = "type")]
    cltype: String,
    host: String,
    distro: String,
    version: String,
    current: bool,
}

impl Record for HostKernel {
    const SCHEMA: &'static str = "cust.show/1";
    const COLUMNS: &'static [&'static str] = &HEADER;
    fn cells(&self) -> Vec<String> {
        let Self { cluster, cltype, host, distro, version, current } = self;
        let current = if host.is_empty() { String::new() } else { current.to_string() };
        [cluster, cltype, host, distro, version].into_iter().cloned().chain([current]).collect()
    }
}

pub(super) async fn run(name: &ClusterName, at: &AtArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let (session, as_of) = super::begin(at, context).await?;
    let client = &session.client;
    let Cluster { name, cltype, hosts, kernels, .. } = super::require(cust::get(client, name, &as_of).await)?;
    let filter = HostFilter { clusters: vec![name.clone()], ..HostFilter::default() };
    let mut rows = Vec::new();
    for host in cust::hosts(client, &filter, &as_of).await? {
        rows.extend(host.installed.iter().map(|version| HostKernel {
            cluster: name.to_string(),
            cltype: cltype.clone(),
            host: host.name.to_string(),
            distro: host.distro.to_string(),
            version: version.to_string(),
            current: host.running.as_ref() == Some(version),
        }));
    }
    if rows.is_empty() && context.printer.format() == Format::Csv {
        // In a report, this line is a cluster without hosts.
        let [host, distro, version] = [const { String::new() }; 3];
        rows.push(HostKernel { cluster: name.to_string(), cltype: cltype.clone(), host, distro, version, current: false });
    }
    at::list(context, &rows, &Frame::from(&as_of))?;
    if context.printer.format() == Format::Table {
        context.printer.note(&format!("{name} ({cltype}): {}, {}", counted(hosts, "host"), counted(kernels, "kernel")));
    }
    Ok(Exit::Done)
}
