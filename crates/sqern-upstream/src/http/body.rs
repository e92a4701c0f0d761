//! A response's body: into the sink, within its limit, and not too slowly.

use std::time::{Duration, Instant};

use reqwest::Response;
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
        let failure = |got: String| Failure::new("an answer from the server", got, shown(url));
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(value)) => Ok(value),
            // reqwest would show the URL again, with credentials.
            Ok(Err(error)) if error.is_body() || error.is_decode() => {
                let got = format!("a part of it, then: {}", chain(&error.without_url()));
                Err(FetchError::Transient(Failure::new("the whole file", got, shown(url)), None))
            }
            Ok(Err(error)) => {
                let got = chain(&error.without_url());
                Err(match certificate_hint(&got, self.is_identified()) {
                    // Certificates don't change between two tries.
                    Some(hint) => FetchError::Fatal(failure(got).hint(hint)),
                    None => FetchError::Transient(failure(got), None),
                })
            }
            Err(_) => Err(FetchError::Transient(failure(format!("nothing for {limit:?}")), None)),
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
        let expected = format!("at least {rate} bytes a second over {window:?}");
        let got = format!("{bytes} bytes in {:.1} s", waited.as_secs_f64());
        Err(FetchError::Transient(Failure::new(expected, got, shown(url)), None))
    }
}

/// Gives bytes to the sink, and fails when they are more than it may have.
pub(super) async fn take(sink: &mut Sink, chunk: &[u8], url: &Url) -> Result<(), FetchError> {
    match sink.write(chunk).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let got = if sink.is_html() { "an HTML page" } else { "more" };
            Err(FetchError::Fatal(Failure::new(format!("a file of at most {} bytes", sink.limit()), got, shown(url))))
        }
        Err(error) => Err(no_room(&error, url)),
    }
}

/// The disk does not take what was received.
pub(super) fn no_room(error: &std::io::Error, url: &Url) -> FetchError {
    let expected = "room for a download in the folder for temporary files";
    FetchError::Fatal(Failure::new(expected, error.to_string(), shown(url)).hint("df -h /tmp"))
}
