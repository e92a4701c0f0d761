//! `sqern cust list`: lists clusters.

use sqern_db::cust::{self, Cluster};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, ListMetadata};
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Record, RowArgs};

impl Record for Cluster {
    const SCHEMA: &'static str = "cust.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("name"),
        Column::name("type"),
        Column::number("hosts"),
        Column::number("kernels"),
        Column::time("deleted_at").headed("deleted"),
    ];
}

pub(super) async fn run(
    all: bool,
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (session, as_of) = super::begin(at, context).await?;
    at::list(
        context,
        &cust::list(&session.client, all, &as_of).await?,
        rows,
        &ListMetadata::from(&as_of),
    )?;
    Ok(ExitStatus::Success)
}
