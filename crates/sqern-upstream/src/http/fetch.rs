//! One file, from a request to its last byte: tries, redirects, time limits.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncReadExt;
use url::Url;

use super::locate::{REDIRECTS, file_path, locate, locate_redirect, redirected, shown};
use super::{Client, FetchError, Sink};
use crate::Failure;
use crate::failure::chain;

/// What is asked for.
pub(crate) struct Request<'a> {
    /// The file, as its publisher names it.
    pub(crate) url: &'a Url,
    /// Where requests are sent in place of the publishers' hosts.
    pub(crate) mirror_base: Option<&'a Url>,
    /// The time, for a `Retry-After` that is a date.
    pub(crate) now: Timestamp,
    /// Told of every chunk that arrives.
    pub(crate) received: &'a (dyn Fn(u64) + Sync),
    /// The `ETag` of what is at hand already: the server need not send that again (RFC 9110 §13.1.2).
    pub(crate) etag: Option<&'a str>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// The file, with its `ETag` where the server sent one.
    Whole(Option<String>),
    /// The file is the one that the request's `ETag` names; nothing was sent.
    NotModified,
}

impl Client {
    /// Receives a file into `sink`, unless it is the one that the request's `ETag` names.
    pub(crate) async fn fetch(&self, request: &Request<'_>, sink: &mut Sink) -> Result<Fetched, FetchError> {
        let url = locate(request.url, request.mirror_base);
        let limit = self.options.total_timeout;
        tokio::time::timeout(limit, self.tries(&url, request, sink)).await.unwrap_or_else(|_| {
            Err(FetchError::Fatal(Failure::new(format!("the whole file within {limit:?}"), "no end of it", shown(&url))))
        })
    }

    async fn tries(&self, url: &Url, request: &Request<'_>, sink: &mut Sink) -> Result<Fetched, FetchError> {
        for attempt in 1.. {
            sink.reset().await.map_err(|error| FetchError::Fatal(no_room(&error, url)))?;
            match self.once(url, request, sink).await {
                Err(FetchError::Transient(failure, wait)) if attempt < self.options.tries => {
                    let wait = wait.map_or_else(|| self.backoff(attempt), |wait| wait.min(self.options.retry_after_max));
                    tracing::debug!(attempt, ?wait, %failure, "trying again");
                    tokio::time::sleep(wait).await;
                }
                outcome => return outcome,
            }
        }
        Ok(Fetched::Whole(None))
    }

    /// Doubles with each try, and lies between half and all of that, so that many clients don't come back in step.
    fn backoff(&self, attempt: u32) -> Duration {
        let full = self.options.backoff.saturating_mul(1 << (attempt - 1).min(8));
        // RandomState is seeded by the system: enough of a die for a wait.
        let die = RandomState::new().hash_one(attempt) % 1024;
        full.mul_f64(0.5 + f64::from(u32::try_from(die).unwrap_or(0)) / 2048.0)
    }

    async fn once(&self, url: &Url, request: &Request<'_>, sink: &mut Sink) -> Result<Fetched, FetchError> {
        if url.scheme() == "file" {
            return read_file(url, request, sink).await.map(|()| Fetched::Whole(None));
        }
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let _permit = self.permit(&url).await;
            let response = self.within_idle(&url, self.get(&url, request).send()).await?;
            if let Some(location) = redirect_location(&response) {
                let next = redirected(&url, &location).map_err(FetchError::Fatal)?;
                url = locate_redirect(&next, request.mirror_base);
                continue;
            }
            if response.status() == StatusCode::NOT_MODIFIED && request.etag.is_some() {
                return Ok(Fetched::NotModified);
            }
            check_status(&response, &url, request.now)?;
            let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            self.body(response, &url, request, sink).await?;
            return Ok(Fetched::Whole(etag));
        }
        Err(FetchError::Fatal(Failure::new(format!("at most {REDIRECTS} redirects"), "more", shown(request.url))))
    }

    fn get(&self, url: &Url, request: &Request<'_>) -> reqwest::RequestBuilder {
        let get = self.http.get(url.clone());
        match request.etag {
            Some(etag) => get.header(IF_NONE_MATCH, etag),
            None => get,
        }
    }

    async fn body(&self, mut response: Response, url: &Url, request: &Request<'_>, sink: &mut Sink) -> Result<(), FetchError> {
        while let Some(chunk) = self.within_idle(url, response.chunk()).await? {
            (request.received)(chunk.len() as u64);
            take(sink, &chunk, url).await?;
        }
        sink.flush().await.map_err(|error| FetchError::Fatal(no_room(&error, url)))
    }

    /// Waits for the server, not longer than the idle limit.
    async fn within_idle<T>(&self, url: &Url, step: impl Future<Output = reqwest::Result<T>>) -> Result<T, FetchError> {
        let limit = self.options.idle_timeout;
        let failure = |got: String| FetchError::Transient(Failure::new("an answer from the server", got, shown(url)), None);
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(value)) => Ok(value),
            // reqwest would show the URL again, with credentials.
            Ok(Err(error)) if error.is_body() || error.is_decode() => {
                let got = format!("a part of it, then: {}", chain(&error.without_url()));
                Err(FetchError::Transient(Failure::new("the whole file", got, shown(url)), None))
            }
            Ok(Err(error)) => Err(failure(chain(&error.without_url()))),
            Err(_) => Err(failure(format!("nothing for {limit:?}"))),
        }
    }
}

async fn take(sink: &mut Sink, chunk: &[u8], url: &Url) -> Result<(), FetchError> {
    match sink.write(chunk).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let got = if sink.is_html() { "an HTML page" } else { "more" };
            Err(FetchError::Fatal(Failure::new(format!("a file of at most {} bytes", sink.limit()), got, shown(url))))
        }
        Err(error) => Err(FetchError::Fatal(no_room(&error, url))),
    }
}

async fn read_file(url: &Url, request: &Request<'_>, sink: &mut Sink) -> Result<(), FetchError> {
    let path = file_path(url).map_err(FetchError::Fatal)?;
    let failure = |error: &std::io::Error| Failure::new("a readable file", error.to_string(), path.display());
    let fatal = |error: std::io::Error| FetchError::Fatal(failure(&error));
    // Looked at before it is opened: opening a FIFO would wait for a writer.
    let metadata = tokio::fs::metadata(&path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => FetchError::Absent(failure(&error)),
        _ => FetchError::Fatal(failure(&error)),
    })?;
    if !metadata.is_file() {
        return Err(FetchError::Fatal(Failure::new("a regular file", "a folder or device", path.display())));
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(fatal)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer).await.map_err(fatal)?;
        if count == 0 {
            return sink.flush().await.map_err(|error| FetchError::Fatal(no_room(&error, url)));
        }
        (request.received)(count as u64);
        take(sink, &buffer[..count], url).await?;
    }
}

fn no_room(error: &std::io::Error, url: &Url) -> Failure {
    Failure::new("room for a download in the folder for temporary files", error.to_string(), shown(url)).hint("df -h /tmp")
}

fn redirect_location(response: &Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn check_status(response: &Response, url: &Url, now: Timestamp) -> Result<(), FetchError> {
    let status = response.status();
    let failure = Failure::new("the file (HTTP status 200)", format!("HTTP status {status}"), shown(url));
    match status {
        StatusCode::OK => Ok(()),
        // Storage services answer 403 for what they don't have.
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Absent(failure)),
        StatusCode::UNAUTHORIZED => Err(FetchError::Fatal(failure.hint("give the base URL as https://USER:PASSWORD@HOST/…"))),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Err(FetchError::Fatal(failure.hint("set https_proxy=http://USER:PASSWORD@HOST:PORT")))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(FetchError::Transient(failure, retry_after(response.headers(), now))),
        _ if status.is_server_error() => Err(FetchError::Transient(failure, retry_after(response.headers(), now))),
        _ => Err(FetchError::Fatal(failure)),
    }
}

/// Seconds or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(&text.replace("GMT", "+0000")).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}
