//! Reports: coverage, risk, lag and activity.
//!
//! Each report consists of summaries and of the rows that they count. Its queries use the same
//! snapshot, so a report is read in a transaction of [`snapshot`](sqern_db::snapshot).

pub mod activity;
pub mod coverage;
pub mod lag;
mod matrix;
pub mod risk;
mod trend;

use sqern_db::status::{Status, StatusFilter};
use sqern_db::{AsOf, available, distro};
use sqern_model::DistroName;
use tokio_postgres::Transaction;

use crate::Error;

pub use matrix::{Matrix, share};
pub use trend::{Trend, TrendPoint};

/// Selects the kernels, builds and available modules of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// The release target; `None` for all.
    pub target: Option<String>,
    /// The revision; `None` for all.
    pub revision: Option<String>,
}

impl ReportQuery {
    /// Returns an error if a distribution, the revision or the target does not exist.
    pub(crate) async fn require(
        &self,
        transaction: &Transaction<'_>,
        as_of: &AsOf,
    ) -> Result<(), Error> {
        distro::require(transaction, &self.distros, as_of).await?;
        Ok(available::require(
            transaction,
            self.revision.as_deref(),
            self.target.as_deref(),
        )
        .await?)
    }

    /// Returns the filter of kernels by this query.
    pub(crate) fn statuses(&self, with_hosts: bool) -> StatusFilter {
        let Self {
            distros,
            target,
            revision,
        } = self.clone();
        StatusFilter {
            distros,
            target,
            revision,
            with_hosts,
            ..StatusFilter::default()
        }
    }
}

/// Returns the state of a kernel: `wanted`, `archived`, or `ignored` if it is not archived.
#[must_use]
pub fn kernel_state(is_archived: bool, is_wanted: bool) -> &'static str {
    match (is_archived, is_wanted) {
        (true, _) => "archived",
        (false, false) => "ignored",
        (false, true) => "wanted",
    }
}

/// Returns the state of the kernel of a status.
#[must_use]
pub fn state(status: &Status) -> &'static str {
    kernel_state(status.archived, status.wanted)
}
