//! A hand-written HTTP/1.1 server, because the server of a library does not write invalid
//! responses.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

use super::response::{Head, Response, Step};
use super::{ReceivedRequest, State};

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    state: Arc<State>,
    connection: usize,
) {
    let mut stream = BufStream::new(stream);
    while let Some(request) = read_request(&mut stream, connection).await {
        let _under_way = state.begin();
        let response = state.respond(request).await;
        if !write(&mut stream, &response, &state).await.unwrap_or(false) {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    connection: usize,
) -> Option<ReceivedRequest> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(ReceivedRequest {
        path,
        headers,
        connection,
        http2: false,
    })
}

/// Writes a response and returns whether the connection stays open.
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    response: &Response,
    state: &State,
) -> Result<bool> {
    let mut head = format!("HTTP/1.1 {} Response\r\n", response.status);
    head.extend(
        response
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n")),
    );
    match response.length {
        // RFC 9110 §8.6: the length in a 304 response would be that of the body that is not sent.
        Some(_) if response.status == 304 => {}
        Some(length) => head += &format!("Content-Length: {length}\r\n"),
        None => head += "Transfer-Encoding: chunked\r\n",
    }
    stream.write_all(head.as_bytes()).await?;
    if response.head == Head::Endless {
        loop {
            stream.write_all(b"X-More: and more\r\n").await?;
        }
    }
    stream.write_all(b"\r\n").await?;
    for step in &response.steps {
        match step {
            Step::Data(bytes) => data(stream, response, bytes, state).await?,
            Step::Pause(pause) => {
                stream.flush().await?;
                tokio::time::sleep(*pause).await;
            }
            Step::Endless => loop {
                data(stream, response, &[b'x'; 8192], state).await?;
            },
            Step::Cut => {
                stream.flush().await?;
                return Ok(false);
            }
        }
    }
    if response.length.is_none() {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await?;
    Ok(true)
}

async fn data<S: AsyncWrite + Unpin>(
    stream: &mut S,
    response: &Response,
    bytes: &[u8],
    state: &State,
) -> Result<()> {
    if response.length.is_none() {
        stream
            .write_all(format!("{:x}\r\n", bytes.len()).as_bytes())
            .await?;
    }
    stream.write_all(bytes).await?;
    if response.length.is_none() {
        stream.write_all(b"\r\n").await?;
    }
    state
        .body_bytes
        .fetch_add(bytes.len() as u64, Ordering::SeqCst);
    Ok(())
}
