//! `sqern report coverage`.

use sqern_core::reports::{ReportQuery, Trend, coverage};

use super::Source;
use super::output::ReportOutput;
use crate::error::CliError;
use crate::output::reports::coverage::{kernels as kernel_rows, page};

pub(super) async fn run(
    source: &Source<'_>,
    query: &ReportQuery,
    kernels: bool,
    output: &ReportOutput<'_>,
) -> Result<(), CliError> {
    let with_kernels = kernels || output.html.is_wanted();
    let report = coverage::report(source.transaction, query, with_kernels, source.as_of).await?;
    let trend = match source.data.at {
        Some(end) if output.html.is_wanted() => {
            coverage::trend(source.transaction, query, end).await?
        }
        _ => Trend::default(),
    };
    output.page(|| page(&report, query, trend))?;
    if kernels {
        output.list(&kernel_rows(&report), &())
    } else {
        output.list(&report.distros, &())
    }
}
