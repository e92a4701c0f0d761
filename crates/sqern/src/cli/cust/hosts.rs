//! `sqern cust hosts`: lists hosts.

use sqern_db::cust::{self, Host, HostFilter};
use sqern_db::{distro, kver};
use sqern_model::{ClusterName, DistroName, KernelVersion};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::Record;

impl Record for Host {
    const SCHEMA: &'static str = "cust.hosts/1";
    const COLUMNS: &'static [&'static str] = &["cluster", "type", "host", "distro", "running", "installed"];
    fn cells(&self) -> Vec<String> {
        let installed: Vec<&str> = self.installed.iter().map(KernelVersion::as_str).collect();
        vec![
            self.cluster.to_string(),
            self.cltype.clone(),
            self.name.to_string(),
            self.distro.to_string(),
            self.running.as_ref().map(ToString::to_string).unwrap_or_default(),
            installed.join(" "),
        ]
    }
}

pub(super) async fn run(
    clusters: Vec<ClusterName>,
    kernels: Vec<KernelVersion>,
    distros: Vec<DistroName>,
    at: &AtArgs,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let (session, as_of) = super::begin(at, context).await?;
    distro::require(&session.client, &distros, &as_of).await?;
    for version in &kernels {
        kver::find(&session.client, version, &distros).await?;
    }
    for name in &clusters {
        super::require(cust::get(&session.client, name, &as_of).await)?;
    }
    let filter = HostFilter { clusters, distros, kernels };
    at::list(context, &cust::hosts(&session.client, &filter, &as_of).await?, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}
