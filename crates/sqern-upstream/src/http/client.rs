//! The HTTP client: connections, credentials and limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::client::proxy::matcher::Matcher;
use jiff::SignedDuration;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::address::{ConfiguredHosts, Scope, ScopedResolver};
use super::clock::Clocks;
use super::credentials::{Credentials, Login};
use super::host_limiter::RequestLimiter;
use super::options::ClientOptions;
use super::tls::{TlsFiles, tls_config};
use crate::error::error_chain;
use crate::{Error, ErrorKind};

/// The number of indexes that are decompressed concurrently. Each may require 64 MiB (`xz -9`) or 128
/// MiB (`zstd -22`).
const DECODERS: usize = 2;

/// The limit of the headers of an HTTP/2 response in bytes. hyper limits those of HTTP/1.1 to 100
/// headers and 400 KiB.
const HEADER_LIST_BYTES: u32 = 64 * 1024;

/// A client that could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library does not support the configuration.
    #[error("could not initialize TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library does not support an option.
    #[error("could not create the HTTP client: {0}")]
    Http(String),
}

/// Connections to servers, which all crawls of a run share. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Connections,
    pub(super) options: Arc<ClientOptions>,
    pub(super) limiter: Arc<RequestLimiter>,
    decoders: Arc<Semaphore>,
    /// Connections by files, because sources with the same files share them.
    identified: Arc<Mutex<HashMap<TlsFiles, Connections>>>,
    credentials: Option<Arc<Credentials>>,
    /// `None` without a source: the configuration is then the URL of the request.
    pub(super) configured: Option<Arc<ConfiguredHosts>>,
    pub(super) clocks: Arc<Clocks>,
    /// The proxies that reqwest uses; `None` if it uses none.
    proxies: Option<Arc<Matcher>>,
}

/// The connections with one certificate.
#[derive(Debug, Clone)]
struct Connections {
    http: ScopedClients,
    /// For hosts of redirects, which must not receive the certificate.
    anonymous: ScopedClients,
    /// Whether `http` sends a certificate.
    identified: bool,
}

impl Client {
    /// Returns a client that trusts the certificates of the system (package `ca-certificates`).
    /// Without them, only `https` fails.
    ///
    /// # Errors
    ///
    /// Returns an error if a library does not support an option.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let http = ScopedClients::new(&options, &tls_config()?)?;
        Ok(Self {
            connections: Connections {
                anonymous: http.clone(),
                http,
                identified: false,
            },
            limiter: Arc::new(RequestLimiter::new(options.jobs, options.jobs_per_host)),
            decoders: Arc::new(Semaphore::new(DECODERS)),
            proxies: options
                .system_proxy
                .then(|| Arc::new(Matcher::from_system())),
            options: Arc::new(options),
            identified: Arc::default(),
            credentials: None,
            configured: None,
            clocks: Arc::new(Clocks::new()),
        })
    }

    /// Returns the client with a certificate or other authorities, and with the same limits.
    pub(crate) fn with_tls(&self, files: &TlsFiles) -> Result<Self, Error> {
        let mut known = self
            .identified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connections = if let Some(connections) = known.get(files) {
            connections.clone()
        } else {
            let build = |files: &TlsFiles| {
                let refused = |error: ClientError| {
                    Error::caused(
                        ErrorKind::Certificate,
                        "could not use",
                        error,
                        "the certificates of the source",
                    )
                };
                ScopedClients::new(&self.options, &files.config()?).map_err(refused)
            };
            let http = build(files)?;
            let bare = TlsFiles {
                identity: None,
                authorities: files.authorities.clone(),
            };
            let anonymous = if files.identity.is_some() {
                build(&bare)?
            } else {
                http.clone()
            };
            known
                .entry(files.clone())
                .or_insert(Connections {
                    http,
                    anonymous,
                    identified: files.identity.is_some(),
                })
                .clone()
        };
        Ok(Self {
            connections,
            ..self.clone()
        })
    }

    /// Returns the client with the URLs that a source names. Requests to other hosts cannot reach
    /// more internal addresses than those of the source.
    pub(crate) fn with_configured(&self, urls: Vec<Url>) -> Self {
        Self {
            configured: Some(Arc::new(ConfiguredHosts::new(urls))),
            ..self.clone()
        }
    }

    /// Returns the client with user names and passwords for some hosts.
    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self {
            credentials: Some(Arc::new(credentials)),
            ..self.clone()
        }
    }

    /// Returns the median difference between the clocks of the servers and of this machine, or
    /// `None` if no server sent its time.
    ///
    /// The time of requests is assumed to be the time at which the client was created.
    #[must_use]
    pub fn servers_ahead(&self) -> Option<SignedDuration> {
        self.clocks.median()
    }

    /// Returns the connections for `url`, which only reach the addresses in a scope. Only the host of
    /// `first`, which the source names, receives the certificate.
    pub(super) fn http(&self, url: &Url, first: &Url, permitted: Scope) -> &reqwest::Client {
        let clients = if url.origin() == first.origin() {
            &self.connections.http
        } else {
            &self.connections.anonymous
        };
        clients.get(permitted)
    }

    /// Returns whether a proxy sends the requests for `url`. The proxy can have any address, and
    /// resolves the name of the server.
    pub(super) fn is_proxied(&self, url: &Url) -> bool {
        let matches = |proxies: &Arc<Matcher>| {
            let uri = url.as_str().parse().ok()?;
            proxies.intercept(&uri)
        };
        self.proxies.as_ref().and_then(matches).is_some()
    }

    /// Returns whether servers receive a certificate.
    pub(super) fn is_identified(&self) -> bool {
        self.connections.identified
    }

    /// Returns the user name and password for `url`, except those in the URL.
    pub(super) fn login(&self, url: &Url) -> Option<&Login> {
        self.credentials.as_ref()?.login(url)
    }

    /// Waits until another index may be decompressed.
    pub(crate) async fn decoder_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.decoders).acquire_owned().await.ok()
    }
}

/// A client for each scope. They share no connections, because a connection to an internal address
/// must not be used by a request that cannot reach it.
#[derive(Debug, Clone)]
struct ScopedClients([reqwest::Client; Scope::ALL.len()]);

impl ScopedClients {
    fn new(options: &ClientOptions, tls: &ClientConfig) -> Result<Self, ClientError> {
        let client = |permitted| http_client(options, tls.clone(), ScopedResolver { permitted });
        let [global, private, link_local, loopback] = Scope::ALL.map(client);
        Ok(Self([global?, private?, link_local?, loopback?]))
    }

    fn get(&self, permitted: Scope) -> &reqwest::Client {
        let [global, private, link_local, loopback] = &self.0;
        match permitted {
            Scope::Global => global,
            Scope::Private => private,
            Scope::LinkLocal => link_local,
            Scope::Loopback => loopback,
        }
    }
}

fn http_client(
    options: &ClientOptions,
    tls: ClientConfig,
    resolver: ScopedResolver,
) -> Result<reqwest::Client, ClientError> {
    // Without this header, a server may use any coding (RFC 9110 §12.5.3). Signatures and checksums
    // apply to the uncoded file.
    let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .default_headers(headers)
        .connect_timeout(options.connect_timeout)
        .user_agent(options.user_agent.clone())
        .http2_max_header_list_size(HEADER_LIST_BYTES)
        // A dead connection would otherwise be used by each further attempt.
        .http2_keep_alive_interval(options.idle_timeout / 3)
        .http2_keep_alive_timeout(options.idle_timeout / 3)
        // Each redirect is checked, and mapped to the mirror base.
        .redirect(reqwest::redirect::Policy::none())
        // Attempts are repeated with their bodies.
        .retry(reqwest::retry::never());
    if !options.system_proxy {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| ClientError::Http(error_chain(&error)))
}
