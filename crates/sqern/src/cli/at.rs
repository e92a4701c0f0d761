//! The metadata of lists: the state of `--at`, and the sources that could not be read completely.

use clap::Args;
use sqern_core::read_model;
use sqern_db::{AsOf, PastState, crawl, snapshot};
use sqern_model::{At, DistroName};
use tokio_postgres::{Client, GenericClient, Transaction};

use crate::error::CliError;
use crate::output::metadata::ListMetadata;
use crate::output::read_model::StaleProgress;
use crate::printer::Printer;

/// Returns the state of `--since`; `None` without this option.
pub(super) async fn since(
    client: &impl GenericClient,
    since: Option<At>,
) -> Result<Option<PastState>, CliError> {
    match since {
        None => Ok(None),
        Some(at) => Ok(Some(PastState::resolve(client, at).await?)),
    }
}

/// Options that all lists share.
#[derive(Debug, Args)]
pub(super) struct AtArgs {
    /// Use the data as of this generation or time, such as 2026-05-01, '2026-05-01 14:30' (UTC) or
    /// '2 days ago' [default: now]
    #[arg(long, value_name = "GENERATION|TIME")]
    at: Option<At>,
}

impl AtArgs {
    /// Starts a snapshot for queries, with an updated read model if the state is the current one.
    pub(super) async fn snapshot<'a>(
        &self,
        client: &'a mut Client,
        printer: &Printer,
    ) -> Result<Transaction<'a>, CliError> {
        Ok(read_model::snapshot(client, self.at, &StaleProgress(printer)).await?)
    }

    /// Starts a snapshot, and returns the state that `--at` selects.
    pub(super) async fn begin<'a>(
        &self,
        client: &'a mut Client,
    ) -> Result<(Transaction<'a>, AsOf), CliError> {
        let transaction = snapshot(client).await?;
        let as_of = self.resolve(&transaction).await?;
        Ok((transaction, as_of))
    }

    /// Returns the state that `--at` selects, by default the current state.
    pub(super) async fn resolve(&self, transaction: &Transaction<'_>) -> Result<AsOf, CliError> {
        match self.at {
            None => Ok(AsOf::Now),
            Some(at) => Ok(AsOf::resolve(transaction, at).await?),
        }
    }

    /// Returns the metadata of a list of upstream data of these distributions (all if empty).
    pub(super) async fn upstream(
        &self,
        client: &impl GenericClient,
        as_of: &AsOf,
        distros: &[DistroName],
    ) -> Result<ListMetadata, CliError> {
        let time = as_of.time();
        // Without a selection, the query uses the present kernels.
        let is_meaningful = *as_of == AsOf::Now || !distros.is_empty();
        let never_checked = if is_meaningful {
            crawl::never_checked(client, distros, time).await?
        } else {
            vec![]
        };
        let incomplete = Some(crawl::incomplete(client, distros, time).await?);
        Ok(ListMetadata {
            incomplete,
            never_checked,
            ..ListMetadata::from(as_of)
        })
    }
}
