//! Loads: record a report as clusters and hosts.

use serde::Serialize;
use sqern_db::change::{self, Finished};
use sqern_db::cust::load::{self as db, Change, CompareError, Counts, Totals};
use sqern_db::{AsOf, cust, distro};
use sqern_model::{Shrink, counted};
use tokio_postgres::Client;

use super::input::ReportFormat;
use super::invalid::InvalidReport;
use super::reader::{CompleteReport, ReportReader, ReportSource};
use super::rows::KnownNames;
use crate::{ChangeOptions, Error, Progress};

/// The maximum number of blocks of rows that wait for the database.
const MAX_PENDING_BLOCKS: usize = 4;

/// The options of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadRequest {
    /// The format of the report; `None` to detect it from the file name or the content.
    pub format: Option<ReportFormat>,
    /// Whether clusters that the report does not contain remain.
    pub partial: bool,
    /// Whether a report that deletes too many clusters or hosts is accepted.
    pub accept_shrink: bool,
    /// The maximum number of changes in the outcome.
    pub max_changes: i64,
}

/// An event of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEvent {
    /// The report is being read.
    Reading,
    /// The report is being compared with the database.
    Comparing,
    /// The changes are being recorded.
    Recording {
        /// The number of changes.
        changes: i64,
    },
}

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOutcome {
    /// The numbers of changes.
    pub totals: Totals,
    /// The number of all changes.
    pub total_changes: i64,
    /// The first changes.
    pub changes: Vec<Change>,
    /// The generation.
    pub finished: Finished,
    /// For a dry run, the reason why the load would be rejected.
    pub shrink: Option<ReportShrink>,
}

/// The deletions of a report that deletes too many clusters or hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReportShrink {
    /// The deleted clusters.
    pub clusters: Shrink,
    /// The deleted hosts.
    pub hosts: Shrink,
}

impl ReportShrink {
    /// Returns the deletions of a report, if they exceed the limit.
    fn of(totals: &Totals) -> Option<Self> {
        let shrink = Self {
            clusters: totals.cluster_shrink,
            hosts: totals.host_shrink,
        };
        (shrink.clusters.is_too_much() || shrink.hosts.is_too_much()).then_some(shrink)
    }

    /// Returns the numbers that exceed the limit: `3 of 10 hosts`.
    pub(crate) fn excess(&self) -> String {
        let excess = |noun: &str, shrink: Shrink| {
            shrink
                .is_too_much()
                .then(|| format!("{} of {}", shrink.removed, counted(shrink.live, noun)))
        };
        [excess("cluster", self.clusters), excess("host", self.hosts)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" and ")
    }
}

/// Records a report: adds new clusters, hosts and kernels, updates changed ones, and marks absent
/// ones as deleted.
///
/// # Errors
///
/// Returns [`Error::InvalidReport`] or [`Error::ReportConflict`] for an invalid report, and
/// [`Error::ReportShrink`] for one that deletes too many clusters or hosts. A dry run returns the
/// latter as part of the outcome. After an error, nothing is changed.
pub async fn load(
    client: &mut Client,
    source: ReportSource,
    request: &LoadRequest,
    options: &ChangeOptions,
    progress: &impl Progress<LoadEvent>,
) -> Result<LoadOutcome, Error> {
    change::require_writer(client).await?;
    progress.report(LoadEvent::Reading);
    let report = receive(client, source, request.format).await?;
    progress.report(LoadEvent::Comparing);
    let change = change::begin(client, &options.comment).await?;
    let is_csv = report.format == ReportFormat::Csv;
    let compared = db::compare(&change.transaction, request.partial, is_csv).await;
    let totals = compared.map_err(|error| match error {
        CompareError::Db(error) => Error::Db(error),
        error => Error::ReportConflict { error, is_csv },
    })?;
    let total_changes = total_changes(&totals);
    let mut changes = Vec::new();
    if total_changes > 0 {
        changes = db::changes(&change.transaction, request.max_changes).await?;
    }
    let shrink = ReportShrink::of(&totals).filter(|_| !request.accept_shrink);
    if let Some(shrink) = shrink.filter(|_| !options.dry_run) {
        return Err(Error::ReportShrink(shrink));
    }
    progress.report(LoadEvent::Recording {
        changes: total_changes,
    });
    db::apply(&change.transaction, &totals).await?;
    let finished = change.finish(options.dry_run).await?;
    Ok(LoadOutcome {
        totals,
        total_changes,
        changes,
        finished,
        shrink,
    })
}

/// Copies the rows of a report into temporary tables.
async fn receive(
    client: &Client,
    source: ReportSource,
    format: Option<ReportFormat>,
) -> Result<CompleteReport, Error> {
    let types = cust::types(client, &AsOf::Now).await?;
    let distros = distro::list(client, &AsOf::Now).await?;
    let known = KnownNames::new(&types, distros.into_iter().map(|distro| distro.name));
    let name = source.name();
    let (sender, mut blocks) = tokio::sync::mpsc::channel(MAX_PENDING_BLOCKS);
    let reader = ReportReader::start(source, format, known, sender);
    let mut result = None;
    db::receive(client, &mut blocks, || {
        result.insert(reader.finish()).is_ok()
    })
    .await?;
    let result = result.unwrap_or_else(|| {
        Err(InvalidReport::new(
            "could not read the report: the reader returned no result",
        ))
    });
    result.map_err(|error| Error::InvalidReport { name, error })
}

/// Returns the number of changes.
fn total_changes(totals: &Totals) -> i64 {
    let Totals {
        clusters,
        host_kernels,
        new_kernels,
        ..
    } = totals;
    let total =
        |counts: &Counts| counts.added + counts.changed + counts.brought_back + counts.removed;
    total(clusters) + total(host_kernels) + new_kernels
}
