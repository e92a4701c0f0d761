//! `sqern cust show`: lists the kernels of each host of a cluster.

use sqern_db::cust::{self, Cluster, HostFilter};
use sqern_model::{ClusterName, counted};

use crate::cli::Context;
use crate::cli::at::AtArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::cust::HostKernel;
use crate::output::metadata::{self, ListMetadata};
use crate::printer::{Format, RowArgs};

pub(super) async fn run(
    name: &ClusterName,
    at: &AtArgs,
    args: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    let client = &snapshot;
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
    if rows.is_empty() && matches!(context.printer.format(), Format::Csv { .. }) {
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
    metadata::list(context.printer, &rows, args, &ListMetadata::from(&as_of))?;
    if context.printer.format() == Format::Table {
        context.printer.note(&format!(
            "{name} ({cltype}): {}, {}",
            counted(hosts, "host"),
            counted(kernels, "kernel")
        ));
    }
    Ok(ExitStatus::Success)
}
