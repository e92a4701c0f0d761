//! The private PostgreSQL server in asynchronous code.

use pg_local::{LocalError, LocalServer, Up};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// Creates the server if necessary and starts it. If `stop` is canceled, an incomplete server is
/// removed.
///
/// # Errors
///
/// Returns [`Error::PrivateServer`] if the server could not be started or `stop` was canceled.
pub async fn up(server: LocalServer, stop: &CancellationToken) -> Result<Up, Error> {
    let interrupt = server.interrupt();
    let starting = blocking(server, LocalServer::up);
    tokio::pin!(starting);
    tokio::select! {
        up = &mut starting => up,
        () = stop.cancelled() => {
            crate::blocking::blocking("interrupt the private server", move || interrupt.set()).await?;
            starting.await?;
            Err(LocalError::Interrupted.into())
        }
    }
}

/// Runs a blocking operation of a server in a separate thread.
///
/// # Errors
///
/// Returns the error of the operation.
pub async fn blocking<T: Send + 'static>(
    server: LocalServer,
    operation: impl FnOnce(&LocalServer) -> Result<T, LocalError> + Send + 'static,
) -> Result<T, Error> {
    let work = move || operation(&server);
    Ok(crate::blocking::blocking("use the private server", work).await??)
}
