//! `sqern report coverage`.

use sqern_core::reports::{ReportQuery, coverage};

use super::Source;
use super::output::ReportOutput;
use crate::failure::Failure;
use crate::output::reports::coverage::{kernels as kernel_rows, page};

pub(super) async fn run(
    source: &Source<'_>,
    query: &ReportQuery,
    kernels: bool,
    output: &ReportOutput<'_>,
) -> Result<(), Failure> {
    let with_hosts = kernels || output.html.is_wanted();
    let report = coverage::report(source.transaction, query, with_hosts, source.as_of).await?;
    output.page(|| page(&report))?;
    if kernels { output.list(&kernel_rows(&report), &()) } else { output.list(&report.distros, &()) }
}
