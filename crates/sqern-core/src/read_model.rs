//! Updates of the read model: when commands update it, and the worker that updates it after each
//! change.
//!
//! | time | function | maximum number of changed kernels and hosts |
//! | --- | --- | --- |
//! | before a query of the current state: reports, `why`, build plans | [`snapshot`] | 10,000 |
//! | before a build claims kernels | [`runs::start`](crate::runs::start) | 10,000 |
//! | after a check or a load ([`requires_catch_up`]) | [`catch_up`] | no limit |
//! | before the read model is compared with the tables | [`catch_up`] | no limit |
//!
//! Without an update, queries read the journaled tables.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::DbError;
use sqern_db::change::Finished;
use sqern_db::read_model::{self as db, RefreshOutcome};
use sqern_model::At;
use tokio_postgres::{Client, Transaction};

use crate::follow::JournalWatch;
use crate::{Database, Error, Progress};

pub use sqern_db::read_model::MAX_ROWS;

/// The time for which [`refresh`] waits for another session that updates the read model.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// An update of the read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refreshed {
    /// The number of kernels that were computed.
    pub kernels: i64,
}

/// An event of [`refresh`] and [`watch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshEvent {
    /// The read model was updated.
    Refreshed(Refreshed),
    /// These sessions lock the read model. The update waits for them.
    Waiting {
        /// The processes with their users and applications.
        holders: Vec<String>,
    },
}

/// The reason why the read model was not updated before a query or after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleReason {
    /// More than [`MAX_ROWS`] kernels and hosts have changed since the last update, or the read model
    /// was never filled on this server.
    TooManyChanges,
    /// Another session updates the read model.
    Locked,
    /// The update failed.
    Failed {
        /// The message of the error.
        message: String,
        /// The hint of the error.
        hint: Option<String>,
    },
}

impl StaleReason {
    fn failed(error: &DbError) -> Self {
        Self::Failed {
            message: error.to_string(),
            hint: error.hint(),
        }
    }

    /// Returns the reason if there was no update. A session that cannot write does not update the
    /// read model, so this is no event.
    pub(crate) fn of(outcome: RefreshOutcome) -> Option<Self> {
        match outcome {
            RefreshOutcome::Current | RefreshOutcome::ReadOnly => None,
            RefreshOutcome::TooManyChanges => Some(Self::TooManyChanges),
            RefreshOutcome::Locked => Some(Self::Locked),
            RefreshOutcome::Failed(error) => Some(Self::failed(&error)),
        }
    }
}

/// Starts a snapshot for queries of the state at `at`. For the current state, first updates the read
/// model, which does not contain earlier states.
///
/// # Errors
///
/// Returns an error if the connection was lost.
pub async fn snapshot<'a>(
    client: &'a mut Client,
    at: Option<At>,
    progress: &impl Progress<StaleReason>,
) -> Result<Transaction<'a>, Error> {
    if at.is_none() {
        let outcome = db::refresh_for_query(client).await?;
        if let Some(reason) = StaleReason::of(outcome) {
            progress.report(reason);
        }
    }
    Ok(sqern_db::snapshot(client).await?)
}

/// Returns whether the read model must be updated after a check or a load. Their changes can affect
/// more kernels and hosts than a later query would update.
#[must_use]
pub fn requires_catch_up(finished: Finished) -> bool {
    finished.generation.is_some()
}

/// Updates the read model after any number of changes. An error is an event, because the next query
/// or [`refresh`] updates the read model too.
pub async fn catch_up(client: &mut Client, progress: &impl Progress<StaleReason>) {
    let reason = match db::catch_up(client).await {
        Ok(outcome) => StaleReason::of(outcome),
        Err(error) => Some(StaleReason::failed(&error)),
    };
    if let Some(reason) = reason {
        progress.report(reason);
    }
}

/// Updates the read model. With `full`, computes all rows again. Waits up to a minute for another
/// session that locks the read model.
///
/// # Errors
///
/// Returns [`DbError::ReadModelLocked`] if the read model is locked for longer, and an error of the
/// database if the role cannot update the read model.
pub async fn refresh(
    client: &mut Client,
    full: bool,
    progress: &impl Progress<RefreshEvent>,
) -> Result<Refreshed, Error> {
    let waiting = |holders: &[String]| {
        progress.report(RefreshEvent::Waiting {
            holders: holders.to_vec(),
        });
    };
    let kernels = db::refresh_within(client, full, MAX_WAIT, waiting).await?;
    Ok(Refreshed { kernels })
}

/// Updates the read model, and again after each generation. Returns only with an error. With
/// `full`, first computes all rows again.
///
/// # Errors
///
/// Returns an error if no connection could be established, if this program cannot use the schema, or
/// if the role cannot update the read model. A lost connection is established again, and a locked
/// read model is updated when it is no longer locked.
pub async fn watch(
    database: &Database,
    full: bool,
    progress: &impl Progress<RefreshEvent>,
) -> Result<(), Error> {
    let mut watch = JournalWatch::new(database, &[]).await?;
    // The watch has its own session for notifications.
    let mut session = database.open().await?;
    let mut is_first = full;
    loop {
        match refresh(&mut session.client, is_first, progress).await {
            Ok(refreshed) => {
                is_first = false;
                progress.report(RefreshEvent::Refreshed(refreshed));
                watch.changed().await?;
            }
            Err(Error::Db(DbError::ReadModelLocked { .. })) => {}
            Err(error) if error.is_interruption() => session = database.reconnect().await?,
            Err(error) => return Err(error),
        }
    }
}
