//! A file server on the loopback, plain or over TLS, HTTP/1.1 or HTTP/2, that fails as it is told to.

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
use response::{Answer, from_file};
pub use tls::{TestAuthority, TlsOffer};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Path and query.
    pub path: String,
    /// Names in small letters, with their values.
    pub headers: Vec<(String, String)>,
    /// Which of the server's connections it came by, from 0 on.
    pub connection: usize,
    /// Whether it came as HTTP/2.
    pub http2: bool,
}

impl Asked {
    /// The first header of this name (in small letters).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
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
    asked: Mutex<Vec<Asked>>,
    validators: Mutex<Validators>,
    delay: Mutex<Duration>,
    connections: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    body_bytes: AtomicU64,
}

/// Serves a folder until it is dropped.
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
    pub async fn start(root: &Path) -> Result<Self> {
        Self::listen(root, None).await
    }

    /// Serves `root` over TLS on a free port of 127.0.0.1, with a certificate by this authority.
    pub async fn start_tls(root: &Path, authority: &TestAuthority, offer: &TlsOffer) -> Result<Self> {
        Self::listen(root, Some(authority.acceptor(offer)?)).await
    }

    async fn listen(root: &Path, acceptor: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { root: root.to_owned(), ..State::default() });
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
        Ok(Self { address, scheme, state, task })
    }

    /// The server's own URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Answers the next `times` requests whose path or query has this part with a fault.
    pub fn fail(&self, part: &str, fault: ServerFault, times: usize) {
        lock(&self.state.rules).push(Rule { part: part.to_owned(), fault, times });
    }

    /// Which validators answers have from now on.
    pub fn validators(&self, validators: Validators) {
        *lock(&self.state.validators) = validators;
    }

    /// Lets each answer wait so long from now on.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.state.delay) = delay;
    }

    /// The paths that were asked for, with their queries, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.asked).iter().map(|asked| asked.path.clone()).collect()
    }

    /// The requests as they came, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state.asked).clone()
    }

    /// How many of the requests' paths have this part.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        lock(&self.state.asked).iter().filter(|asked| asked.path.contains(part)).count()
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many requests were under way at once, at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }

    /// How many bytes of bodies were sent.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.state.body_bytes.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a request until it is dropped.
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

    /// Notes a request, and says what is answered once the delay is over.
    async fn answer(&self, asked: Asked) -> Answer {
        lock(&self.asked).push(asked.clone());
        let fault = self.fault_for(&asked.path);
        let delay = *lock(&self.delay);
        tokio::time::sleep(delay).await;
        let validators = *lock(&self.validators);
        let file = self.file(asked.path.split('?').next().unwrap_or_default());
        let right = file.map_or_else(|| Answer::status(404), |(bytes, modified)| from_file(&asked, bytes, modified, validators));
        fault.map_or_else(|| right.clone(), |fault| fault.apply(right.clone()))
    }

    fn fault_for(&self, path: &str) -> Option<ServerFault> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && path.contains(&rule.part))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    /// A file's bytes, and when it was last modified.
    fn file(&self, path: &str) -> Option<(Vec<u8>, jiff::Timestamp)> {
        let path = Path::new(path.trim_start_matches('/'));
        let below = path.components().all(|component| matches!(component, Component::Normal(_)));
        let path = self.root.join(path);
        let bytes = std::fs::read(&path).ok().filter(|_| below)?;
        let modified = std::fs::metadata(&path).ok()?.modified().ok()?;
        Some((bytes, modified.try_into().ok()?))
    }
}
