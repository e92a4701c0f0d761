//! Removal of old rows that are not journaled: crawls and logs.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::{Client, Transaction};

use crate::decode::execute;
use crate::{DbError, session};

/// The ages up to which rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The maximum age of crawls that later crawls supersede.
    pub crawls: SignedDuration,
    /// The maximum age of the runs whose logs are kept.
    pub logs: SignedDuration,
}

/// The numbers of removed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pruned {
    /// The crawls.
    pub crawls: u64,
    /// The locations and last lines of logs of builds and tests. The files are not removed.
    pub logs: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// Removes old rows, or only counts them. A crawl is removed if a later crawl of the same source
/// was complete or unchanged. Logs of runs in progress are kept.
///
/// # Errors
///
/// Returns an error of the database if the role is not a member of `sqern_admin`.
pub async fn prune(
    client: &mut Client,
    retention: Retention,
    dry_run: bool,
) -> Result<Pruned, DbError> {
    let transaction = session::start(client.build_transaction()).await?;
    transaction
        .batch_execute("SET LOCAL ROLE sqern_admin")
        .await?;
    let crawls = include_str!("../queries/prune_crawls.sql");
    let builds = include_str!("../queries/prune_build_logs.sql");
    let tests = include_str!("../queries/prune_test_logs.sql");
    let pruned = Pruned {
        crawls: delete(&transaction, crawls, retention.crawls).await?,
        logs: delete(&transaction, builds, retention.logs).await?
            + delete(&transaction, tests, retention.logs).await?,
        dry_run,
    };
    if dry_run {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(pruned)
}

/// Executes a statement with the maximum age in seconds, and returns the number of its rows.
async fn delete(
    transaction: &Transaction<'_>,
    statement: &str,
    age: SignedDuration,
) -> Result<u64, DbError> {
    Ok(execute(transaction, statement, &[&age.as_secs_f64()]).await?)
}
