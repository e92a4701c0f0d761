//! Waits for new kernels.

use std::time::Duration;

use pg_connect::Session;
use sqern_db::follow::{self, Position};

use crate::{Database, Error};

/// The time between two attempts to reconnect.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// The tables with kernels for further steps.
const TABLES: [&str; 4] = ["kver", "kver_seen", "kver_fetched", "kver_ignore"];

/// Waits for generations that change kernels.
pub struct KernelWatch<'a> {
    database: &'a Database,
    session: Session,
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
        follow::listen(&session.client).await?;
        let position = follow::journal_end(&session.client).await?.position();
        Ok(Self {
            database,
            session,
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
        let tables = TABLES.map(str::to_owned);
        loop {
            match follow::poll(&self.session.client, &self.position, &tables).await {
                Ok(batch) if !batch.waiting().is_empty() => return Ok(()),
                Ok(batch) => self.position = batch.position(),
                Err(error) if error.is_interruption() => {}
                Err(error) => return Err(error.into()),
            }
            while self.session.next_notification().await.is_none() {
                tokio::time::sleep(RECONNECT_PAUSE).await;
                if let Ok(session) = self.database.open().await {
                    follow::listen(&session.client).await?;
                    self.session = session;
                    break;
                }
            }
        }
    }
}
