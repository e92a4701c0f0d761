//! A response's body: into the sink, within its limit, and not too slowly.

use std::time::{Duration, Instant};

use reqwest::Response;
use sqern_model::counted;
use url::Url;

use super::locate::shown;
use super::tls::certificate_hint;
use super::{Client, ClientOptions, FetchError, Request, Sink};
use crate::Failure;
use crate::failure::chain;

impl Client {
    /// Receives what is left of a response.
    pub(super) async fn body(
        &self,
        mut response: Response,
        url: &Url,
        request: &Request<'_>,
        sink: &mut Sink,
    ) -> Result<(), FetchError> {
        let mut pace = Pace::default();
        loop {
            let begun = Instant::now();
            let Some(chunk) = self.within_idle(url, response.chunk()).await? else { break };
            let waited = begun.elapsed();
            (request.received)(chunk.len() as u64);
            take(sink, &chunk, url).await?;
            pace.check(&self.options, chunk.len() as u64, waited, url)?;
        }
        sink.flush().await.map_err(|error| no_room(&error, url))
    }

    /// Waits for the server, not longer than the idle limit.
    pub(super) async fn within_idle<T>(
        &self,
        url: &Url,
        step: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, FetchError> {
        let limit = self.options.idle_timeout;
        let failure = |got: String| Failure::operation("could not download", got, shown(url));
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(value)) => Ok(value),
            // reqwest would show the URL again, with credentials.
            Ok(Err(error)) if error.is_body() || error.is_decode() => {
                let got = format!("the download was interrupted: {}", chain(&error.without_url()));
                Err(FetchError::Transient(failure(got), None))
            }
            Ok(Err(error)) => {
                let got = describe(&chain(&error.without_url()));
                Err(match certificate_hint(&got, self.is_identified()) {
                    // Certificates don't change between two tries.
                    Some(hint) => FetchError::Fatal(failure(got).hint(hint)),
                    None => FetchError::Transient(failure(got), None),
                })
            }
            Err(_) => Err(FetchError::Transient(failure(format!("no data received for {limit:?}")), None)),
        }
    }
}

/// How fast a body comes, in windows that follow one another.
#[derive(Default)]
struct Pace {
    bytes: u64,
    /// Time spent waiting for the server; what our own disk takes is not its fault.
    waited: Duration,
}

impl Pace {
    fn check(&mut self, options: &ClientOptions, bytes: u64, waited: Duration, url: &Url) -> Result<(), FetchError> {
        self.bytes += bytes;
        self.waited += waited;
        let (rate, window) = (options.min_bytes_per_second, options.min_rate_window);
        if self.waited < window {
            return Ok(());
        }
        let Self { bytes, waited } = std::mem::take(self);
        if u128::from(bytes) * 1000 >= u128::from(rate) * waited.as_millis() {
            return Ok(());
        }
        let limit = format!("the minimum is {rate} bytes/s over {window:?}");
        let got = format!("received only {} in {:.1} s, {limit}", counted(bytes, "byte"), waited.as_secs_f64());
        Err(FetchError::Transient(Failure::operation("could not download", got, shown(url)), None))
    }
}

/// Gives bytes to the sink, and fails when they are more than it may have.
pub(super) async fn take(sink: &mut Sink, chunk: &[u8], url: &Url) -> Result<(), FetchError> {
    match sink.write(chunk).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let got = if sink.is_html() { "an HTML page" } else { "a larger file" };
            Err(FetchError::Fatal(Failure::new(format!("a file of at most {} bytes", sink.limit()), got, shown(url))))
        }
        Err(error) => Err(no_room(&error, url)),
    }
}

/// The disk does not take what was received.
pub(super) fn no_room(error: &std::io::Error, url: &Url) -> FetchError {
    let reason = format!("could not write to the directory for temporary files: {error}");
    FetchError::Fatal(Failure::operation("could not download", reason, shown(url)).hint("df -h /tmp"))
}

/// Returns the cause of a failed request, without the generic messages of reqwest and hyper before it.
fn describe(chain: &str) -> String {
    let text = chain.strip_prefix("error sending request: ").unwrap_or(chain);
    match text.strip_prefix("client error (Connect): ") {
        Some(cause) => format!("could not connect: {cause}"),
        None => text.to_owned(),
    }
}
