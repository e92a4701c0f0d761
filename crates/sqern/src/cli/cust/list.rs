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
    let (session, as_of) = super::begin(at, context).await?;
    distro::require(&session.client, distros, &as_of).await?;
    metadata::list(
        context.printer,
        &cust::list(&session.client, all, distros, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
