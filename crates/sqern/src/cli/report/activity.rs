//! `sqern report activity`.

use sqern_core::reports::activity;
use sqern_model::{At, DistroName};

use super::Source;
use super::output::ReportOutput;
use crate::error::CliError;
use crate::output::reports::activity::{ActivityMetadata, page};

pub(super) async fn run(
    source: &Source<'_>,
    since: At,
    distros: &[DistroName],
    kernels: bool,
    output: &ReportOutput<'_>,
) -> Result<(), CliError> {
    let report = activity::report(source.transaction, since, distros, source.as_of).await?;
    output.page(|| page(&report, distros))?;
    let metadata = ActivityMetadata {
        after: report.after,
    };
    if kernels {
        output.list(&report.kernels, &metadata)
    } else {
        output.list(&report.generations, &metadata)
    }
}
