//! Packages: received as a verified index described them.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use sqern_model::Source;
use url::Url;

use crate::crawl::decode::{Checked, check_stated};
use crate::crawl::identity::identified;
use crate::crawl::path::base_url;
use crate::digest::{Algorithm, Stated};
use crate::http::{FetchError, Request, Sink, shown};
use crate::{Client, Failure};

/// A package to be received.
#[derive(Debug, Clone, Copy)]
pub struct PackageRequest<'a> {
    /// Where it is, as it was recorded: `http`, `https` or `file`.
    pub url: &'a Url,
    /// The source that lists it: its credentials and certificates are shown, where the URL is on a host of its own.
    pub source: Option<&'a Source>,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// The file's checksum, in the form of [`KernelPackage::checksum`](sqern_model::KernelPackage::checksum).
    pub checksum: &'a str,
    /// Sends the request for `scheme://HOST/PATH` to `mirror_base/HOST/PATH`.
    pub mirror_base: Option<&'a Url>,
    /// The time, for a `Retry-After` that is a date.
    pub now: Timestamp,
}

/// What a recorded checksum says: SHA-256 in hexadecimal digits, else `ALGORITHM:DIGITS`.
///
/// Fails on a text of another form.
pub fn stated(size_bytes: u64, checksum: &str) -> Result<Stated, Failure> {
    let (algorithm, digits) = match checksum.split_once(':') {
        Some((name, digits)) => (Algorithm::by_name(name), digits),
        None => (Some(Algorithm::Sha256), checksum),
    };
    let found = algorithm.and_then(|algorithm| Some((algorithm, algorithm.hex(digits)?)));
    let (algorithm, checksum) =
        found.ok_or_else(|| Failure::new("a checksum as ALGORITHM:DIGITS", format!("{checksum:?}"), "kver_package"))?;
    Ok(Stated { size_bytes: Some(size_bytes), algorithm, checksum })
}

impl Client {
    /// Receives a package's file into `into`, and not a byte more than is stated; `received` is told of each piece that arrives.
    /// What the file holds from its position on is taken for the beginning of the package, and the server asked for the rest alone,
    /// as far as it gives parts; the checksum decides, and what proves to be of something else is received anew.
    ///
    /// Fails on a file that is not there, or has another size or checksum, and on whatever keeps it from being received. What came
    /// in part stays in the file then; what was wrong does not.
    pub async fn download(
        &self,
        request: &PackageRequest<'_>,
        into: File,
        received: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Failure> {
        let stated = stated(request.size_bytes, request.checksum)?;
        let (client, url) = match request.source {
            Some(source) => (identified(self, source)?, with_query(request.url, source)),
            None => (self.clone(), request.url.clone()),
        };
        let no_room =
            |error: std::io::Error| Failure::operation("could not write the download of", error.to_string(), shown(&url));
        let into = tokio::fs::File::from_std(into);
        let mut sink = Sink::resumed(request.size_bytes, stated.algorithm, into).await.map_err(no_room)?;
        let asked = Request { url: &url, mirror_base: request.mirror_base, now: request.now, received, etag: None };
        loop {
            let held = sink.at();
            if held > 0 && sink.received().is(&stated) {
                return Ok(());
            }
            if held == request.size_bytes {
                sink.reset().await.map_err(no_room)?;
            }
            client.fetch(&asked, &mut sink).await.map_err(FetchError::into_failure)?;
            let checked = check_stated(&stated, &sink.received(), sink.is_html(), "the index", &shown(&url));
            if checked.is_err() {
                sink.reset().await.map_err(no_room)?;
            }
            // The beginning may have been of another file: once more without it.
            if checked.is_ok() || held == 0 {
                return checked;
            }
        }
    }
}

/// Holds a file that another program brought against what the index states of it. Reads all of it.
///
/// Fails on another size or checksum.
pub fn check_file(path: &Path, size_bytes: u64, checksum: &str) -> Result<(), Failure> {
    let stated = stated(size_bytes, checksum)?;
    let unreadable = |error: std::io::Error| Failure::operation("could not read package", error.to_string(), path.display());
    let mut file = Checked::new(File::open(path).map_err(unreadable)?, u64::MAX, Some(stated.algorithm));
    std::io::copy(&mut file, &mut std::io::sink()).map_err(unreadable)?;
    check_stated(&stated, &file.finish(), false, "the index", &path.display().to_string())
}

/// The URL with the query of the source's base that it lies below: recorded URLs have none, as one may be a secret.
fn with_query(url: &Url, source: &Source) -> Url {
    let bases = match source {
        Source::Apt(source) => &source.base,
        Source::RpmMd(source) => &source.base,
    };
    let below = |base: &Url| base.origin() == url.origin() && url.path().starts_with(base.path());
    let base = bases.iter().filter_map(|base| base_url(base).ok()).find(|base| base.query().is_some() && below(base));
    let mut asked = url.clone();
    if let Some(base) = base {
        asked.set_query(base.query());
    }
    asked
}
