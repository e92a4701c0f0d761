//! What reading one source needs, whatever its kind.

use std::sync::atomic::{AtomicU64, Ordering};

use sqern_model::DistroName;
use url::Url;

use crate::http::{Client, FetchError, Fetched, Request, Sink, is_html, shown};
use crate::{CrawlOptions, Failure, Progress};

/// What reading one source needs, whatever its kind.
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) options: &'a CrawlOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) distro: &'a DistroName,
    /// The source's name.
    pub(crate) source: &'a str,
    /// Bytes received so far.
    pub(crate) bytes: AtomicU64,
}

impl Context<'_> {
    /// Receives a file, and counts its bytes.
    pub(crate) async fn fetch(&self, url: &Url, sink: &mut Sink) -> Result<Option<String>, FetchError> {
        let received = |count| {
            self.bytes.fetch_add(count, Ordering::Relaxed);
            self.progress.received(self.distro, self.source, count);
        };
        let mirror_base = self.options.mirror_base.as_ref();
        let request = Request { url, mirror_base, now: self.options.now, received: &received, etag: None };
        match self.client.fetch(&request, sink).await? {
            Fetched::Whole(etag) => Ok(etag),
            Fetched::NotModified => Ok(None),
        }
    }

    /// Receives a small file as it is, and its `ETag`.
    pub(crate) async fn fetch_small(&self, url: &Url) -> Result<(Vec<u8>, Option<String>), FetchError> {
        let mut sink = Sink::memory(self.options.limits.release_bytes);
        let etag = self.fetch(url, &mut sink).await?;
        Ok((sink.into_bytes(), etag))
    }

    /// Receives a small text, and its `ETag`; `what` it is stands in errors ("the text of a Release").
    pub(crate) async fn fetch_text(&self, url: &Url, what: &str) -> Result<(String, Option<String>), FetchError> {
        let (bytes, etag) = self.fetch_small(url).await?;
        let refused = |got: &str| FetchError::Fatal(Failure::new(what, got, shown(url)));
        if bytes.trim_ascii().is_empty() {
            return Err(refused("an empty file"));
        }
        if is_html(&bytes) {
            return Err(refused("an HTML page"));
        }
        let text = String::from_utf8(bytes).map_err(|_| refused("bytes that are no UTF-8 text"))?;
        Ok((text, etag))
    }
}
