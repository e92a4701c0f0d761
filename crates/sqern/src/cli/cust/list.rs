//! `sqern cust list`: lists clusters.

use sqern_db::{cust, distro};
use sqern_model::DistroName;

use crate::cli::Context;
use crate::cli::at::AtArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::metadata::{self, ListMetadata};
use crate::printer::RowArgs;

pub(super) async fn run(
    all: bool,
    distros: &[DistroName],
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    distro::require(&snapshot, distros, &as_of).await?;
    metadata::list(
        context.printer,
        &cust::list(&snapshot, all, distros, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
