//! Downloads indexes into files without names.

use std::fs::File;
use std::path::Path;

use sqern_model::counted;
use url::Url;

use super::context::Context;
use crate::http::{FetchError, Sink, redact_url};
use crate::listed_file::ListedFile;
use crate::{Error, ErrorKind};

/// Downloads a file that metadata lists (`by`: "the Release"), and at most its listed size.
pub(crate) async fn download(
    context: &Context<'_>,
    url: &Url,
    stated: &ListedFile,
    by: &str,
) -> Result<File, FetchError> {
    let limit = context.options.limits.index_bytes;
    if let Some(size) = stated.size_bytes.filter(|size| *size > limit) {
        let actual = format!("{} as listed by {by}", counted(size, "byte"));
        return Err(FetchError::Fatal(Error::unexpected(
            ErrorKind::LimitExceeded,
            format!("an index of at most {limit} bytes"),
            actual,
            redact_url(url),
        )));
    }
    let file = temporary_file(context.options.temp_dir.as_deref()).map_err(FetchError::Fatal)?;
    let kept = file
        .try_clone()
        .map_err(|error| FetchError::Fatal(no_temporary(error)))?;
    let size = stated.size_bytes.unwrap_or(limit);
    let mut sink = Sink::file(size, stated.algorithm, tokio::fs::File::from_std(file));
    if let Err(error) = context.fetch(url, &mut sink).await {
        let is_larger = |error: &Error| error.kind() == ErrorKind::LimitExceeded;
        if matches!(&error, FetchError::Fatal(error) if is_larger(error)) {
            context.set_inconsistent();
        }
        return Err(error);
    }
    let checked = sink.received().check(stated, by, &redact_url(url));
    checked.map_err(|error| {
        context.set_inconsistent();
        FetchError::Fatal(error)
    })?;
    Ok(kept)
}

fn temporary_file(folder: Option<&Path>) -> Result<File, Error> {
    folder
        .map_or_else(tempfile::tempfile, tempfile::tempfile_in)
        .map_err(no_temporary)
}

/// Returns the error of a temporary file.
pub(crate) fn no_temporary(error: std::io::Error) -> Error {
    Error::io(
        "could not write to",
        error,
        "the directory for temporary files",
    )
    .with_hint("df -h")
}

/// Returns the error of a blocking task without a result, which only happens at shutdown or because
/// of a defect.
pub(crate) fn stopped(error: tokio::task::JoinError, url: &Url) -> Error {
    Error::caused(
        ErrorKind::Internal,
        "could not process",
        error,
        redact_url(url),
    )
}
