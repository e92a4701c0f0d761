//! How a client behaves towards servers.

use std::time::Duration;

/// How a client behaves towards servers.
///
/// **How many at once.** librepo, which dnf and microdnf download with, takes 3 files at once and lets one configure up to 20
/// (`LRO_MAXPARALLELDOWNLOADS_MAX`); `curl --parallel` takes 50 over all hosts; apt opens one connection a host and pipelines. Mirrors
/// are used to all three. A source's files come one after the other, each after the last was judged, so what runs at once at a host
/// is about the number of sources there: with 20, those of any distribution start together, and with HTTP/2 they share one
/// connection. A host that says that it is too much (429, 503) gets half as many from then on.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Requests at once, over all hosts. As many as `curl --parallel` takes, rounded down to twice and a bit of one host's.
    pub jobs: usize,
    /// Requests at once to one host, until it answers 429 or 503: each time it does, half of it, and never less than one.
    pub jobs_per_host: usize,
    /// Until a connection stands, with TLS.
    pub connect_timeout: Duration,
    /// Without a byte from the server.
    pub idle_timeout: Duration,
    /// Bytes a second that a server must send on average over each `min_rate_window`, while a file comes in. dnf's `minrate` is 1000;
    /// the largest index (50 MB) would then take 14 hours.
    pub min_bytes_per_second: u64,
    /// How long a server may be slower than `min_bytes_per_second` before the try ends (dnf's `timeout` is 30 s, as apt's is).
    pub min_rate_window: Duration,
    /// For one file in all: every try, and every wait between them, but not the wait for other requests of this client to end.
    pub total_timeout: Duration,
    /// Tries of one request that fails in passing (no connection, cut, stalled, slow, 408, 429, 5xx). Each goes on where the last one
    /// stopped, if the server offers that.
    pub tries: u32,
    /// The wait before the second try; each further one doubles it. The wait is jittered between half and all of it.
    pub backoff: Duration,
    /// How long a server's `Retry-After` is waited for at most. Who asks for more is not asked again: the request fails at once and
    /// tells when to come back, as an earlier try is just what the server asked not to get.
    pub retry_after_max: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether reqwest takes `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` from the environment.
    pub system_proxy: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            jobs: 48,
            jobs_per_host: 20,
            connect_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            min_bytes_per_second: 4096,
            min_rate_window: Duration::from_secs(30),
            total_timeout: Duration::from_secs(15 * 60),
            tries: 3,
            backoff: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(30),
            user_agent: concat!("sqern/", env!("CARGO_PKG_VERSION")).to_owned(),
            system_proxy: true,
        }
    }
}
