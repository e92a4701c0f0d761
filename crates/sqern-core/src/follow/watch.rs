//! Waits for changes of some tables.

use pg_connect::Session;
use sqern_db::DbError;
use sqern_db::follow::{self, Position};

use super::wait::{Polled, Wait};
use crate::{Database, Error};

/// Waits for generations that change some tables.
pub struct JournalWatch<'a> {
    database: &'a Database,
    tables: Vec<String>,
    session: Session,
    wait: Wait,
    position: Position,
}

impl<'a> JournalWatch<'a> {
    /// Returns a watch for the generations after the current state that change one of the tables,
    /// or for all generations without tables.
    ///
    /// # Errors
    ///
    /// Returns an error if no connection could be established, or if this program cannot use the
    /// schema.
    pub async fn new(database: &'a Database, tables: &[&str]) -> Result<Self, Error> {
        let tables = tables.iter().map(ToString::to_string).collect();
        Self::on(database.open().await?, database, tables).await
    }

    async fn on(
        session: Session,
        database: &'a Database,
        tables: Vec<String>,
    ) -> Result<Self, Error> {
        let wait = Wait::new(&session).await?;
        let position = follow::journal_end(&session.client, None).await?.position();
        Ok(Self {
            database,
            tables,
            session,
            wait,
            position,
        })
    }

    /// Waits for a generation that changes the tables, or for a reconnect after a lost connection:
    /// another server might have other generations.
    ///
    /// # Errors
    ///
    /// Returns an error of the database, except for a lost connection.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            match self.poll().await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_interruption() => return self.reconnect().await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Polls, and waits unless the tables have changed. Returns whether they have changed.
    async fn poll(&mut self) -> Result<bool, DbError> {
        let mut batch = follow::poll(&self.session.client, &self.position, &self.tables).await?;
        let polled = Polled::of(&batch);
        let has_changed = batch
            .waiting()
            .iter()
            .any(|waiting| waiting.events > 0 || self.tables.is_empty());
        while batch.take_next().is_some() {}
        self.position = batch.position();
        if !has_changed {
            // The next poll reports a closed connection.
            self.wait.next(&mut self.session, polled).await?;
        }
        Ok(has_changed)
    }

    async fn reconnect(&mut self) -> Result<(), Error> {
        loop {
            let session = self.database.reconnect().await?;
            match Self::on(session, self.database, self.tables.clone()).await {
                Ok(watch) => {
                    *self = watch;
                    return Ok(());
                }
                Err(error) if error.is_interruption() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
