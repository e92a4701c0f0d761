//! An open connection.

use std::future::poll_fn;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification};

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
}

impl Session {
    /// Starts a background task on the current Tokio runtime, which performs the input and output
    /// until the client is dropped.
    pub(super) fn start<S, T>(
        client: Client,
        connection: Connection<S, T>,
        description: String,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, notifications) = channel(MAX_PENDING_NOTIFICATIONS);
        tokio::spawn(drive(connection, sender));
        Self {
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
