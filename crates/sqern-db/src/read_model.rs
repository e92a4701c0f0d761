//! The read model: tables with the stages of kernels and the kernels of hosts, which are updated
//! from the journal.
//!
//! It is a cache. A query uses it only if it is current, that is, if it contains all generations
//! that are visible to the query. Otherwise, the query reads the journaled tables.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::decode::{query_value, query_values};
use crate::{AsOf, DbError, SqlClient, session};

/// The maximum number of changed kernels and hosts for which [`refresh_for_query`] updates the read
/// model. This takes about as long as a report without the read model.
pub const MAX_ROWS: i64 = 10_000;

/// The number of generations after which the read model is updated even if they do not affect the
/// query. Each query compares them.
const MAX_WAITING: i64 = 200;

/// The time for which a query waits for another session that updates the read model, and after
/// which [`refresh_within`] reports that session.
const LOCK_TIMEOUT: &str = "1s";

/// The time for which a migration waits for another session that updates the read model.
const MAX_WAIT: Duration = Duration::from_secs(30);

const REFRESH: &str = "SELECT kver_state_refresh()";
const REFILL: &str = "SELECT kver_state_refill()";

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
    query_value(client, REFRESH, &[]).await
}

/// Fills the read model if it was never filled on this server, and returns the number of kernels.
///
/// # Errors
///
/// Returns [`DbError::ReadModelLocked`] if another session locks the read model for 30 seconds.
pub(crate) async fn fill(client: &mut Client) -> Result<i64, DbError> {
    let query = "SELECT CASE WHEN EXISTS (SELECT FROM kver_state_position WHERE epoch = generation_epoch()) THEN 0 ELSE kver_state_refill() END";
    update_within(client, query, Some("sqern_admin"), MAX_WAIT, |_| {}).await
}

/// Returns the number of kernels that [`fill`] would compute; 0 if the role cannot read them. With
/// `is_invalid`, the migration deletes the position of the read model.
pub(crate) async fn count_to_fill(
    transaction: &Transaction<'_>,
    is_invalid: bool,
) -> Result<i64, DbError> {
    let (tables, query): (&[&str], _) = if is_invalid {
        (&["public.kver"], "SELECT count(*) FROM kver")
    } else {
        (
            &["public.kver", "public.kver_state_position", "public.generation_epoch"],
            "SELECT count(*) FROM kver WHERE NOT EXISTS (
                SELECT FROM kver_state_position p
                JOIN generation_epoch e ON e.id = p.epoch AND e.system_identifier = (SELECT system_identifier FROM pg_control_system()))",
        )
    };
    // An empty database has no tables yet.
    let can_read = "SELECT bool_and(coalesce(has_table_privilege(to_regclass(name), 'SELECT'), false)) FROM unnest($1::text[]) AS name";
    if query_value(transaction, can_read, &[&tables]).await? {
        query_value(transaction, query, &[]).await
    } else {
        Ok(0)
    }
}

/// Updates the read model like [`refresh`] or, with `full`, like [`refill`]. If another session locks
/// the read model for more than a second, calls `waiting` with a description of this session once,
/// and continues to wait.
///
/// # Errors
///
/// Returns [`DbError::ReadModelLocked`] if the read model is still locked after `max_wait`.
pub async fn refresh_within(
    client: &mut Client,
    full: bool,
    max_wait: Duration,
    waiting: impl FnMut(&[String]),
) -> Result<i64, DbError> {
    let query = if full { REFILL } else { REFRESH };
    update_within(client, query, None, max_wait, waiting).await
}

/// Executes a query that updates the read model as a role, until no other session locks the read
/// model or `max_wait` has passed.
async fn update_within(
    client: &mut Client,
    query: &str,
    role: Option<&str>,
    max_wait: Duration,
    mut waiting: impl FnMut(&[String]),
) -> Result<i64, DbError> {
    let start = Instant::now();
    let mut is_reported = false;
    loop {
        let transaction = begin(client).await?;
        if let Some(role) = role {
            let set_role = format!("SET LOCAL ROLE {role}");
            transaction.batch_execute(&set_role).await?;
        }
        match query_value(&transaction, query, &[]).await {
            Ok(kernels) => {
                transaction.commit().await?;
                return Ok(kernels);
            }
            Err(error) if is_locked(&error) => transaction.rollback().await?,
            Err(error) => return Err(error),
        }
        let holders = include_str!("../queries/read_model_holders.sql");
        let holders: Vec<String> = query_values(client, holders, &[]).await?;
        if start.elapsed() >= max_wait {
            return Err(DbError::ReadModelLocked { holders });
        }
        if !is_reported && !holders.is_empty() {
            waiting(&holders);
            is_reported = true;
        }
    }
}

/// Starts a transaction in which the time to wait for locks is limited.
async fn begin(client: &mut Client) -> Result<Transaction<'_>, DbError> {
    let transaction = session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted),
    )
    .await?;
    let limit = format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'");
    transaction.batch_execute(&limit).await?;
    Ok(transaction)
}

fn is_locked(error: &DbError) -> bool {
    matches!(error, DbError::Postgres(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
}

/// Computes all rows of the read model again, and returns the number of kernels.
///
/// # Errors
///
/// Returns an error of the database if the role is not a member of `sqern_writer`.
pub async fn refill(client: &impl SqlClient) -> Result<i64, DbError> {
    query_value(client, REFILL, &[]).await
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

/// The outcome of an attempt to update the read model. Without an update, queries read the journaled
/// tables.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// The read model contains the changes.
    Current,
    /// The session cannot write.
    ReadOnly,
    /// More than [`MAX_ROWS`] kernels and hosts have changed since the last update, or the read model
    /// was never filled on this server.
    TooManyChanges,
    /// Another session updates the read model.
    Locked,
    /// The server reported an error.
    Failed(DbError),
}

/// Updates the read model before queries, unless the session cannot write or more than [`MAX_ROWS`]
/// kernels and hosts have changed since the last update.
///
/// # Errors
///
/// Returns an error if the connection was lost. Errors of the update are part of the outcome,
/// because the read model is a cache.
pub async fn refresh_for_query(client: &mut Client) -> Result<RefreshOutcome, DbError> {
    refresh_if_allowed(client, None, Some(MAX_ROWS)).await
}

/// Updates the read model after a large change, unless the session cannot write.
///
/// # Errors
///
/// Returns an error if the connection was lost.
pub async fn catch_up(client: &mut Client) -> Result<RefreshOutcome, DbError> {
    refresh_if_allowed(client, None, None).await
}

/// Updates the read model under the conditions of [`refresh_for_query`] if tables have changed that
/// affect build plans.
///
/// # Errors
///
/// Returns an error if the connection was lost.
pub async fn refresh_candidates(client: &mut Client) -> Result<RefreshOutcome, DbError> {
    refresh_if_allowed(client, Some(&CANDIDATE_TABLES), Some(MAX_ROWS)).await
}

async fn refresh_if_allowed(
    client: &mut Client,
    tables: Option<&[&str]>,
    max_rows: Option<i64>,
) -> Result<RefreshOutcome, DbError> {
    let is_current = "SELECT kver_state_is_current($1)
        AND (SELECT count(*) FROM (SELECT FROM kver_state_waiting() LIMIT $2) AS waiting) < $2";
    if query_value::<bool>(client, is_current, &[&tables, &MAX_WAITING]).await? {
        return Ok(RefreshOutcome::Current);
    }
    let can_write = "SELECT current_setting('transaction_read_only') = 'off'
        AND has_function_privilege('kver_state_refresh(bigint)', 'EXECUTE')";
    if !query_value::<bool>(client, can_write, &[]).await? {
        return Ok(RefreshOutcome::ReadOnly);
    }
    let transaction = begin(client).await?;
    let query = "SELECT kver_state_refresh($1)";
    let refreshed: Result<Option<i64>, DbError> =
        query_value(&transaction, query, &[&max_rows]).await;
    match refreshed {
        Ok(kernels) => {
            transaction.commit().await?;
            Ok(match kernels {
                Some(_) => RefreshOutcome::Current,
                None => RefreshOutcome::TooManyChanges,
            })
        }
        Err(error) if is_locked(&error) => {
            transaction.rollback().await?;
            Ok(RefreshOutcome::Locked)
        }
        Err(DbError::Postgres(error)) if error.code().is_some() => {
            transaction.rollback().await?;
            Ok(RefreshOutcome::Failed(error.into()))
        }
        Err(error) => Err(error),
    }
}
