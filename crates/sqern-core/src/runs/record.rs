//! Records the results of a running build or test.

use pg_connect::Session;
use sqern_db::run::{self as db, RunError, RunLog};
use sqern_model::{Kernel, RunKind, RunResult};
use tokio::sync::Mutex;

use super::RetryPolicy;
use crate::{Database, Error};

/// Records results in separate generations, so that a killed program leaves a correct state.
pub(super) struct Recorder<'a> {
    pub(super) database: &'a Database,
    pub(super) kind: RunKind,
    pub(super) id: i64,
    /// The comment of the generations.
    pub(super) comment: &'a str,
    pub(super) retry: RetryPolicy,
    pub(super) session: Mutex<Session>,
}

/// A result to record.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    /// The result of one kernel.
    Kernel {
        kernel: &'a Kernel,
        result: RunResult,
        log: Option<&'a RunLog>,
    },
    /// The result of the run, which finishes it.
    Run(RunResult),
}

impl Recorder<'_> {
    /// Records a result. Reconnects if the connection is lost.
    pub(super) async fn record(&self, entry: Entry<'_>) -> Result<(), Error> {
        let mut session = self.session.lock().await;
        let mut attempts = 0;
        loop {
            match self.try_record(&mut session, entry).await {
                Err(RunError::Db(error))
                    if error.is_interruption() && attempts < self.retry.attempts =>
                {
                    attempts += 1;
                    tokio::time::sleep(self.retry.pause).await;
                    if let Ok(new) = self.database.open().await {
                        *session = new;
                    }
                }
                recorded => return recorded.map_err(|error| Error::run(self.kind, error)),
            }
        }
    }

    async fn try_record(&self, session: &mut Session, entry: Entry<'_>) -> Result<(), RunError> {
        let change = sqern_db::change::begin(&mut session.client, self.comment).await?;
        match entry {
            Entry::Kernel {
                kernel,
                result,
                log,
            } => {
                db::finish_kernel(&change.transaction, self.kind, self.id, kernel, result, log)
                    .await?;
            }
            Entry::Run(result) => {
                db::finish(&change.transaction, self.kind, self.id, result, &[]).await?;
            }
        }
        change.finish(false).await?;
        Ok(())
    }
}
