//! Downloads packages that a verified index lists.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use sqern_archive::{Checksum, Hasher, InvalidChecksum};
use sqern_model::Source;
use url::Url;

use crate::crawl::identity::identified;
use crate::crawl::path::base_url;
use crate::http::{FetchError, Request, Sink, redact_url};
use crate::listed_file::{ListedFile, ReceivedFile};
use crate::regular_file::open_regular;
use crate::{Client, Error, ErrorKind};

/// The metadata that lists a package, in errors.
const BY: &str = "the index";

/// A package to download.
#[derive(Debug, Clone, Copy)]
pub struct PackageRequest<'a> {
    /// The recorded URL: `http`, `https` or `file`.
    pub url: &'a Url,
    /// The source that lists the package. Its credentials and certificates are sent to its hosts.
    pub source: Option<&'a Source>,
    /// The size of the file in bytes.
    pub size_bytes: u64,
    /// The checksum of the file, in the form of
    /// [`Package::checksum`](sqern_model::Package::checksum).
    pub checksum: &'a str,
    /// Sends the request for `scheme://HOST/PATH` to `mirror_base/HOST/PATH`.
    pub mirror_base: Option<&'a Url>,
    /// The current time, for a `Retry-After` that is a date.
    pub now: Timestamp,
}

/// Parses a recorded checksum.
fn listed_file(size_bytes: u64, checksum: &str) -> Result<ListedFile, Error> {
    let checksum: Checksum = checksum.parse().map_err(|InvalidChecksum(found)| {
        let reason = "must be SHA-256 digits or ALGORITHM:DIGITS";
        Error::failed(
            ErrorKind::InvalidMetadata,
            "cannot use checksum",
            reason,
            format!("{found:?}"),
        )
    })?;
    Ok(ListedFile::new(size_bytes, checksum))
}

/// Returns whether a recorded URL can be that of a package of a source: its scheme, host and port are
/// those of a base URL of the source or of its root metadata, whose URL is `root_url`. A `file` URL must
/// be below one of these. A mirror from a list is only known by the root metadata. The URL can also be on
/// the standard port of another host that the source names.
#[must_use]
pub fn belongs_to(source: &Source, root_url: Option<&str>, url: &Url) -> bool {
    let bases = match source {
        Source::Apt(source) => &source.base,
        Source::RpmMd(source) => &source.base,
    };
    let is_listed = url.port().is_none()
        && matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| {
            let mut hosts = source.package_hosts().iter();
            hosts.any(|listed| listed.eq_ignore_ascii_case(host))
        });
    if is_listed {
        return true;
    }
    let bases = bases.iter().map(String::as_str).chain(root_url);
    bases
        .filter_map(|base| base_url(base).ok())
        .any(|base| match url.scheme() {
            "file" => {
                // Root metadata is in a directory of the repository, such as /repodata.
                let directory = match base.path().rsplit_once("/repodata/") {
                    Some((directory, _)) => directory,
                    None => base.path(),
                };
                let directory = format!("{}/", directory.trim_end_matches('/'));
                base.scheme() == "file"
                    && url.path().starts_with(&directory)
                    && !url.path().to_ascii_lowercase().contains("%2f")
            }
            _ => {
                (base.scheme(), base.host(), base.port_or_known_default())
                    == (url.scheme(), url.host(), url.port_or_known_default())
            }
        })
}

impl Client {
    /// Downloads a package into `into`, and at most the listed number of bytes. Calls `received`
    /// with the size of each chunk.
    ///
    /// Bytes after the current position of the file are the start of an interrupted download. Only
    /// the rest is requested if the server supports that. If the checksum then differs, the package
    /// is downloaded again completely.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be downloaded, or has another size or checksum. After an
    /// interruption, `into` contains the received part; after another error, it is empty.
    pub async fn download(
        &self,
        request: &PackageRequest<'_>,
        into: File,
        received: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Error> {
        let listed = listed_file(request.size_bytes, request.checksum)?;
        let (client, url) = match request.source {
            Some(source) => (identified(self, source)?, with_query(request.url, source)),
            None => (self.clone(), request.url.clone()),
        };
        let not_written = |error: std::io::Error| {
            Error::io("could not write the download of", error, redact_url(&url))
        };
        let into = tokio::fs::File::from_std(into);
        let mut sink = Sink::resumed(request.size_bytes, listed.algorithm, into)
            .await
            .map_err(not_written)?;
        let http_request = Request {
            url: &url,
            mirror_base: request.mirror_base,
            now: request.now,
            received,
            etag: None,
        };
        loop {
            let held = sink.position();
            if held > 0 && sink.received().matches(&listed) {
                return Ok(());
            }
            if held == request.size_bytes {
                sink.reset().await.map_err(not_written)?;
            }
            client
                .fetch(&http_request, &mut sink)
                .await
                .map_err(FetchError::into_error)?;
            let checked = sink.received().check(&listed, BY, &redact_url(&url));
            if checked.is_err() {
                sink.reset().await.map_err(not_written)?;
            }
            // The start might have been that of another file, so a second attempt downloads the
            // whole file.
            if checked.is_ok() || held == 0 {
                return checked;
            }
        }
    }
}

/// Compares a file with the size and checksum in the index.
///
/// # Errors
///
/// Returns an error if the file differs or cannot be read.
pub fn check_file(path: &Path, size_bytes: u64, checksum: &str) -> Result<(), Error> {
    let listed = listed_file(size_bytes, checksum)?;
    let unreadable =
        |error: std::io::Error| Error::io("could not read package", error, path.display());
    let mut hasher = Hasher::new(listed.algorithm);
    let size_bytes = open_regular(path)
        .and_then(|file| hasher.update_from(file))
        .map_err(unreadable)?;
    let received = ReceivedFile {
        size_bytes,
        checksum: hasher.finish(),
        is_html: false,
    };
    received.check(&listed, BY, &path.display().to_string())
}

/// Returns the URL with the query of the base of the source. Recorded URLs have no query, because
/// it might be a secret.
fn with_query(url: &Url, source: &Source) -> Url {
    let bases = match source {
        Source::Apt(source) => &source.base,
        Source::RpmMd(source) => &source.base,
    };
    let is_below =
        |base: &Url| base.origin() == url.origin() && url.path().starts_with(base.path());
    let base = bases
        .iter()
        .filter_map(|base| base_url(base).ok())
        .find(|base| base.query().is_some() && is_below(base));
    let mut with_query = url.clone();
    if let Some(base) = base {
        with_query.set_query(base.query());
    }
    with_query
}
