//! `sqern report risk`.

use sqern_core::reports::Trend;
use sqern_core::reports::risk::{self, RiskQuery};

use super::Source;
use super::output::ReportOutput;
use crate::error::CliError;
use crate::output::reports::risk::{RiskMetadata, page, summary};

pub(super) async fn run(
    source: &Source<'_>,
    query: &RiskQuery,
    hosts: bool,
    output: &ReportOutput<'_>,
) -> Result<(), CliError> {
    let report = risk::report(source.transaction, query, source.as_of).await?;
    let trend = match source.data.at {
        Some(end) if output.html.is_wanted() => risk::trend(source.transaction, query, end).await?,
        _ => Trend::default(),
    };
    output.page(|| page(&report, query, trend))?;
    let metadata = RiskMetadata {
        target: query.kernels.target.clone(),
        revision: query.kernels.revision.clone(),
        types: report.types.clone(),
    };
    if hosts {
        output.list(&report.hosts, &metadata)
    } else {
        output.list(&report.kernels, &metadata)
    }?;
    output.context.printer.note(&summary(&report.types));
    Ok(())
}
