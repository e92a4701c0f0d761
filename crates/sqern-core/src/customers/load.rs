//! Loads: record a report as clusters and hosts.

use std::io;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sqern_db::change::{self, Finished};
use sqern_db::cust::load::{self as db, Change, CompareError, Counts, Totals};
use sqern_db::{AsOf, cust, distro};
use sqern_model::{Shrink, counted};
use tokio_postgres::{Client, Transaction};

use super::input::ReportFormat;
use super::reader::{ReportSource, read_in_thread};
use super::rows::KnownNames;
use super::stored_rows::{StoredRows, rows_of};
use crate::{ChangeOptions, Error, Progress};

/// The number of blocks that are sent without waiting for the server.
const PENDING_BLOCKS: usize = 2;

/// The options of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadRequest {
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

/// A report that was read to its end.
#[derive(Debug)]
pub struct ReceivedReport {
    format: ReportFormat,
    rows: StoredRows,
}

/// Returns the names that a report may contain.
///
/// # Errors
///
/// Returns an error if the role of the session cannot record changes.
pub async fn known_names(client: &Client) -> Result<KnownNames, Error> {
    change::require_writer(client).await?;
    let types = cust::types(client, &AsOf::Now).await?;
    let distros = distro::list(client, &AsOf::Now).await?;
    Ok(KnownNames::new(
        &types,
        distros.into_iter().map(|distro| distro.name),
    ))
}

/// Reads a report to its end. Its sender can be slow, so no connection should be open meanwhile.
/// The format is detected from the file name or the content if it is `None`.
///
/// # Errors
///
/// Returns [`Error::InvalidReport`] for an invalid report.
pub async fn receive(
    source: ReportSource,
    format: Option<ReportFormat>,
    known: KnownNames,
) -> Result<ReceivedReport, Error> {
    let name = source.name();
    let (complete, rows) = read_in_thread(source, format, known)
        .await
        .map_err(|error| Error::InvalidReport { name, error })?;
    Ok(ReceivedReport {
        format: complete.format,
        rows,
    })
}

/// Records a report: adds new clusters, hosts and kernels, updates changed ones, and marks absent
/// ones as deleted.
///
/// # Errors
///
/// Returns [`Error::ReportConflict`] for a report with duplicates, and [`Error::ReportShrink`] for
/// one that deletes too many clusters or hosts. A dry run returns the latter as part of the
/// outcome. After an error, nothing is changed.
pub async fn load(
    client: &mut Client,
    report: ReceivedReport,
    request: &LoadRequest,
    options: &ChangeOptions,
    progress: &impl Progress<LoadEvent>,
) -> Result<LoadOutcome, Error> {
    progress.report(LoadEvent::Comparing);
    let change = change::begin(client, &options.comment).await?;
    let is_csv = report.format == ReportFormat::Csv;
    insert(&change.transaction, report.rows).await?;
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

/// Inserts the rows of a report into temporary tables. A block is read and sent while the server
/// inserts the previous one.
async fn insert(transaction: &Transaction<'_>, rows: StoredRows) -> Result<(), Error> {
    let unreadable = || Error::io("could not read a temporary file");
    db::create_tables(transaction).await?;
    let insert = async |block: io::Result<String>| {
        let block = block.map_err(unreadable())?;
        let rows = rows_of(&block).map_err(unreadable())?;
        Ok::<(), Error>(db::insert_rows(transaction, &rows).await?)
    };
    stream::iter(rows.blocks().map_err(unreadable())?)
        .map(insert)
        .buffered(PENDING_BLOCKS)
        .try_collect()
        .await
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
