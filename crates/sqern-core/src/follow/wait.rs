//! The wait for new generations between two polls.

use std::time::Duration;

use futures_util::FutureExt;
use pg_connect::Session;
use sqern_db::DbError;
use sqern_db::follow::{self as db, Batch};
use tokio::time::{sleep, timeout};

/// The interval of polls for generations without a notification.
const NOTIFIED_POLL: Duration = Duration::from_secs(5);
/// The interval of polls if no notifications arrive.
const SILENT_POLL: Duration = Duration::from_secs(1);
/// The first interval of polls while transactions are open that might send no notification. It is
/// doubled up to [`NOTIFIED_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(20);
/// The pause after a notification. Writers commit faster while no follower waits.
const PAUSE: Duration = Duration::from_millis(20);

/// The result of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polled {
    /// There were new generations.
    New,
    /// There was no new generation, but transactions were open.
    Open,
    /// There was neither.
    Nothing,
}

impl Polled {
    /// Returns the result of a poll from its batch, before generations are taken.
    pub(super) fn of(batch: &Batch) -> Self {
        if !batch.waiting().is_empty() {
            Self::New
        } else if batch.has_open_transactions() {
            Self::Open
        } else {
            Self::Nothing
        }
    }
}

/// The state of a connection that waits for generations.
#[derive(Debug)]
pub(super) struct Wait {
    /// Whether the server sends notifications.
    is_notified: bool,
    /// Whether the advisory lock is held, so that the server sends notifications.
    is_waiting: bool,
    /// Whether a notification has arrived since the last wait.
    was_notified: bool,
    /// The next interval of polls while transactions are open.
    interval: Duration,
}

impl Wait {
    /// Prepares a connection, before its first poll. A session of a connection pooler can neither
    /// subscribe to notifications nor hold an advisory lock between transactions.
    pub(super) async fn new(session: &Session) -> Result<Self, DbError> {
        Ok(Self {
            is_notified: !session.is_pooled().await? && db::listen(&session.client).await?,
            is_waiting: false,
            was_notified: false,
            interval: FIRST_POLL,
        })
    }

    /// Waits until the next poll is useful: until a notification arrives, or for an interval that
    /// depends on the last poll. Returns whether the connection is still open.
    pub(super) async fn next(
        &mut self,
        session: &mut Session,
        polled: Polled,
    ) -> Result<bool, DbError> {
        if !self.is_waiting {
            if std::mem::take(&mut self.was_notified) {
                sleep(PAUSE).await;
            }
            self.is_waiting = self.is_notified && db::start_waiting(&session.client).await?;
            if self.is_waiting {
                // Generations that were committed before the request sent no notification.
                self.interval = FIRST_POLL;
                return Ok(true);
            }
        }
        let interval = match polled {
            _ if !self.is_waiting => SILENT_POLL,
            Polled::New => FIRST_POLL,
            Polled::Open => self.interval,
            Polled::Nothing => NOTIFIED_POLL,
        };
        self.interval = NOTIFIED_POLL.min(interval * 2);
        match timeout(interval, session.next_notification()).await {
            Ok(None) => return Ok(false),
            Ok(Some(_)) if self.is_waiting => {
                db::stop_waiting(&session.client).await?;
                (self.is_waiting, self.was_notified) = (false, true);
                // One poll finds the generations of all pending notifications.
                while let Some(Some(_)) = session.next_notification().now_or_never() {}
            }
            Ok(Some(_)) | Err(_) => {}
        }
        Ok(true)
    }
}
