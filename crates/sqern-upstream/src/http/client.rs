//! The HTTP client: connections, and what goes with every request of a source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::clock::Clocks;
use super::credentials::{Credentials, Login};
use super::host_limiter::RequestLimiter;
use super::options::ClientOptions;
use super::tls::{TlsFiles, tls_config};
use crate::error::error_chain;
use crate::{Error, ErrorKind};

/// How many indexes are decompressed at once. Each may need 64 MiB (the window of `xz -9` and `zstd -19 --long`), and all
/// together must stay below 200 MiB.
const DECODERS: usize = 2;

/// What HTTP/2 takes of a response's headers, in bytes; hyper bounds those of HTTP/1.1 by 100 headers and 400 KiB.
const HEADER_LIST_BYTES: u32 = 64 * 1024;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library does not offer what is asked of it.
    #[error("could not initialize TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refuses an option.
    #[error("could not create the HTTP client: {0}")]
    Http(String),
}

/// Connections to servers, shared by all crawls of one run: clone it freely.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Connections,
    pub(super) options: Arc<ClientOptions>,
    pub(super) limiter: Arc<RequestLimiter>,
    decoders: Arc<Semaphore>,
    /// Connections of sources with the same files are the same.
    identified: Arc<Mutex<HashMap<TlsFiles, Connections>>>,
    credentials: Option<Arc<Credentials>>,
    pub(super) clocks: Arc<Clocks>,
}

/// The connections of one identity.
#[derive(Debug, Clone)]
struct Connections {
    http: reqwest::Client,
    /// For hosts that redirects lead to: they need not learn who asks.
    anonymous: reqwest::Client,
    /// Whether `http` shows a certificate.
    identified: bool,
}

impl Client {
    /// A client that trusts the system's certificates (package `ca-certificates`); none there only fails `https`.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let http = http_client(&options, tls_config()?)?;
        Ok(Self {
            connections: Connections { anonymous: http.clone(), http, identified: false },
            limiter: Arc::new(RequestLimiter::new(options.jobs, options.jobs_per_host)),
            decoders: Arc::new(Semaphore::new(DECODERS)),
            options: Arc::new(options),
            identified: Arc::default(),
            credentials: None,
            clocks: Arc::new(Clocks::new()),
        })
    }

    /// The same client, with the same limits in common, that shows a certificate or trusts other authorities.
    pub(crate) fn with_tls(&self, files: &TlsFiles) -> Result<Self, Error> {
        let mut known = self.identified.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = if let Some(connections) = known.get(files) {
            connections.clone()
        } else {
            let build = |files: &TlsFiles| {
                let refused = |error: ClientError| {
                    Error::caused(ErrorKind::Certificate, "could not use", error, "the certificates of the source")
                };
                http_client(&self.options, files.config()?).map_err(refused)
            };
            let http = build(files)?;
            let bare = TlsFiles { identity: None, authorities: files.authorities.clone() };
            let anonymous = if files.identity.is_some() { build(&bare)? } else { http.clone() };
            known.entry(files.clone()).or_insert(Connections { http, anonymous, identified: files.identity.is_some() }).clone()
        };
        Ok(Self { connections, ..self.clone() })
    }

    /// The same client, that sends user name and password to the hosts that they are for.
    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { credentials: Some(Arc::new(credentials)), ..self.clone() }
    }

    /// How far the clocks of the servers that answered are ahead of this machine's, as their middle one says; none where no server
    /// told. The time that requests were made with is taken to be the one at which this client was made.
    #[must_use]
    pub fn servers_ahead(&self) -> Option<SignedDuration> {
        self.clocks.median()
    }

    /// The connections to ask for `url` by: another host than that of `first`, which a source named, does not learn who asks.
    pub(super) fn http(&self, url: &Url, first: &Url) -> &reqwest::Client {
        if url.origin() == first.origin() { &self.connections.http } else { &self.connections.anonymous }
    }

    /// Whether servers are shown a certificate.
    pub(super) fn is_identified(&self) -> bool {
        self.connections.identified
    }

    /// The user name and password to send to `url`, besides what stands in it.
    pub(super) fn login(&self, url: &Url) -> Option<&Login> {
        self.credentials.as_ref()?.login(url)
    }

    /// Waits until one more index may be decompressed.
    pub(crate) async fn decoder_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.decoders).acquire_owned().await.ok()
    }
}

fn http_client(options: &ClientOptions, tls: ClientConfig) -> Result<reqwest::Client, ClientError> {
    // Without the header any coding would do (RFC 9110 §12.5.3), and what is signed and hashed are the bytes as they are.
    let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .default_headers(headers)
        .connect_timeout(options.connect_timeout)
        .user_agent(options.user_agent.clone())
        .http2_max_header_list_size(HEADER_LIST_BYTES)
        // A connection that died without a word would else be given to each further try.
        .http2_keep_alive_interval(options.idle_timeout / 3)
        .http2_keep_alive_timeout(options.idle_timeout / 3)
        // Followed by hand: each hop is judged, and mapped to the mirror base.
        .redirect(reqwest::redirect::Policy::none())
        // Tried again by hand, with the body.
        .retry(reqwest::retry::never());
    if !options.system_proxy {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ClientError::Http(error_chain(&error)))
}
