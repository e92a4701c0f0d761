//! A file server on the loopback interface, over plain TCP or TLS, HTTP/1.1 or HTTP/2, which fails
//! on demand.

pub(super) mod fault;
mod http1;
mod http2;
mod response;
mod tls;

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use fault::{ServerFault, Validators};
use response::{Response, from_file};
pub use tls::{TestAuthority, TlsOffer};

/// A request that the server received.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// The path and the query.
    pub path: String,
    /// The header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The number of the connection, counted from 0.
    pub connection: usize,
    /// Whether the request was made over HTTP/2.
    pub http2: bool,
}

impl ReceivedRequest {
    /// Returns the first header with this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Rule {
    part: String,
    fault: ServerFault,
    times: usize,
}

#[derive(Debug, Default)]
struct State {
    root: PathBuf,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<ReceivedRequest>>,
    validators: Mutex<Validators>,
    delay: Mutex<Duration>,
    connections: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    body_bytes: AtomicU64,
}

/// A server for the files of a directory. It stops on drop.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FileServer {
    /// Serves `root` on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen.
    pub async fn start(root: &Path) -> Result<Self> {
        Self::listen(root, None).await
    }

    /// Serves `root` over TLS on a free port of 127.0.0.1, with a certificate issued by
    /// `authority`.
    ///
    /// # Errors
    ///
    /// Returns an error if the certificate cannot be issued or if the server cannot listen.
    pub async fn start_tls(
        root: &Path,
        authority: &TestAuthority,
        offer: &TlsOffer,
    ) -> Result<Self> {
        Self::listen(root, Some(authority.acceptor(offer)?)).await
    }

    async fn listen(root: &Path, acceptor: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            root: root.to_owned(),
            ..State::default()
        });
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
                let state = Arc::clone(&shared);
                match acceptor.clone() {
                    None => tokio::spawn(http1::serve(stream, state, connection)),
                    Some(acceptor) => tokio::spawn(tls::serve(stream, acceptor, state, connection)),
                };
            }
        });
        Ok(Self {
            address,
            scheme,
            state,
            task,
        })
    }

    /// Returns the base URL of the server, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Applies a fault to the next `times` requests whose path or query contains `part`.
    pub fn fail(&self, part: &str, fault: ServerFault, times: usize) {
        lock(&self.state.rules).push(Rule {
            part: part.to_owned(),
            fault,
            times,
        });
    }

    /// Sets the validators of subsequent responses.
    pub fn validators(&self, validators: Validators) {
        *lock(&self.state.validators) = validators;
    }

    /// Delays each subsequent response.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.state.delay) = delay;
    }

    /// Returns the paths of the received requests, with their queries, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests)
            .iter()
            .map(|request| request.path.clone())
            .collect()
    }

    /// Returns the received requests in order.
    #[must_use]
    pub fn received_requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.state.requests).clone()
    }

    /// Returns the number of received requests whose path contains `part`.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        lock(&self.state.requests)
            .iter()
            .filter(|request| request.path.contains(part))
            .count()
    }

    /// Returns the number of accepted connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns the largest number of requests that were in progress at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }

    /// Returns the number of body bytes sent.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.state.body_bytes.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a request as in progress until it is dropped.
struct UnderWay<'a>(&'a State);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    fn begin(&self) -> UnderWay<'_> {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        UnderWay(self)
    }

    /// Records a request and returns the response after the delay.
    async fn respond(&self, request: ReceivedRequest) -> Response {
        lock(&self.requests).push(request.clone());
        let fault = self.fault_for(&request.path);
        let delay = *lock(&self.delay);
        tokio::time::sleep(delay).await;
        let validators = *lock(&self.validators);
        let file = self.file(request.path.split('?').next().unwrap_or_default());
        let correct = file.map_or_else(
            || Response::status(404),
            |(bytes, modified)| from_file(&request, bytes, modified, validators),
        );
        fault.map_or_else(|| correct.clone(), |fault| fault.apply(correct.clone()))
    }

    fn fault_for(&self, path: &str) -> Option<ServerFault> {
        let mut rules = lock(&self.rules);
        let rule = rules
            .iter_mut()
            .find(|rule| rule.times > 0 && path.contains(&rule.part))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    /// Returns the bytes of a file and the time of its last modification.
    fn file(&self, path: &str) -> Option<(Vec<u8>, jiff::Timestamp)> {
        let path = Path::new(path.trim_start_matches('/'));
        let below = path
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        let path = self.root.join(path);
        let bytes = std::fs::read(&path).ok().filter(|_| below)?;
        let modified = std::fs::metadata(&path).ok()?.modified().ok()?;
        Some((bytes, modified.try_into().ok()?))
    }
}
