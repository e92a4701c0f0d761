//! `sqern cust type list`: lists cluster types.

use sqern_db::cust::{self, ClusterType};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, ListMetadata};
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Record, RowArgs};

impl Record for ClusterType {
    const SCHEMA: &'static str = "cust.type.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::name("name"),
        Column::number("clusters"),
    ];
}

pub(super) async fn run(
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (session, as_of) = super::begin(at, context).await?;
    at::list(
        context,
        &cust::types(&session.client, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
