//! Cancel requests.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::target::{Address, HostTarget};

/// Cancels the statement of a session, over a new connection to the same server.
#[derive(Clone)]
pub struct Canceler {
    pub(super) token: CancelToken,
    address: Address,
    port: u16,
    tls: Option<ClientConfig>,
}

impl fmt::Debug for Canceler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceler").finish_non_exhaustive()
    }
}

impl Canceler {
    pub(super) fn new(token: CancelToken, host: &HostTarget, tls: Option<ClientConfig>) -> Self {
        Self {
            token,
            address: host.address.clone(),
            port: host.port,
            tls,
        }
    }

    /// Requests the cancellation of the statement that the session executes, if there is one. The
    /// server does not report whether it has canceled a statement.
    ///
    /// As in libpq, the request ends when the server closes the connection, and has then been
    /// processed. PgBouncer 1.18 terminates if the client closes it before.
    ///
    /// # Errors
    ///
    /// Returns an error if no connection could be established.
    pub async fn cancel(&self) -> Result<(), Error> {
        match &self.address {
            Address::Socket(directory) => {
                let path = directory.join(format!(".s.PGSQL.{}", self.port));
                match UnixStream::connect(path).await {
                    Ok(stream) => {
                        self.token
                            .cancel_query_raw(UntilClosed(stream), NoTls)
                            .await
                    }
                    Err(_) => self.token.cancel_query(NoTls).await,
                }
            }
            Address::Tcp { name, addr } => {
                let stream = match addr {
                    Some(addr) => TcpStream::connect((*addr, self.port)).await.ok(),
                    None => connect_to_only_address(name, self.port).await,
                };
                self.cancel_over_tcp(name, stream).await
            }
        }
    }

    /// Cancels over this stream. Without it, `tokio-postgres` connects to the address of the session,
    /// but does not wait for the server.
    async fn cancel_over_tcp(&self, name: &str, stream: Option<TcpStream>) -> Result<(), Error> {
        match (&self.tls, stream.map(UntilClosed)) {
            (None, Some(stream)) => self.token.cancel_query_raw(stream, NoTls).await,
            (None, None) => self.token.cancel_query(NoTls).await,
            (Some(tls), Some(stream)) => {
                let mut tls = MakeRustlsConnect::new(tls.clone());
                let Ok(tls) =
                    MakeTlsConnect::<UntilClosed<TcpStream>>::make_tls_connect(&mut tls, name);
                self.token.cancel_query_raw(stream, tls).await
            }
            (Some(tls), None) => {
                let tls = MakeRustlsConnect::new(tls.clone());
                self.token.cancel_query(tls).await
            }
        }
    }
}

/// Connects to a name with one address. Another address might be that of another server.
async fn connect_to_only_address(name: &str, port: u16) -> Option<TcpStream> {
    let mut addresses = lookup_host((name, port)).await.ok()?;
    match (addresses.next(), addresses.next()) {
        (Some(address), None) => TcpStream::connect(address).await.ok(),
        _ => None,
    }
}

/// A stream whose shutdown waits until the peer closes the connection.
struct UntilClosed<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer));
            // A reset connection is closed too.
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
