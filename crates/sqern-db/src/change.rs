//! One change set: a transaction and its generation.

use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::DbError;

/// A transaction whose changes belong to one generation. Dropped without [`Change::finish`], it leaves nothing behind.
pub struct Change<'a> {
    /// The transaction to make the changes in.
    pub transaction: Transaction<'a>,
    generation: i64,
}

/// What a change set came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Finished {
    /// The generation that holds the changes; `None` when nothing changed.
    pub generation: Option<i64>,
    /// How many events it has.
    pub events: i64,
}

/// Begins a change set. `comment` says why, and must not be blank.
pub async fn begin<'a>(client: &'a mut Client, comment: &str) -> Result<Change<'a>, DbError> {
    // READ COMMITTED whatever the database's default is: kver_update_not_ignored() needs it.
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    let generation = transaction.query_one("SELECT generation_start($1)", &[&comment]).await?.get(0);
    Ok(Change { transaction, generation })
}

impl Change<'_> {
    /// The generation's id.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Commits, and drops the generation when nothing was changed; with `dry_run` tells the same and rolls back.
    pub async fn finish(self, dry_run: bool) -> Result<Finished, DbError> {
        let events: i64 =
            self.transaction.query_one("SELECT count(*) FROM event WHERE generation = $1", &[&self.generation]).await?.get(0);
        self.transaction.execute("SELECT generation_drop_empty($1)", &[&self.generation]).await?;
        let generation = (events > 0 && !dry_run).then_some(self.generation);
        if dry_run {
            self.transaction.rollback().await?;
        } else {
            self.transaction.commit().await?;
        }
        Ok(Finished { generation, events })
    }
}
