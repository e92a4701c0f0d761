//! The HTTP client: connections, TLS, and how many requests run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::tls::{TlsFiles, tls_config};
use crate::Failure;
use crate::failure::chain;

/// How many indexes are decompressed at once. Each may need 64 MiB (the window of `xz -9` and `zstd -19 --long`), and all
/// together must stay below 200 MiB.
const DECODERS: usize = 2;

/// How a client behaves towards servers.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Requests at once, over all hosts.
    pub jobs: usize,
    /// Requests at once to one host.
    pub jobs_per_host: usize,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Without a byte from the server.
    pub idle_timeout: Duration,
    /// For one file in all, with every try and every wait.
    pub total_timeout: Duration,
    /// Tries of one request that fails in passing (no connection, cut, stalled, 429, 5xx).
    pub tries: u32,
    /// The wait before the second try; each further one doubles it. The wait is jittered between half and all of it.
    pub backoff: Duration,
    /// How long a server's `Retry-After` is obeyed at most.
    pub retry_after_max: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether reqwest takes `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` from the environment.
    pub system_proxy: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            jobs: 16,
            jobs_per_host: 4,
            connect_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(15 * 60),
            tries: 3,
            backoff: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(30),
            user_agent: concat!("sqern/", env!("CARGO_PKG_VERSION")).to_owned(),
            system_proxy: true,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library does not offer what is asked of it.
    #[error("expected TLS 1.2 and 1.3 from the TLS library, got: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refuses an option.
    #[error("expected usable HTTP client options, got: {0}")]
    Http(String),
}

/// Connections to servers, shared by all crawls of one run: clone it freely.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) options: Arc<ClientOptions>,
    all: Arc<Semaphore>,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    decoders: Arc<Semaphore>,
}

/// Held while a request runs.
pub(super) struct Permit {
    _host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Client {
    /// A client that trusts the system's certificates (package `ca-certificates`); none there only fails `https`.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let http = http_client(&options, tls_config()?)?;
        Ok(Self {
            http,
            all: Arc::new(Semaphore::new(options.jobs.max(1))),
            hosts: Arc::default(),
            decoders: Arc::new(Semaphore::new(DECODERS)),
            options: Arc::new(options),
        })
    }

    /// The same client, with the same limits in common, that shows a certificate or trusts other authorities.
    pub(crate) fn with_tls(&self, files: &TlsFiles) -> Result<Self, Failure> {
        let config = files.config()?;
        let http = http_client(&self.options, config)
            .map_err(|error| Failure::new("a usable HTTP client", error.to_string(), "the source's certificates"))?;
        Ok(Self { http, ..self.clone() })
    }

    /// Waits until the host, then all hosts together, admit one more request: a slow host never holds a general permit
    /// that it does not use.
    pub(super) async fn permit(&self, url: &Url) -> Permit {
        let host = url.host_str().unwrap_or_default().to_owned();
        let host = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let semaphore = || Arc::new(Semaphore::new(self.options.jobs_per_host.max(1)));
            Arc::clone(hosts.entry(host).or_insert_with(semaphore))
        };
        // A semaphore that is never closed always gives a permit.
        Permit { _host: host.acquire_owned().await.ok(), _all: Arc::clone(&self.all).acquire_owned().await.ok() }
    }

    /// Waits until one more index may be decompressed.
    pub(crate) async fn decoder_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.decoders).acquire_owned().await.ok()
    }
}

fn http_client(options: &ClientOptions, tls: ClientConfig) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(options.connect_timeout)
        .user_agent(options.user_agent.clone())
        // Followed by hand: each hop is judged, and mapped to the mirror base.
        .redirect(reqwest::redirect::Policy::none())
        // Tried again by hand, with the body.
        .retry(reqwest::retry::never());
    if !options.system_proxy {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ClientError::Http(chain(&error)))
}
