//! `sqern cust hosts`: lists hosts.

use sqern_db::cust::{self, HostFilter};
use sqern_db::kver;
use sqern_model::{ClusterName, DistroName, KernelName};

use crate::cli::Context;
use crate::cli::at::AtArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::metadata::{self, ListMetadata};
use crate::printer::RowArgs;

pub(super) async fn run(
    clusters: Vec<ClusterName>,
    kernels: Vec<KernelName>,
    distros: Vec<DistroName>,
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    kver::require(&snapshot, &distros, &kernels, &as_of).await?;
    for name in &clusters {
        super::require(cust::get(&snapshot, name, &as_of).await)?;
    }
    let filter = HostFilter {
        clusters,
        distros,
        kernels,
    };
    metadata::list(
        context.printer,
        &cust::hosts(&snapshot, &filter, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
