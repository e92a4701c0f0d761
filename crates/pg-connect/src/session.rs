//! An open connection.

use std::future::poll_fn;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification, SimpleQueryMessage};

use super::cancel::Canceler;
use super::process_id::process_id;
use super::target::HostTarget;

/// The maximum number of undelivered notifications; further ones are dropped.
///
/// A client that does not read notifications must neither block the connection nor fill the memory.
const MAX_PENDING_NOTIFICATIONS: usize = 1024;

/// An open connection: the client for queries, and the notifications of the server. Dropping it
/// closes the connection.
#[derive(Debug)]
pub struct Session {
    /// The client, which runs queries.
    pub client: Client,
    description: String,
    notifications: Receiver<Notification>,
    canceler: Canceler,
}

impl Session {
    /// Starts a background task on the current Tokio runtime, which performs the input and output
    /// until the client is dropped. `tls` is the configuration of the connection, if it is encrypted.
    pub(super) fn start<S, T>(
        client: Client,
        connection: Connection<S, T>,
        description: String,
        host: &HostTarget,
        tls: Option<ClientConfig>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, notifications) = channel(MAX_PENDING_NOTIFICATIONS);
        tokio::spawn(drive(connection, sender));
        let token = client.cancel_token();
        Self {
            canceler: Canceler::new(token, host, tls),
            client,
            description,
            notifications,
        }
    }

    /// Returns a description without the password: `service prod (host db1, port 5432, database
    /// app, user me)`.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Returns a value that can cancel the statements of this session.
    #[must_use]
    pub fn canceler(&self) -> Canceler {
        self.canceler.clone()
    }

    /// Returns whether a connection pooler is between this session and the server. A pooler assigns a
    /// process ID to the session that is not that of the server process. Transactions might then be
    /// executed by different server processes, so the session can have no state.
    ///
    /// # Errors
    ///
    /// Returns an error if the query fails.
    pub async fn is_pooled(&self) -> Result<bool, tokio_postgres::Error> {
        let messages = self
            .client
            .simple_query("select pg_catalog.pg_backend_pid()")
            .await?;
        let server = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse::<i32>().ok(),
            _ => None,
        });
        let assigned = process_id(&self.canceler.token).await;
        Ok(assigned.is_none() || assigned != server)
    }

    /// Waits for the next notification (`LISTEN`); `None` after the end of the connection.
    ///
    /// At most 1024 undelivered notifications are kept. Use them as a signal to query, not as data.
    pub async fn next_notification(&mut self) -> Option<Notification> {
        self.notifications.recv().await
    }
}

async fn drive<S, T>(mut connection: Connection<S, T>, sender: Sender<Notification>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => log(&notice),
            // If the receiver is gone or full, the client still needs the connection.
            Ok(AsyncMessage::Notification(notification)) => _ = sender.try_send(notification),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "the database connection ended");
                return;
            }
        }
    }
}

/// Logs a notice of the server at its own level.
fn log(notice: &DbError) {
    let (message, code) = (notice.message(), notice.code().code());
    match notice.severity() {
        "WARNING" => tracing::warn!(code, "server: {message}"),
        severity if severity.starts_with("DEBUG") => tracing::debug!(code, "server: {message}"),
        _ => tracing::info!(code, "server: {message}"),
    }
}
