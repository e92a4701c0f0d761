//! `sqern source list`: sources with the results of their last crawls.

use sqern_core::sources;
use sqern_db::crawl;
use sqern_model::{DistroName, SourceSet};

use crate::cli::Context;
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

pub(super) async fn run(
    distros: &[DistroName],
    set: &SourceSet,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let selected = sources::select(set, distros)?;
    let last_crawls = match context.open().await {
        Ok(session) => crawl::last(&session.client).await?,
        Err(failure) => {
            context.printer.warning(&format!(
                "results of the last check are omitted: {}",
                failure.message()
            ));
            Vec::new()
        }
    };
    context
        .printer
        .list(&sources::statuses(&selected, &last_crawls), rows)?;
    Ok(ExitStatus::Success)
}
