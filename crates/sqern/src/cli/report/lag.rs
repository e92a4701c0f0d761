//! `sqern report lag`.

use sqern_core::reports::{ReportQuery, lag};

use super::Source;
use super::output::ReportOutput;
use crate::error::CliError;
use crate::output::reports::lag::page;

pub(super) async fn run(
    source: &Source<'_>,
    query: &ReportQuery,
    months: bool,
    kernels: bool,
    output: &ReportOutput<'_>,
) -> Result<(), CliError> {
    let report = lag::report(source.transaction, query, source.as_of).await?;
    output.page(|| page(&report, query))?;
    if kernels {
        output.list(&report.kernels, &())
    } else {
        output.list(
            if months {
                &report.months
            } else {
                &report.distros
            },
            &(),
        )
    }
}
