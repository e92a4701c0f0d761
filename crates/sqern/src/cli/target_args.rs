//! The options `--target` and `--revision` of reports.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use sqern_core::reports::ReportQuery;
use sqern_model::DistroName;

/// Selects the builds and the available modules to consider.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetArgs {
    /// Consider only this release target [default: all]
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
    pub(super) target: Option<String>,
    /// Consider only this revision [default: all]
    #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
    pub(super) revision: Option<String>,
}

impl TargetArgs {
    /// Returns the query for these distributions.
    pub(super) fn query(&self, distros: &[DistroName]) -> ReportQuery {
        ReportQuery {
            distros: distros.to_vec(),
            target: self.target.clone(),
            revision: self.revision.clone(),
        }
    }
}
