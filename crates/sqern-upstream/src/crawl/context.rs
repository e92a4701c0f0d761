//! The state of the crawl of a source.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sqern_model::{CachedFile, CachedIndex, CachedMetadata, CrawlCache, DistroDef, Source};
use url::Url;

use super::checksum::{Checksum, of_source};
use super::control::ScanControl;
use super::entry::Entries;
use crate::http::{
    Client, FetchError, Fetched, Request, Sink, is_html, redact_url, without_credentials,
};
use crate::{CrawlOptions, Error, ErrorKind, Progress};
use sqern_archive::{Algorithm, Hasher};

/// The state of the crawl of a source.
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) options: &'a CrawlOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) distro: &'a DistroDef,
    pub(crate) source: &'a Source,
    /// The cache of the last crawl of the source.
    pub(crate) cache: &'a CrawlCache,
    /// The limits that the scans of the source share.
    pub(crate) control: ScanControl,
    /// The number of received bytes.
    bytes: AtomicU64,
    /// Whether an index differed from the root metadata.
    is_inconsistent: AtomicBool,
    /// The cache for the next crawl.
    kept: Mutex<CachedMetadata>,
}

/// Returns the error of a file that is not a text.
fn unreadable(url: &Url, reason: &str) -> FetchError {
    FetchError::Fatal(Error::failed(
        ErrorKind::InvalidMetadata,
        "could not read",
        reason,
        redact_url(url),
    ))
}

impl<'a> Context<'a> {
    /// Returns the initial state.
    pub(crate) fn new(
        client: Client,
        distro: &'a DistroDef,
        source: &'a Source,
        cache: &'a CrawlCache,
        options: &'a CrawlOptions,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            client,
            options,
            progress,
            distro,
            source,
            cache,
            control: ScanControl::new(&options.limits),
            bytes: AtomicU64::new(0),
            is_inconsistent: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// Returns the number of received bytes, and the cache for the next crawl.
    pub(crate) fn finish(self) -> (u64, CachedMetadata) {
        (
            self.bytes.into_inner(),
            self.kept
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Records that an index differs from the root metadata.
    pub(crate) fn set_inconsistent(&self) {
        self.is_inconsistent.store(true, Ordering::Relaxed);
    }

    /// Returns whether an index differed from the root metadata since the last call.
    pub(crate) fn take_inconsistent(&self) -> bool {
        self.is_inconsistent.swap(false, Ordering::Relaxed)
    }

    /// Downloads a file, and counts its bytes.
    pub(crate) async fn fetch(
        &self,
        url: &Url,
        sink: &mut Sink,
    ) -> Result<Option<String>, FetchError> {
        match self.request(url, None, sink).await? {
            Fetched::Whole(etag) => Ok(etag),
            Fetched::NotModified => Err(FetchError::Fatal(Error::failed(
                ErrorKind::Download,
                "could not download",
                "unexpected HTTP status 304",
                redact_url(url),
            ))),
        }
    }

    /// Downloads a small file, and returns it with its `ETag`. A cached file that is unchanged on
    /// the server is not transferred.
    pub(crate) async fn fetch_small(
        &self,
        url: &Url,
    ) -> Result<(Vec<u8>, Option<String>), FetchError> {
        let name = file_name(url);
        let cached = self.cache.kept.files.get(&name);
        let mut sink = Sink::memory(self.options.limits.release_bytes);
        let (body, etag) = match (
            self.request(url, cached.map(|file| file.etag.as_str()), &mut sink)
                .await?,
            cached,
        ) {
            (Fetched::NotModified, Some(file)) => (file.body.clone(), Some(file.etag.clone())),
            (Fetched::NotModified, None) => (Vec::new(), None),
            (Fetched::Whole(etag), _) => (sink.into_bytes(), etag),
        };
        if let Some(etag) = &etag {
            let file = CachedFile {
                etag: etag.clone(),
                body: body.clone(),
            };
            self.kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .files
                .insert(name, file);
        }
        Ok((body, etag))
    }

    /// Downloads a small text in UTF-8, and returns it with its `ETag`.
    pub(crate) async fn fetch_text(
        &self,
        url: &Url,
    ) -> Result<(String, Option<String>), FetchError> {
        let (bytes, etag) = self.fetch_text_bytes(url).await?;
        let text =
            String::from_utf8(bytes).map_err(|_| unreadable(url, "the file is not valid UTF-8"))?;
        Ok((text, etag))
    }

    /// Downloads a small text in any encoding, and returns it with its `ETag`.
    pub(crate) async fn fetch_text_bytes(
        &self,
        url: &Url,
    ) -> Result<(Vec<u8>, Option<String>), FetchError> {
        let (bytes, etag) = self.fetch_small(url).await?;
        if bytes.trim_ascii().is_empty() {
            return Err(unreadable(url, "the file is empty"));
        }
        if is_html(&bytes) {
            return Err(unreadable(url, "the file is an HTML page"));
        }
        Ok((bytes, etag))
    }

    /// Returns the entries of an index, from the cache or by `read`.
    ///
    /// `name` identifies the index within the source. `add_inputs` adds everything besides the
    /// rules that determines the entries.
    pub(crate) async fn entries(
        &self,
        name: &str,
        add_inputs: impl FnOnce(&mut Checksum),
        read: impl Future<Output = Result<Entries, Error>>,
    ) -> Result<Entries, Error> {
        let mut checksum = of_source(self.distro, self.source);
        add_inputs(&mut checksum);
        let checksum = checksum.finish();
        let (entries, index) = match cached_entries(self.cache, name, &checksum, &self.control)? {
            Some(cached) => cached,
            None => keep(read.await?, checksum, name)?,
        };
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .indexes
            .insert(name.to_owned(), index);
        Ok(entries)
    }

    async fn request(
        &self,
        url: &Url,
        etag: Option<&str>,
        sink: &mut Sink,
    ) -> Result<Fetched, FetchError> {
        let received = |count| {
            self.bytes.fetch_add(count, Ordering::Relaxed);
            self.progress
                .received(&self.distro.name, self.source.name(), count);
        };
        let mirror_base = self.options.mirror_base.as_ref();
        self.client
            .fetch(
                &Request {
                    url,
                    mirror_base,
                    now: self.options.now,
                    received: &received,
                    etag,
                },
                sink,
            )
            .await
    }
}

/// Returns the key of a file in the cache: its URL without credentials, and with a checksum instead
/// of a query, which may be a secret.
fn file_name(url: &Url) -> String {
    let mut bare = without_credentials(url);
    if let Some(query) = url.query() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(query.as_bytes());
        bare.set_query(Some(&hasher.finish()));
    }
    bare.into()
}

/// Returns the cached entries of an index, if everything that determines them is unchanged.
///
/// # Errors
///
/// Returns an error if the entries exceed the memory limit of the source.
pub(crate) fn cached_entries(
    cache: &CrawlCache,
    name: &str,
    checksum: &str,
    control: &ScanControl,
) -> Result<Option<(Entries, CachedIndex)>, Error> {
    let index = cache.kept.indexes.get(name);
    let index = index.filter(|index| index.checksum == checksum);
    let parsed = index.and_then(|index| {
        let entries: Entries = serde_json::from_str(&index.entries).ok()?;
        Some((entries, index.clone()))
    });
    if let Some((entries, _)) = &parsed {
        control.add_cached(entries, name)?;
    }
    Ok(parsed)
}

/// Returns the entries of an index with their cached form.
pub(crate) fn keep(
    entries: Entries,
    checksum: String,
    name: &str,
) -> Result<(Entries, CachedIndex), Error> {
    let json = serde_json::to_string(&entries).map_err(|error| {
        Error::caused(
            ErrorKind::Internal,
            "could not serialize the entries of",
            error,
            name,
        )
    })?;
    Ok((
        entries,
        CachedIndex {
            checksum,
            entries: json,
        },
    ))
}
