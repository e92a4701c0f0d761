//! One file, from a request to its last byte: tries, redirects, time limits.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{RequestBuilder, StatusCode};
use sqern_model::counted;
use url::Url;

use super::answer::{check_body, check_status, redirect_location};
use super::body::no_room;
use super::gate::Permit;
use super::local::read_file;
use super::locate::{REDIRECTS, locate, locate_redirect, redirected, shown, with_user_of};
use super::partial::{Partial, etag, is_etag};
use super::{Client, FetchError, Sink};
use crate::Failure;

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
    /// The `ETag` of what is at hand already: the server need not send that again (RFC 9110 §13.1.2). What is none is not sent.
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
    ///
    /// What fails in passing is tried again, and goes on where it stopped if the server offers that; so does a sink that holds the
    /// beginning of a file from before, whose checksum the caller must know. Waits for other requests of this client don't count
    /// towards its time.
    pub(crate) async fn fetch(&self, request: &Request<'_>, sink: &mut Sink) -> Result<Fetched, FetchError> {
        let first = locate(request.url, request.mirror_base);
        let budget = Budget { total: self.options.total_timeout, left: self.options.total_timeout };
        // What the sink holds from before is the beginning of the file that is asked for, if its checksum comes out right.
        let partial = (sink.at() > 0).then_some(Partial::Known);
        let mut transfer = Transfer { client: self, request, first, partial, budget };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match transfer.once(sink).await {
                Err(FetchError::Transient(failure, Some(asked))) if asked > self.options.retry_after_max => {
                    return Err(FetchError::Fatal(too_late(failure, asked, request.now)));
                }
                Err(FetchError::Transient(failure, asked)) if attempt < self.options.tries => {
                    // A server that asks for less than our own wait can't have thought of what was before.
                    let wait = self.backoff(attempt).max(asked.unwrap_or_default());
                    tracing::debug!(attempt, ?wait, %failure, "trying again");
                    transfer.budget.spend(&transfer.first, tokio::time::sleep(wait)).await?;
                }
                outcome => return outcome,
            }
        }
    }

    /// Doubles with each try, and lies between half and all of that, so that many clients don't come back in step.
    fn backoff(&self, attempt: u32) -> Duration {
        let full = self.options.backoff.saturating_mul(1 << (attempt - 1).min(8));
        // RandomState is seeded by the system: enough of a die for a wait.
        let die = RandomState::new().hash_one(attempt) % 1024;
        full.mul_f64(0.5 + f64::from(u32::try_from(die).unwrap_or(0)) / 2048.0)
    }
}

/// The failure of a server that asks to be left alone for longer than a run takes.
fn too_late(failure: Failure, asked: Duration, now: Timestamp) -> Failure {
    let got = format!("{}, Retry-After: {} s", failure.got, asked.as_secs());
    let then = now.checked_add(asked).ok().and_then(|then| then.round(jiff::Unit::Second).ok());
    let hint = then.map_or_else(|| "Exclude the source.".to_owned(), |then| format!("sqern check  # after {then}"));
    Failure { got, ..failure }.hint(hint)
}

/// The time that is left for one file.
#[derive(Clone, Copy)]
struct Budget {
    total: Duration,
    left: Duration,
}

impl Budget {
    /// Runs some work, and takes what it needed; fails when that was all.
    async fn spend<T>(&mut self, url: &Url, work: impl Future<Output = T>) -> Result<T, FetchError> {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(self.left, work).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        outcome.map_err(|_| {
            let reason = format!("not complete after {:?}", self.total);
            FetchError::Fatal(Failure::operation("could not download", reason, shown(url)))
        })
    }
}

/// A file on its way, over all tries.
struct Transfer<'a> {
    client: &'a Client,
    request: &'a Request<'a>,
    /// Where each try begins.
    first: Url,
    /// Which file the sink holds the beginning of, where its rest can be asked for.
    partial: Option<Partial>,
    budget: Budget,
}

/// What one exchange with one server came to.
enum Step {
    Done(Fetched),
    /// Ask there.
    Redirect(Url),
    /// The server would not go on where the last try stopped: from the beginning.
    Again,
}

impl Transfer<'_> {
    /// One try: through redirects, to the last byte.
    async fn once(&mut self, sink: &mut Sink) -> Result<Fetched, FetchError> {
        if self.first.scheme() == "file" {
            sink.reset().await.map_err(|error| no_room(&error, &self.first))?;
            let read = self.budget.spend(&self.first, read_file(&self.first, self.request, sink)).await?;
            return read.map(|()| Fetched::Whole(None));
        }
        let mut url = self.first.clone();
        let mut redirects = 0;
        loop {
            let permit = self.client.gates.permit(&url).await;
            let mut budget = self.budget;
            let step = budget.spend(&url, self.exchange(&url, &permit, sink)).await;
            self.budget = budget;
            match step?? {
                Step::Done(fetched) => return Ok(fetched),
                Step::Again => {}
                Step::Redirect(_) if redirects == REDIRECTS => {
                    let reason = format!("more than {REDIRECTS} redirects");
                    return Err(FetchError::Fatal(Failure::operation("could not download", reason, shown(self.request.url))));
                }
                Step::Redirect(next) => {
                    redirects += 1;
                    url = next;
                }
            }
        }
    }

    /// Asks one server, and receives what it has.
    async fn exchange(&mut self, url: &Url, permit: &Permit, sink: &mut Sink) -> Result<Step, FetchError> {
        let client = self.client;
        let validator = self.partial.as_ref().filter(|partial| partial.is_at(url) && sink.at() > 0);
        let resumes = validator.is_some();
        let known = self.request.etag.filter(|etag| !resumes && is_etag(etag));
        let mut get = self.get(url);
        if let Some(partial) = validator {
            get = get.header(RANGE, format!("bytes={}-", sink.at()));
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
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Step::Done(Fetched::NotModified)),
            StatusCode::PARTIAL_CONTENT if resumes => {
                whole = self.partial.as_ref().and_then(|partial| partial.rest(response.headers(), sink.at()));
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
            sink.reset().await.map_err(|error| no_room(&error, url))?;
        }
        check_body(&response, url, sink.at(), sink.limit())?;
        let etag = etag(response.headers()).map(str::to_owned);
        client.body(response, url, self.request, sink).await?;
        match whole {
            Some(size) if size != sink.at() => {
                let got = format!("received only {} of {}", sink.at(), counted(size, "byte"));
                Err(FetchError::Transient(Failure::operation("could not download", got, shown(url)), None))
            }
            _ => Ok(Step::Done(Fetched::Whole(etag))),
        }
    }

    /// A request with all that tells who asks: only what the host may know.
    fn get(&self, url: &Url) -> RequestBuilder {
        let get = self.client.http(url, &self.first).get(url.clone());
        match self.client.login(url).filter(|_| url.username().is_empty()) {
            Some(login) => get.basic_auth(&login.user, Some(&login.password)),
            None => get,
        }
    }
}
