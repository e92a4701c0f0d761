//! The read model: tables with the stages of kernels and the kernels of hosts, which are updated
//! from the journal.
//!
//! It is a cache. A query uses it only if it is current, that is, if it contains all generations
//! that are visible to the query. Otherwise, the query reads the journaled tables.

use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::decode::query_value;
use crate::{AsOf, DbError, SqlClient, session, snapshot};

/// The maximum number of changed kernels and hosts for which [`refreshed_snapshot`] updates the
/// read model. This takes about as long as a report without the read model.
const MAX_ROWS: i64 = 10_000;

/// The number of generations after which the read model is updated even if they do not affect the
/// query. Each query compares them.
const MAX_WAITING: i64 = 200;

/// The time to wait for another session that updates the read model.
const LOCK_TIMEOUT: &str = "1s";

/// The tables whose changes affect the kernels that can be built and their order, except for the
/// builds.
pub(crate) const CANDIDATE_TABLES: [&str; 6] = [
    "distro",
    "kver",
    "kver_fetched",
    "kver_ignore",
    "cust_cluster",
    "cust_host_kver",
];

/// Updates the read model, and returns the number of kernels that were computed. Computes all rows
/// if it was never filled on this server, for example after a restore.
///
/// # Errors
///
/// Returns an error of the database if the role is not a member of `sqern_writer`.
pub async fn refresh(client: &impl SqlClient) -> Result<i64, DbError> {
    query_value(client, "SELECT kver_state_refresh()", &[]).await
}

/// Fills the read model if it was never filled on this server, and returns the number of kernels.
pub(crate) async fn fill(client: &mut Client) -> Result<i64, DbError> {
    let transaction = session::start(client.build_transaction()).await?;
    transaction
        .batch_execute("SET LOCAL ROLE sqern_admin")
        .await?;
    let query = "SELECT CASE WHEN EXISTS (SELECT FROM kver_state_position WHERE epoch = generation_epoch()) THEN 0 ELSE kver_state_refill() END";
    let kernels = query_value(&transaction, query, &[]).await?;
    transaction.commit().await?;
    Ok(kernels)
}

/// Computes all rows of the read model again, and returns the number of kernels.
///
/// # Errors
///
/// Returns an error of the database if the role is not a member of `sqern_writer`.
pub async fn refill(client: &impl SqlClient) -> Result<i64, DbError> {
    query_value(client, "SELECT kver_state_refill()", &[]).await
}

/// Returns whether the read model contains all visible generations. With tables, only generations
/// with changes of these tables count.
pub(crate) async fn is_current(
    client: &impl SqlClient,
    tables: Option<&[&str]>,
) -> Result<bool, DbError> {
    query_value(client, "SELECT kver_state_is_current($1)", &[&tables]).await
}

/// Returns whether a query of the present state can use the read model.
pub(crate) async fn is_usable(client: &impl SqlClient, as_of: &AsOf) -> Result<bool, DbError> {
    Ok(*as_of == AsOf::Now && is_current(client, None).await?)
}

/// Starts a [`snapshot`] after an attempt to update the read model.
///
/// The read model is not updated if the session cannot write, if more than `MAX_ROWS` kernels and
/// hosts have changed since the last update, or if the update fails. The queries then read the
/// journaled tables.
pub async fn refreshed_snapshot(client: &mut Client) -> Result<Transaction<'_>, DbError> {
    refresh_if_allowed(client, None, Some(MAX_ROWS)).await?;
    snapshot(client).await
}

/// Updates the read model after a large change, unless the session cannot write or the update fails.
pub async fn catch_up(client: &mut Client) -> Result<(), DbError> {
    refresh_if_allowed(client, None, None).await
}

/// Updates the read model under the conditions of [`refreshed_snapshot`] if tables have changed that
/// affect build plans.
pub async fn refresh_candidates(client: &mut Client) -> Result<(), DbError> {
    refresh_if_allowed(client, Some(&CANDIDATE_TABLES), Some(MAX_ROWS)).await
}

async fn refresh_if_allowed(
    client: &mut Client,
    tables: Option<&[&str]>,
    max_rows: Option<i64>,
) -> Result<(), DbError> {
    let query = "SELECT (NOT kver_state_is_current($1)
                OR (SELECT count(*) FROM (SELECT FROM kver_state_waiting() LIMIT $2) AS waiting) = $2)
            AND current_setting('transaction_read_only') = 'off'
            AND has_function_privilege('kver_state_refresh(bigint)', 'EXECUTE')";
    if !query_value::<bool>(client, query, &[&tables, &MAX_WAITING]).await? {
        return Ok(());
    }
    let transaction = session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted),
    )
    .await?;
    let limit = format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'");
    transaction.batch_execute(&limit).await?;
    let query = "SELECT kver_state_refresh($1)";
    let refreshed: Result<Option<i64>, DbError> =
        query_value(&transaction, query, &[&max_rows]).await;
    match refreshed {
        Ok(_) => Ok(transaction.commit().await?),
        // The read model is a cache. Without an update, the tables are read.
        Err(DbError::Postgres(error)) if error.code().is_some() => {
            Ok(transaction.rollback().await?)
        }
        Err(error) => Err(error),
    }
}
