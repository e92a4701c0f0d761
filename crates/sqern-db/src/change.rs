//! Transactions whose changes belong to one generation.

use schemars::JsonSchema;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::decode::{execute, query_optional_value, query_value};
use crate::{DbError, SqlClient, session};

/// A transaction whose changes belong to one generation. It is rolled back if it is dropped without
/// [`Change::finish`].
pub struct Change<'a> {
    /// The transaction that makes the changes.
    pub transaction: Transaction<'a>,
    generation: i64,
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, JsonSchema)]
pub struct Finished {
    /// The generation that contains the changes; null if nothing changed, or if the transaction was
    /// rolled back.
    pub generation: Option<i64>,
    /// The number of its events.
    pub events: i64,
}

/// Starts a transaction and its generation. `comment` is the reason for the change and must not be
/// blank.
pub async fn begin<'a>(client: &'a mut Client, comment: &str) -> Result<Change<'a>, DbError> {
    // kver_update_not_ignored() requires READ COMMITTED, which might not be the default of the
    // database.
    let transaction = session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted),
    )
    .await?;
    let generation = query_value(&transaction, "SELECT generation_start($1)", &[&comment]).await?;
    Ok(Change {
        transaction,
        generation,
    })
}

/// Returns an error if the role of the session cannot record changes. Long operations check this
/// before they start.
///
/// # Errors
///
/// Returns [`DbError::ReadOnly`] if the role has no privilege to start a generation.
pub async fn require_writer(client: &impl SqlClient) -> Result<(), DbError> {
    let query = "SELECT current_user::text WHERE NOT has_function_privilege('public.generation_start(text)', 'EXECUTE')";
    match query_optional_value(client, query, &[]).await? {
        Some(role) => Err(DbError::ReadOnly { role }),
        None => Ok(()),
    }
}

impl Change<'_> {
    /// Returns the id of the generation.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Removes the generation if nothing changed, and commits; with `dry_run`, rolls back instead.
    pub async fn finish(self, dry_run: bool) -> Result<Finished, DbError> {
        let count = "SELECT count(*) FROM event WHERE generation = $1";
        let events: i64 = query_value(&self.transaction, count, &[&self.generation]).await?;
        execute(
            &self.transaction,
            "SELECT generation_drop_empty($1)",
            &[&self.generation],
        )
        .await?;
        let generation = (events > 0 && !dry_run).then_some(self.generation);
        if dry_run {
            self.transaction.rollback().await?;
        } else {
            self.transaction.commit().await?;
        }
        Ok(Finished { generation, events })
    }
}
