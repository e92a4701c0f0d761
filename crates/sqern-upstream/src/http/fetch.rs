//! Downloads a file, with several attempts, redirects and time limits.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{RequestBuilder, StatusCode};
use sqern_model::counted;
use url::Url;

use super::address::{ConfiguredHosts, InternalAddress, Scope, check_literal};
use super::body::write_error;
use super::host_limiter::Permit;
use super::local::read_file;
use super::locate::{REDIRECTS, locate, locate_redirect, redact_url, redirected, with_user_of};
use super::partial::{Partial, etag, is_etag};
use super::response::{check_body, check_status, redirect_location};
use super::{Client, FetchError, Sink};
use crate::{Error, ErrorKind};

/// A request.
pub(crate) struct Request<'a> {
    /// The URL of the repository.
    pub(crate) url: &'a Url,
    /// The replacement of the host of the repository.
    pub(crate) mirror_base: Option<&'a Url>,
    /// The current time, for a `Retry-After` that is a date.
    pub(crate) now: Timestamp,
    /// Called with the size of each received chunk.
    pub(crate) received: &'a (dyn Fn(u64) + Sync),
    /// The `ETag` of the cached file, which is not transferred again (RFC 9110 §13.1.2). An invalid
    /// one is not sent.
    pub(crate) etag: Option<&'a str>,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// The file was received, with its `ETag` if the server sent one.
    Whole(Option<String>),
    /// The file equals the cached one.
    NotModified,
}

impl Client {
    /// Downloads a file into `sink`, unless its `ETag` is that of the request.
    ///
    /// After a transient error, the download is continued if the server supports that. So is one
    /// whose start is in the sink already; the caller then must verify the checksum. Waiting for
    /// other requests of the client does not count towards the time limit.
    pub(crate) async fn fetch(
        &self,
        request: &Request<'_>,
        sink: &mut Sink,
    ) -> Result<Fetched, FetchError> {
        let first = locate(request.url, request.mirror_base);
        let budget = Budget {
            total: self.options.total_timeout,
            left: self.options.total_timeout,
        };
        // The checksum determines whether the start in the sink belongs to the requested file.
        let partial = (sink.position() > 0).then_some(Partial::Known);
        let configured = match (&self.configured, request.mirror_base) {
            (Some(configured), None) => Arc::clone(configured),
            // All requests are mapped to the mirror base.
            _ => Arc::new(ConfiguredHosts::new(vec![first.clone()])),
        };
        let mut transfer = Transfer {
            client: self,
            request,
            first,
            configured,
            partial,
            budget,
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match transfer.once(sink).await {
                Err(FetchError::Transient(failure, Some(requested)))
                    if requested > self.options.retry_after_max =>
                {
                    return Err(FetchError::Fatal(too_late(failure, requested, request.now)));
                }
                Err(FetchError::Transient(failure, requested)) if attempt < self.options.tries => {
                    // The wait must not be shorter than the backoff of the client.
                    let wait = self.backoff(attempt).max(requested.unwrap_or_default());
                    tracing::debug!(attempt, ?wait, %failure, "trying again");
                    transfer
                        .budget
                        .spend(&transfer.first, tokio::time::sleep(wait))
                        .await?;
                }
                outcome => {
                    let (url, bytes) = (redact_url(request.url), sink.position());
                    let verb = if outcome.is_ok() {
                        "received"
                    } else {
                        "did not receive"
                    };
                    tracing::debug!(attempt, bytes, "{verb} {url}");
                    return outcome;
                }
            }
        }
    }

    /// Returns the wait before an attempt. It doubles with each attempt, and is randomly reduced by
    /// up to half, so that clients do not retry simultaneously.
    fn backoff(&self, attempt: u32) -> Duration {
        let full = self
            .options
            .backoff
            .saturating_mul(1 << (attempt - 1).min(8));
        // The seed of RandomState is sufficiently random for a wait.
        let random = RandomState::new().hash_one(attempt) % 1024;
        full.mul_f64(0.5 + f64::from(u32::try_from(random).unwrap_or(0)) / 2048.0)
    }
}

/// Returns the error of a server that requests a longer wait than the limit.
fn too_late(mut error: Error, requested: Duration, now: Timestamp) -> Error {
    let then = now
        .checked_add(requested)
        .ok()
        .and_then(|then| then.round(jiff::Unit::Second).ok());
    let hint = then.map_or_else(
        || "Exclude the source.".to_owned(),
        |then| format!("sqern check  # after {then}"),
    );
    error.append(&format!(", Retry-After: {} s", requested.as_secs()));
    error.with_hint(hint)
}

/// Returns the error of a URL that a server provided, and whose address is too internal.
pub(super) fn refused(error: &InternalAddress, url: &Url) -> FetchError {
    let kind = ErrorKind::Download;
    let error = Error::failed(kind, "cannot request", error.to_string(), redact_url(url));
    FetchError::Fatal(error.with_hint(InternalAddress::HINT))
}

/// The remaining time for a file.
#[derive(Clone, Copy)]
struct Budget {
    total: Duration,
    left: Duration,
}

impl Budget {
    /// Runs an operation, and subtracts its duration. Returns an error if no time is left.
    async fn spend<T>(
        &mut self,
        url: &Url,
        work: impl Future<Output = T>,
    ) -> Result<T, FetchError> {
        let start = Instant::now();
        let outcome = tokio::time::timeout(self.left, work).await;
        self.left = self.left.saturating_sub(start.elapsed());
        outcome.map_err(|_| {
            let reason = format!("not complete after {:?}", self.total);
            FetchError::Fatal(Error::failed(
                ErrorKind::Download,
                "could not download",
                reason,
                redact_url(url),
            ))
        })
    }
}

/// A download with all its attempts.
struct Transfer<'a> {
    client: &'a Client,
    request: &'a Request<'a>,
    /// The URL of the first request of each attempt.
    first: Url,
    configured: Arc<ConfiguredHosts>,
    /// The file whose start is in the sink, if its rest can be requested.
    partial: Option<Partial>,
    budget: Budget,
}

/// The result of a request to one server.
enum Step {
    Done(Fetched),
    /// The file is at another URL.
    Redirect(Url),
    /// The server cannot continue the download, which must restart.
    Again,
}

impl Transfer<'_> {
    /// Makes one attempt, with redirects, until the last byte.
    async fn once(&mut self, sink: &mut Sink) -> Result<Fetched, FetchError> {
        if self.first.scheme() == "file" {
            sink.reset()
                .await
                .map_err(|error| write_error(&error, &self.first))?;
            let read = self
                .budget
                .spend(&self.first, read_file(&self.first, self.request, sink))
                .await?;
            return read.map(|()| Fetched::Whole(None));
        }
        let mut url = self.first.clone();
        let mut redirects = 0;
        loop {
            let permit = self.client.limiter.permit(&url).await;
            let mut budget = self.budget;
            let step = budget.spend(&url, self.exchange(&url, &permit, sink)).await;
            self.budget = budget;
            match step?? {
                Step::Done(fetched) => return Ok(fetched),
                Step::Again => {}
                Step::Redirect(_) if redirects == REDIRECTS => {
                    let reason = format!("more than {REDIRECTS} redirects");
                    return Err(FetchError::Fatal(Error::failed(
                        ErrorKind::Download,
                        "could not download",
                        reason,
                        redact_url(self.request.url),
                    )));
                }
                Step::Redirect(next) => {
                    redirects += 1;
                    url = next;
                }
            }
        }
    }

    /// Sends a request to a server, and receives the response.
    async fn exchange(
        &mut self,
        url: &Url,
        permit: &Permit,
        sink: &mut Sink,
    ) -> Result<Step, FetchError> {
        let client = self.client;
        let validator = self
            .partial
            .as_ref()
            .filter(|partial| partial.is_at(url) && sink.position() > 0);
        let resumes = validator.is_some();
        let known = self.request.etag.filter(|etag| !resumes && is_etag(etag));
        let permitted = self.configured.permitted(url).await;
        check_literal(url, permitted).map_err(|error| refused(&error, url))?;
        let permitted = if client.is_proxied(url) {
            Scope::Loopback
        } else {
            permitted
        };
        let mut get = self.get(url, permitted);
        if let Some(partial) = validator {
            get = get.header(RANGE, format!("bytes={}-", sink.position()));
            if let Some(validator) = partial.validator() {
                get = get.header(IF_RANGE, validator);
            }
        }
        if let Some(etag) = known {
            get = get.header(IF_NONE_MATCH, etag);
        }
        let response = client.within_idle(url, get.send()).await?;
        client.clocks.note(response.headers(), self.request.now);
        if let Some(location) = redirect_location(&response) {
            let next = redirected(url, &location).map_err(FetchError::Fatal)?;
            let next = locate_redirect(&next, self.request.mirror_base);
            return Ok(Step::Redirect(with_user_of(next, &self.first)));
        }
        let mut whole = None;
        match response.status() {
            StatusCode::NOT_MODIFIED if known.is_some() => {
                return Ok(Step::Done(Fetched::NotModified));
            }
            StatusCode::PARTIAL_CONTENT if resumes => {
                whole = self
                    .partial
                    .as_ref()
                    .and_then(|partial| partial.rest(response.headers(), sink.position()));
                if whole.is_none() {
                    self.partial = None;
                    return Ok(Step::Again);
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE if resumes => {
                self.partial = None;
                return Ok(Step::Again);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => permit.too_many(),
            _ => {}
        }
        if whole.is_none() {
            let with_login = !url.username().is_empty() || client.login(url).is_some();
            check_status(&response, url, self.request.now, with_login)?;
            self.partial = Partial::of(&response, url);
            sink.reset()
                .await
                .map_err(|error| write_error(&error, url))?;
        }
        check_body(&response, url, sink.position(), sink.limit())?;
        let etag = etag(response.headers()).map(str::to_owned);
        client.body(response, url, self.request, sink).await?;
        match whole {
            Some(size) if size != sink.position() => {
                let actual = format!(
                    "received only {} of {}",
                    sink.position(),
                    counted(size, "byte")
                );
                Err(FetchError::Transient(
                    Error::failed(
                        ErrorKind::Download,
                        "could not download",
                        actual,
                        redact_url(url),
                    ),
                    None,
                ))
            }
            _ => Ok(Step::Done(Fetched::Whole(etag))),
        }
    }

    /// Returns a request with the credentials that the host may receive.
    fn get(&self, url: &Url, permitted: Scope) -> RequestBuilder {
        let http = self.client.http(url, &self.first, permitted);
        let get = http.get(url.clone());
        match self.client.login(url).filter(|_| url.username().is_empty()) {
            Some(login) => get.basic_auth(&login.user, Some(&login.password)),
            None => get,
        }
    }
}
