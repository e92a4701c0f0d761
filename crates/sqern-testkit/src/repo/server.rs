//! A file server (HTTP/1.1) on the loopback that fails as it is told to.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a server's own error page looks like.
pub(super) const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head></html>\n";

/// How the server answers in place of the file.
#[derive(Debug, Clone)]
pub enum ServerFault {
    /// With a status and no body.
    Status(u16),
    /// With 503 and `Retry-After` in seconds.
    RetryAfter(u64),
    /// With half of the body, and the end of the connection.
    Cut,
    /// With half of the body, and then nothing.
    Stall,
    /// With a body that never ends.
    Endless,
    /// With 302 to this location.
    Redirect(String),
    /// With 200 and an HTML page.
    Html,
}

#[derive(Debug)]
struct Rule {
    part: String,
    fault: ServerFault,
    times: usize,
}

#[derive(Debug)]
struct State {
    root: PathBuf,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
}

/// Serves a folder until it is dropped.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { root: root.to_owned(), rules: Mutex::default(), requests: Mutex::default() });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, state, task })
    }

    /// The server's own URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next `times` requests whose path has this part with a fault.
    pub fn fail(&self, part: &str, fault: ServerFault, times: usize) {
        lock(&self.state.rules).push(Rule { part: part.to_owned(), fault, times });
    }

    /// The paths that were asked for, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }

    /// How many of the requests' paths have this part.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        lock(&self.state.requests).iter().filter(|path| path.contains(part)).count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn fault_for(&self, path: &str) -> Option<ServerFault> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && path.contains(&rule.part))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let path = Path::new(path.trim_start_matches('/'));
        let below = path.components().all(|component| matches!(component, Component::Normal(_)));
        std::fs::read(self.root.join(path)).ok().filter(|_| below)
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(path) = request_path(&mut stream).await {
        lock(&state.requests).push(path.clone());
        let keep = answer(&mut stream, &state, &path).await;
        if !keep.unwrap_or(false) {
            break;
        }
    }
}

async fn request_path(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let line = String::from_utf8_lossy(&head).lines().next()?.to_owned();
    line.split(' ').nth(1).map(str::to_owned)
}

/// Answers one request; gives whether the connection stays.
async fn answer(stream: &mut TcpStream, state: &State, path: &str) -> std::io::Result<bool> {
    let file = state.file(path);
    let body = file.as_deref().unwrap_or_default();
    match state.fault_for(path) {
        None if file.is_none() => reply(stream, "404 Not Found", "", b"").await,
        None => reply(stream, "200 OK", &format!("ETag: \"{}\"\r\n", body.len()), body).await,
        Some(ServerFault::Status(status)) => reply(stream, &format!("{status} Fault"), "", b"").await,
        Some(ServerFault::RetryAfter(s)) => reply(stream, "503 Busy", &format!("Retry-After: {s}\r\n"), b"").await,
        Some(ServerFault::Redirect(to)) => reply(stream, "302 Found", &format!("Location: {to}\r\n"), b"").await,
        Some(ServerFault::Html) => reply(stream, "200 OK", "", HTML.as_bytes()).await,
        Some(fault) => {
            let length = if matches!(fault, ServerFault::Endless) { u64::MAX / 2 } else { body.len() as u64 };
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await?;
            spoil(stream, &fault, body).await.map(|()| false)
        }
    }
}

async fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> std::io::Result<bool> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    Ok(true)
}

async fn spoil(stream: &mut TcpStream, fault: &ServerFault, body: &[u8]) -> std::io::Result<()> {
    stream.write_all(&body[..body.len() / 2]).await?;
    stream.flush().await?;
    match fault {
        ServerFault::Stall => tokio::time::sleep(Duration::from_secs(3600)).await,
        ServerFault::Endless => loop {
            stream.write_all(&[b'x'; 8192]).await?;
        },
        _ => {}
    }
    Ok(())
}
