//! The process ID that the server assigned to a connection.
//!
//! `tokio-postgres` only uses it in a cancel request, so it is read from a request that is written
//! to memory instead of a server.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::CancelToken;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// More than the size of an encryption request and a cancel request.
const BUFFER_BYTES: usize = 256;
/// The reply of a server that accepts a request for encryption.
const ACCEPT_TLS: &[u8] = b"S";
/// The code of a cancel request.
const CANCEL_REQUEST: [u8; 4] = 80_877_102_u32.to_be_bytes();

/// Returns the process ID of a cancel request; `None` if its format is unknown.
pub(super) async fn process_id(token: &CancelToken) -> Option<i32> {
    let (client, mut server) = tokio::io::duplex(BUFFER_BYTES);
    server.write_all(ACCEPT_TLS).await.ok()?;
    token.cancel_query_raw(client, Unencrypted).await.ok()?;
    let mut request = vec![];
    server.read_to_end(&mut request).await.ok()?;
    of_request(&request)
}

/// Returns the process ID after the code of the cancel request.
fn of_request(bytes: &[u8]) -> Option<i32> {
    let code = bytes
        .windows(CANCEL_REQUEST.len())
        .position(|window| window == CANCEL_REQUEST)?;
    let id = bytes.get(code + CANCEL_REQUEST.len()..)?.first_chunk()?;
    Some(i32::from_be_bytes(*id))
}

/// A TLS implementation that does not encrypt.
struct Unencrypted;

/// A stream in memory.
struct Stream(DuplexStream);

impl TlsConnect<DuplexStream> for Unencrypted {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Ready<io::Result<Stream>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Stream(stream)))
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
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
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_id_follows_the_code_of_the_request() {
        let ssl = [0, 0, 0, 8, 4, 210, 22, 47];
        let cancel = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 1, 2, 9, 9, 9, 9];
        assert_eq!(of_request(&cancel), Some(258));
        assert_eq!(of_request(&[&ssl[..], &cancel].concat()), Some(258));
        assert_eq!(of_request(&cancel[..10]), None);
        assert_eq!(of_request(&ssl), None);
    }
}
