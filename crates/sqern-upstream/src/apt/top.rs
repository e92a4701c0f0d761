//! The signed top of a suite: `InRelease`, or `Release` with `Release.gpg`.

use std::sync::atomic::{AtomicU64, Ordering};

use sqern_model::{AptSource, DistroName};
use url::Url;

use super::path::{base_url, below};
use super::trust::{Signed, judge};
use super::vet::{self, Expired};
use crate::deb::release::Release;
use crate::http::{Client, FetchError, Request, Sink, is_html, shown};
use crate::openpgp::{Clearsigned, split};
use crate::{CrawlOptions, Failure, Progress};

/// What reading one source needs.
pub(super) struct Context<'a> {
    pub(super) client: &'a Client,
    pub(super) options: &'a CrawlOptions,
    pub(super) progress: &'a dyn Progress,
    pub(super) distro: &'a DistroName,
    pub(super) source: &'a AptSource,
    /// Bytes received so far.
    pub(super) bytes: AtomicU64,
}

impl Context<'_> {
    /// Receives a file, and counts its bytes.
    pub(super) async fn fetch(&self, url: &Url, sink: &mut Sink) -> Result<Option<String>, FetchError> {
        let received = |count| {
            self.bytes.fetch_add(count, Ordering::Relaxed);
            self.progress.received(self.distro, &self.source.name, count);
        };
        let mirror_base = self.options.mirror_base.as_ref();
        self.client.fetch(&Request { url, mirror_base, now: self.options.now, received: &received }, sink).await
    }

    /// Receives a small file as it is, and its `ETag`.
    async fn fetch_small(&self, url: &Url) -> Result<(Vec<u8>, Option<String>), FetchError> {
        let mut sink = Sink::memory(self.options.limits.release_bytes);
        let etag = self.fetch(url, &mut sink).await?;
        Ok((sink.into_bytes(), etag))
    }

    async fn fetch_text(&self, url: &Url) -> Result<(String, Option<String>), FetchError> {
        let (bytes, etag) = self.fetch_small(url).await?;
        let refused = |got: &str| FetchError::Fatal(Failure::new("the text of a Release", got, shown(url)));
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

/// A suite's top that may be believed.
pub(super) struct Top {
    pub(super) release: Release,
    /// The text that was signed.
    pub(super) text: String,
    /// The mirror that it came from: what stands before `/dists/`.
    pub(super) base: Url,
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// Reads the top from the first mirror that has one to be believed; the mirrors passed over are warnings.
pub(super) async fn read_top(context: &Context<'_>) -> Result<Top, Failure> {
    let mut passed_over: Vec<Failure> = Vec::new();
    for base in &context.source.base {
        match from_base(context, base).await {
            Ok(mut top) => {
                top.warnings.extend(passed_over.iter().map(|failure| format!("a mirror was passed over: {failure}")));
                return Ok(top);
            }
            Err(failure) => passed_over.push(failure),
        }
    }
    let others = passed_over.len().saturating_sub(1);
    let Some(mut failure) = passed_over.into_iter().next() else {
        return Err(Failure::new("at least one base URL", "none", format!("source {}", context.source.name)));
    };
    if others > 0 {
        failure.got = format!("{} (and {others} other mirrors failed too)", failure.got);
    }
    Err(failure)
}

async fn from_base(context: &Context<'_>, base: &str) -> Result<Top, Failure> {
    let base = base_url(base)?;
    let (signed, etag) = signed_text(context, &base).await?;
    let (source, options) = (context.source.clone(), context.options);
    let (allow_unsigned, now) = (options.allow_unsigned, options.now);
    // Reads keyrings and computes signatures: not on the threads that serve connections.
    let judged =
        tokio::task::spawn_blocking(move || judge(&source, allow_unsigned, now, &signed).map(|warning| (signed, warning)));
    let (signed, warning) = judged.await.map_err(|error| stopped(&error, &base))??;
    let place = &signed.place;
    let release = Release::parse(&signed.text).map_err(|error| Failure::new("a Release", error.to_string(), place))?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    warnings.extend(vet::time(&release, now, Expired::Fails, place)?);
    warnings.extend(vet::suite(&release, &context.source.suite, place)?);
    Ok(Top { release, text: signed.text, base, url: signed.place, etag, warnings })
}

/// `InRelease`; where there is none, `Release` with `Release.gpg`, as apt has it.
async fn signed_text(context: &Context<'_>, base: &Url) -> Result<(Signed, Option<String>), Failure> {
    let file = |name: &str| below(base, &format!("dists/{}/{name}", context.source.suite.trim_matches('/')));
    let url = file("InRelease");
    match context.fetch_text(&url).await {
        Ok((text, etag)) => {
            let Clearsigned { text, signatures } = split(&text)
                .map_err(|error| Failure::new("one clearsigned text and nothing else", error.to_string(), shown(&url)))?;
            return Ok((Signed { text, signatures: Some(signatures.into_bytes()), place: shown(&url) }, etag));
        }
        Err(FetchError::Absent(_)) => {}
        Err(error) => return Err(error.into_failure()),
    }
    let url = file("Release");
    let (text, etag) = context.fetch_text(&url).await.map_err(|error| match error {
        FetchError::Absent(failure) => Failure { expected: "InRelease or Release of the suite".into(), ..failure },
        other => other.into_failure(),
    })?;
    let signatures = match context.fetch_small(&file("Release.gpg")).await {
        Ok((bytes, _)) => Some(bytes),
        Err(FetchError::Absent(_)) => None,
        Err(error) => return Err(error.into_failure()),
    };
    Ok((Signed { text, signatures, place: shown(&url) }, etag))
}

/// A blocking task that ended without a result: only at shutdown, or by a defect of ours.
pub(super) fn stopped(error: &tokio::task::JoinError, url: &Url) -> Failure {
    Failure::new("the work on a file to end", error.to_string(), shown(url))
}
