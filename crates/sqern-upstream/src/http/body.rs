//! Reads the body of a response into a sink, within its limit and at a minimum rate.

use std::time::{Duration, Instant};

use reqwest::Response;
use sqern_model::counted;
use url::Url;

use super::address::InternalAddress;
use super::fetch::refused;
use super::locate::redact_url;
use super::tls::certificate_hint;
use super::{Client, ClientOptions, FetchError, Request, Sink};
use crate::error::error_chain;
use crate::{Error, ErrorKind};

impl Client {
    /// Reads the rest of a response.
    pub(super) async fn body(
        &self,
        mut response: Response,
        url: &Url,
        request: &Request<'_>,
        sink: &mut Sink,
    ) -> Result<(), FetchError> {
        let mut transfer_rate = TransferRate::default();
        loop {
            let start = Instant::now();
            let Some(chunk) = self.within_idle(url, response.chunk()).await? else {
                break;
            };
            let waited = start.elapsed();
            (request.received)(chunk.len() as u64);
            take(sink, &chunk, url).await?;
            transfer_rate.check(&self.options, chunk.len() as u64, waited, url)?;
        }
        sink.flush().await.map_err(|error| write_error(&error, url))
    }

    /// Waits for the server until the idle timeout.
    pub(super) async fn within_idle<T>(
        &self,
        url: &Url,
        step: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, FetchError> {
        let limit = self.options.idle_timeout;
        let failure = |actual: String| {
            Error::failed(
                ErrorKind::Download,
                "could not download",
                actual,
                redact_url(url),
            )
        };
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(value)) => Ok(value),
            // The error of reqwest would contain the URL with credentials.
            Ok(Err(error)) if error.is_body() || error.is_decode() => {
                let actual = format!(
                    "the download was interrupted: {}",
                    error_chain(&error.without_url())
                );
                Err(FetchError::Transient(failure(actual), None))
            }
            Ok(Err(error)) => {
                // Another attempt would resolve the same addresses.
                if let Some(error) = InternalAddress::cause_of(&error) {
                    return Err(refused(error, url));
                }
                let actual = describe(&error_chain(&error.without_url()));
                Err(match certificate_hint(&actual, self.is_identified()) {
                    // Another attempt would receive the same certificate.
                    Some(hint) => FetchError::Fatal(failure(actual).with_hint(hint)),
                    None => FetchError::Transient(failure(actual), None),
                })
            }
            Err(_) => Err(FetchError::Transient(
                failure(format!("no data received for {limit:?}")),
                None,
            )),
        }
    }
}

/// The transfer rate in consecutive windows.
#[derive(Default)]
struct TransferRate {
    bytes: u64,
    /// The time spent waiting for the server, without that for the local disk.
    waited: Duration,
}

impl TransferRate {
    fn check(
        &mut self,
        options: &ClientOptions,
        bytes: u64,
        waited: Duration,
        url: &Url,
    ) -> Result<(), FetchError> {
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
        let actual = format!(
            "received only {} in {:.1} s; {limit}",
            counted(bytes, "byte"),
            waited.as_secs_f64()
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
}

/// Writes a chunk to the sink, and returns an error if it exceeds the limit.
pub(super) async fn take(sink: &mut Sink, chunk: &[u8], url: &Url) -> Result<(), FetchError> {
    match sink.write(chunk).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let actual = if sink.is_html() {
                "an HTML page"
            } else {
                "a larger file"
            };
            Err(FetchError::Fatal(Error::unexpected(
                ErrorKind::LimitExceeded,
                format!("a file of at most {} bytes", sink.limit()),
                actual,
                redact_url(url),
            )))
        }
        Err(error) => Err(write_error(&error, url)),
    }
}

/// Returns the error of a write to the file of a sink, which is a temporary file or a package in
/// the store.
pub(super) fn write_error(error: &std::io::Error, url: &Url) -> FetchError {
    let reason = format!("could not write the received data: {error}");
    FetchError::Fatal(
        Error::failed(
            ErrorKind::Download,
            "could not download",
            reason,
            redact_url(url),
        )
        .with_hint("df -h"),
    )
}

/// The start of the cause of a request whose host name could not be resolved.
pub const UNRESOLVED_HOST: &str = "could not resolve the host name";

/// Returns the cause of a failed request, without the generic messages of reqwest and hyper before
/// it.
fn describe(chain: &str) -> String {
    let text = chain
        .strip_prefix("error sending request: ")
        .unwrap_or(chain);
    match text.strip_prefix("client error (Connect): ") {
        // The library and the resolver each describe the failure; the last part is the reason.
        Some(cause) if cause.starts_with("dns error: ") => {
            let reason = cause.rsplit(": ").next().unwrap_or(cause);
            format!("{UNRESOLVED_HOST}: {reason}")
        }
        Some(cause) => format!("could not connect: {cause}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_failed_requests_are_short() {
        for (chain, cause) in [
            (
                "error sending request: client error (Connect): dns error: failed to lookup address \
                 information: Name or service not known",
                "could not resolve the host name: Name or service not known",
            ),
            (
                "error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)",
                "could not connect: tcp connect error: Connection refused (os error 111)",
            ),
            ("connection closed", "connection closed"),
        ] {
            assert_eq!(describe(chain), cause);
        }
    }
}
