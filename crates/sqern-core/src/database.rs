//! The database of a use case that opens its own connections.

use std::time::Duration;

use pg_connect::{ConnectEnv, ConnectRequest, Session, connect};

use crate::Error;

/// The time between two attempts to reconnect.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// Identifies a database.
#[derive(Debug, Clone)]
pub struct Database {
    /// The service or connection string.
    pub request: ConnectRequest,
    /// The variables and files that libpq uses for the other parameters.
    pub env: ConnectEnv,
}

impl Database {
    /// Connects to the database, which may have any schema.
    ///
    /// # Errors
    ///
    /// Returns an error if no connection could be established.
    pub async fn connect(&self) -> Result<Session, Error> {
        Ok(connect(&self.request, &self.env).await?)
    }

    /// Connects to the database.
    ///
    /// # Errors
    ///
    /// Returns an error if no connection could be established, or if this program cannot use the
    /// schema.
    pub async fn open(&self) -> Result<Session, Error> {
        let session = self.connect().await?;
        sqern_db::migrate::require_usable(&session.client).await?;
        Ok(session)
    }

    /// Connects to the database again after a lost connection. Waits until the server accepts
    /// connections.
    ///
    /// # Errors
    ///
    /// Returns an error that a later attempt would return too.
    pub async fn reconnect(&self) -> Result<Session, Error> {
        loop {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            match self.open().await {
                Err(error) if error.is_interruption() => {}
                result => return result,
            }
        }
    }
}
