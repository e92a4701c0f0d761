//! Reads the files that list the packages of a source.

use sqern_model::DistroDef;
use url::Url;

use super::context::Context;
use super::download::stopped;
use super::entry::Entries;
use super::root_metadata::RootMetadata;
use crate::http::redact_url;
use crate::{Error, ErrorKind};

/// Downloads a file from the mirrors in sequence, from that of the root metadata, and returns the
/// first result. `attempts` contains the download from each mirror, and `file` names the file in
/// the error of a source without mirrors.
///
/// Any mirror may be used, because the root metadata contains the checksum.
///
/// # Errors
///
/// Returns the error of the first mirror if all of them fail.
pub(crate) async fn from_first_mirror<T>(
    root: &RootMetadata,
    file: &str,
    attempts: impl IntoIterator<Item = impl Future<Output = Result<T, Error>>>,
) -> Result<T, Error> {
    let mut failed = None;
    for attempt in attempts {
        match attempt.await {
            Ok(result) => return Ok(result),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| {
        Error::failed(
            ErrorKind::Download,
            &format!("could not download the {file} of"),
            "no mirror",
            &root.url,
        )
    }))
}

/// Runs a scan in a separate thread, within the limit of concurrent scans. The scan receives the
/// URL without credentials.
pub(crate) async fn scan_in_thread(
    context: &Context<'_>,
    url: &Url,
    scan: impl FnOnce(&str) -> Result<Entries, Error> + Send + 'static,
) -> Result<Entries, Error> {
    let location = redact_url(url);
    let _permit = context.client.decoder_permit().await;
    tokio::task::spawn_blocking(move || scan(&location))
        .await
        .map_err(|error| stopped(error, url))?
}

/// Returns the error of rules that cannot be used together.
pub(crate) fn invalid_rules(
    distro: &DistroDef,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::caused(
        ErrorKind::Configuration,
        "cannot combine the rules of",
        error,
        &distro.name,
    )
}
