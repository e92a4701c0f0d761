//! Options of the HTTP client.

use std::time::Duration;

/// Options of the HTTP client.
///
/// **Concurrent requests.** librepo, which dnf and microdnf use, downloads 3 files concurrently and allows 20
/// (`LRO_MAXPARALLELDOWNLOADS_MAX`). `curl --parallel` downloads 50 over all hosts, and apt uses
/// one connection per host with pipelining. Mirrors support all of them. The files of a source are
/// downloaded in sequence, because each is verified before the next. The number of requests to a
/// host is therefore about that of its sources. With 20, all sources of a distribution start
/// together, and share a connection in HTTP/2. A host that reports too many requests (429, 503)
/// receives half as many from then on.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Concurrent requests to all hosts. The default is about that of `curl --parallel`.
    pub jobs: usize,
    /// Concurrent requests to one host. Each 429 or 503 halves it, to at least 1.
    pub jobs_per_host: usize,
    /// The timeout for a connection, including TLS.
    pub connect_timeout: Duration,
    /// The timeout for the next byte.
    pub idle_timeout: Duration,
    /// The minimum average transfer rate in each `min_rate_window`. With `minrate` of dnf (1000),
    /// the largest index (50 MB) would take 14 hours.
    pub min_bytes_per_second: u64,
    /// The duration after which the transfer rate is checked. `timeout` of dnf and apt is 30 s.
    pub min_rate_window: Duration,
    /// The time limit of a file, with all attempts and waits, but without waiting for other
    /// requests of the client.
    pub total_timeout: Duration,
    /// The number of attempts after transient errors: no connection, interrupted, stalled, slow,
    /// 408, 429, 5xx. An attempt continues the previous one if the server supports that.
    pub tries: u32,
    /// The wait before the second attempt. Each further attempt doubles it. It is randomly reduced
    /// by up to half.
    pub backoff: Duration,
    /// The maximum `Retry-After`. If a server requests a longer wait, the request fails, and its
    /// error contains the time of the next attempt.
    pub retry_after_max: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether reqwest reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` from the
    /// environment.
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
