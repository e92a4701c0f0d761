//! Reads files of `file:` URLs.

use tokio::io::AsyncReadExt;
use url::Url;

use super::body::{take, write_error};
use super::locate::file_path;
use super::{FetchError, Request, Sink};
use crate::regular_file::not_regular;
use crate::{Error, ErrorKind};

/// Reads a file into the sink.
pub(super) async fn read_file(
    url: &Url,
    request: &Request<'_>,
    sink: &mut Sink,
) -> Result<(), FetchError> {
    let path = file_path(url).map_err(FetchError::Fatal)?;
    let failed = |error: std::io::Error| Error::io("could not read", error, path.display());
    let fatal = |error: std::io::Error| FetchError::Fatal(failed(error));
    // Opening a FIFO would block, so the type is checked first.
    let metadata = tokio::fs::metadata(&path)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                FetchError::Absent(failed(error).with_kind(ErrorKind::NotFound))
            }
            _ => FetchError::Fatal(failed(error)),
        })?;
    if !metadata.is_file() {
        return Err(fatal(not_regular()));
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(fatal)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer).await.map_err(fatal)?;
        if count == 0 {
            return sink.flush().await.map_err(|error| write_error(&error, url));
        }
        (request.received)(count as u64);
        take(sink, &buffer[..count], url).await?;
    }
}
