//! The worker that updates the read model after each change.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::read_model as db;

use crate::follow::JournalWatch;
use crate::{Database, Error, Progress};

/// An update of the read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refreshed {
    /// The number of kernels that were computed.
    pub kernels: i64,
}

/// Updates the read model, and again after each generation. Returns only with an error. With
/// `full`, first computes all rows again.
///
/// # Errors
///
/// Returns an error if no connection could be established, if this program cannot use the schema, or
/// if the role cannot update the read model. A lost connection is established again.
pub async fn watch(
    database: &Database,
    full: bool,
    progress: &impl Progress<Refreshed>,
) -> Result<(), Error> {
    let mut watch = JournalWatch::new(database, &[]).await?;
    // The connection of the watch has settings for its polls.
    let mut session = database.open().await?;
    let mut is_first = full;
    loop {
        let client = &session.client;
        let refreshed = if is_first {
            db::refill(client).await
        } else {
            db::refresh(client).await
        };
        match refreshed {
            Ok(kernels) => {
                is_first = false;
                progress.report(Refreshed { kernels });
                watch.changed().await?;
            }
            Err(error) if error.is_interruption() => session = database.reconnect().await?,
            Err(error) => return Err(error.into()),
        }
    }
}
