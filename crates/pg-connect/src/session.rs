//! A connection in use.

use std::future::poll_fn;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification};

/// So many notifications wait for who listens; what comes beyond them is dropped.
///
/// The server must not be kept from sending them, and one who is slow must not fill the memory.
const WAITING_NOTIFICATIONS: usize = 1024;

/// A connection: the client for queries, and what the server says unasked. Dropping it ends the connection.
#[derive(Debug)]
pub struct Session {
    /// Runs queries.
    pub client: Client,
    description: String,
    notifications: Receiver<Notification>,
}

impl Session {
    /// Starts the background task that moves the connection's bytes, on the current tokio runtime. It ends with the client.
    pub(super) fn start<S, T>(client: Client, connection: Connection<S, T>, description: String) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, notifications) = channel(WAITING_NOTIFICATIONS);
        tokio::spawn(carry(connection, sender));
        Self { client, description, notifications }
    }

    /// The server in words, without the password: `service sqern-local (socket /run/…, port 5432, database sqern, user me)`.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Waits for the next notification of a channel that was listened to; `None` once the connection has ended.
    ///
    /// Notifications are there to wake: where over a thousand wait, further ones are dropped.
    pub async fn next_notification(&mut self) -> Option<Notification> {
        self.notifications.recv().await
    }
}

async fn carry<S, T>(mut connection: Connection<S, T>, sender: Sender<Notification>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => log(&notice),
            // Nobody listens any more, or not often enough: the connection itself goes on for the client.
            Ok(AsyncMessage::Notification(notification)) => _ = sender.try_send(notification),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "the database connection ended");
                return;
            }
        }
    }
}

/// Passes on what the server remarks, at the level it has there.
fn log(notice: &DbError) {
    let (message, code) = (notice.message(), notice.code().code());
    match notice.severity() {
        "WARNING" => tracing::warn!(code, "server: {message}"),
        severity if severity.starts_with("DEBUG") => tracing::debug!(code, "server: {message}"),
        _ => tracing::info!(code, "server: {message}"),
    }
}
