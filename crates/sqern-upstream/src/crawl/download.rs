//! Index files: received into unnamed files, and no more of them than was stated.

use std::fs::File;
use std::path::Path;

use sqern_model::counted;
use url::Url;

use super::context::Context;
use super::decode::check_stated;
use crate::Failure;
use crate::digest::Stated;
use crate::http::{FetchError, Sink, shown};

/// Receives the file that the source's top (`by`: "the Release") states, and not a byte more.
pub(crate) async fn download(context: &Context<'_>, url: &Url, stated: &Stated, by: &str) -> Result<File, FetchError> {
    let limit = context.options.limits.index_bytes;
    if let Some(size) = stated.size_bytes.filter(|size| *size > limit) {
        let got = format!("{} as listed by {by}", counted(size, "byte"));
        return Err(FetchError::Fatal(Failure::new(format!("an index of at most {limit} bytes"), got, shown(url))));
    }
    let file = temporary_file(context.options.temp_dir.as_deref()).map_err(FetchError::Fatal)?;
    let kept = file.try_clone().map_err(|error| FetchError::Fatal(no_temporary(&error)))?;
    let size = stated.size_bytes.unwrap_or(limit);
    let mut sink = Sink::file(size, stated.algorithm, tokio::fs::File::from_std(file));
    context.fetch(url, &mut sink).await?;
    check_stated(stated, &sink.received(), sink.is_html(), by, &shown(url)).map_err(FetchError::Fatal)?;
    Ok(kept)
}

fn temporary_file(folder: Option<&Path>) -> Result<File, Failure> {
    folder.map_or_else(tempfile::tempfile, tempfile::tempfile_in).map_err(|error| no_temporary(&error))
}

/// There is no room for a temporary file, or it can't be read back.
pub(crate) fn no_temporary(error: &std::io::Error) -> Failure {
    Failure::operation("could not write to", error.to_string(), "the directory for temporary files").hint("df -h /tmp")
}

/// A blocking task that ended without a result: only at shutdown, or by a defect of ours.
pub(crate) fn stopped(error: &tokio::task::JoinError, url: &Url) -> Failure {
    Failure::operation("could not process", error.to_string(), shown(url))
}
