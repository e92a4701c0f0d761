//! `sqern cust type list`: lists cluster types.

use sqern_db::cust;

use crate::cli::Context;
use crate::cli::at::AtArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::metadata::{self, ListMetadata};
use crate::printer::RowArgs;

pub(super) async fn run(
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    metadata::list(
        context.printer,
        &cust::types(&snapshot, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
