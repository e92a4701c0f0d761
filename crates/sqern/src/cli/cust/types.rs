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
    let (session, as_of) = super::begin(at, context).await?;
    metadata::list(
        context.printer,
        &cust::types(&session.client, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
