//! Waits for new kernels.

use std::time::Duration;

use pg_connect::Session;
use sqern_db::DbError;
use sqern_db::follow::{self, Position};

use crate::follow::{Polled, Wait};
use crate::{Database, Error};

/// The time between two attempts to reconnect.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// The tables with kernels for further steps.
const TABLES: [&str; 4] = ["kver", "kver_seen", "kver_fetched", "kver_ignore"];

/// Waits for generations that change kernels.
pub struct KernelWatch<'a> {
    database: &'a Database,
    session: Session,
    wait: Wait,
    position: Position,
}

impl<'a> KernelWatch<'a> {
    /// Returns a watch for the generations after the current state.
    ///
    /// # Errors
    ///
    /// Returns an error if no connection could be established, or if this program cannot use the
    /// schema.
    pub async fn new(database: &'a Database) -> Result<Self, Error> {
        let session = database.open().await?;
        let wait = Wait::new(&session).await?;
        let position = follow::journal_end(&session.client, None).await?.position();
        Ok(Self {
            database,
            session,
            wait,
            position,
        })
    }

    /// Waits for a generation that changes kernels. Generations during a lost connection are found
    /// after the reconnect.
    ///
    /// # Errors
    ///
    /// Returns an error of the database, except for a lost connection.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            match self.poll().await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_interruption() => self.reconnect().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Polls, and waits unless kernels have changed. Returns whether they have changed.
    async fn poll(&mut self) -> Result<bool, DbError> {
        let tables = TABLES.map(str::to_owned);
        let mut batch = follow::poll(&self.session.client, &self.position, &tables).await?;
        let polled = Polled::of(&batch);
        let has_changed = batch.waiting().iter().any(|waiting| waiting.events > 0);
        if has_changed {
            return Ok(true);
        }
        while batch.take_next().is_some() {}
        self.position = batch.position();
        // The next poll reports a closed connection.
        self.wait.next(&mut self.session, polled).await?;
        Ok(false)
    }

    async fn reconnect(&mut self) -> Result<(), Error> {
        loop {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            if let Ok(session) = self.database.open().await {
                self.wait = Wait::new(&session).await?;
                self.session = session;
                return Ok(());
            }
        }
    }
}
