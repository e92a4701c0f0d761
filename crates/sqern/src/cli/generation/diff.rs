//! `sqern generation diff`: prints the differences between 2 states.

use sqern_db::{PastState, generation};
use sqern_model::At;
use tokio_postgres::Client;

use super::super::Context;
use crate::error::{CliError, ExitStatus};
use crate::output::generation::describe_differences;
use crate::printer::{Format, RowArgs};

pub(super) async fn run(
    client: &Client,
    from: At,
    to: Option<At>,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let from = PastState::resolve(client, from).await?.generation;
    let differences = match to {
        Some(to) => {
            let to = PastState::resolve(client, to).await?.generation;
            generation::diff(client, from, to).await?
        }
        None => generation::changes(client, from).await?,
    };
    if context.printer.format() == Format::Table {
        if differences.is_empty() {
            context.printer.note("no differences");
        } else {
            context.printer.text(&describe_differences(&differences))?;
        }
    } else {
        context.printer.list(&differences, &RowArgs::default())?;
    }
    Ok(ExitStatus::Success)
}
