//! Blocking operations of asynchronous functions.

use crate::Error;

/// Runs a blocking operation on a separate thread. `operation` describes it for an error, such as
/// "read the store".
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|error| Error::io(format!("could not {operation}"))(error.into()))
}
