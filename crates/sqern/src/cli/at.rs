//! `--at`: the answer as it was.

use clap::Args;
use sqern_db::AsOf;
use sqern_db::as_of::Past;
use sqern_model::At;
use tokio_postgres::Client;

use super::Context;
use super::kver::time;
use crate::failure::Failure;
use crate::printer::Record;

/// Of every list.
#[derive(Debug, Args)]
pub(super) struct AtArgs {
    /// As it was after this generation, or at this time: 2026-05-01, '2026-05-01 14:30', RFC 3339; in UTC where it does not say
    #[arg(long, value_name = "GENERATION|TIME")]
    at: Option<At>,
}

impl AtArgs {
    /// The state that is asked for.
    pub(super) async fn resolve(&self, client: &Client) -> Result<AsOf, Failure> {
        match self.at {
            None => Ok(AsOf::Now),
            Some(at) => Ok(AsOf::resolve(client, at).await?),
        }
    }
}

/// Prints a list, and says which state it shows where that is not the present.
pub(super) fn list<R: Record>(context: &Context<'_>, records: &[R], as_of: &AsOf) -> Result<(), Failure> {
    match as_of {
        AsOf::Now => context.printer.list(records),
        AsOf::Past(past) => {
            context.printer.list_of(records, past)?;
            context.printer.note(&describe(past));
            Ok(())
        }
    }
}

fn describe(past: &Past) -> String {
    match past.tstamp {
        Some(_) => format!("as of generation {}, begun {}", past.generation, time(past.tstamp)),
        None => "as of before the first generation".to_owned(),
    }
}
