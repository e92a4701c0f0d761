//! Downloads keys.

use url::Url;

use super::keyring::KeySet;
use crate::http::{FetchError, Request, Sink, redact_url};
use crate::regular_file::CONFIGURATION_BYTES;
use crate::{Client, CrawlOptions, Error, ErrorKind};

/// Downloads a keyring of at most 4 MiB. The caller must compare the fingerprints.
///
/// `url` is a URL of a source (`key-urls`). It is mapped to the mirror base of the options.
///
/// # Errors
///
/// Returns an error if the file cannot be downloaded or contains no key.
pub async fn fetch_keys(
    client: &Client,
    url: &str,
    options: &CrawlOptions,
) -> Result<KeySet, Error> {
    let url = Url::parse(url)
        .map_err(|error| Error::caused(ErrorKind::Configuration, "cannot use", error, url))?;
    let mut sink = Sink::memory(CONFIGURATION_BYTES);
    let request = Request {
        url: &url,
        mirror_base: options.mirror_base.as_ref(),
        now: options.now,
        received: &|_| {},
        etag: None,
    };
    client
        .fetch(&request, &mut sink)
        .await
        .map_err(FetchError::into_error)?;
    KeySet::parse(&redact_url(&url), &sink.into_bytes()).map_err(Error::without_hint)
}
