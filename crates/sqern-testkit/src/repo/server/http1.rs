//! HTTP/1.1 by hand: a library's server would not write what is wrong.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

use super::response::{Answer, Head, Step};
use super::{Asked, State};

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(stream: S, state: Arc<State>, connection: usize) {
    let mut stream = BufStream::new(stream);
    while let Some(asked) = read_request(&mut stream, connection).await {
        let _under_way = state.begin();
        let answer = state.answer(asked).await;
        if !write(&mut stream, &answer, &state).await.unwrap_or(false) {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, connection: usize) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Some(Asked { path, headers, connection, http2: false })
}

/// Writes one answer; gives whether the connection stays.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, answer: &Answer, state: &State) -> Result<bool> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    head.extend(answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    match answer.length {
        // RFC 9110 §8.6: a 304 would state the length of what it does not send.
        Some(_) if answer.status == 304 => {}
        Some(length) => head += &format!("Content-Length: {length}\r\n"),
        None => head += "Transfer-Encoding: chunked\r\n",
    }
    stream.write_all(head.as_bytes()).await?;
    if answer.head == Head::Endless {
        loop {
            stream.write_all(b"X-More: and more\r\n").await?;
        }
    }
    stream.write_all(b"\r\n").await?;
    for step in &answer.steps {
        match step {
            Step::Data(bytes) => data(stream, answer, bytes, state).await?,
            Step::Pause(pause) => {
                stream.flush().await?;
                tokio::time::sleep(*pause).await;
            }
            Step::Endless => loop {
                data(stream, answer, &[b'x'; 8192], state).await?;
            },
            Step::Cut => {
                stream.flush().await?;
                return Ok(false);
            }
        }
    }
    if answer.length.is_none() {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await?;
    Ok(true)
}

async fn data<S: AsyncWrite + Unpin>(stream: &mut S, answer: &Answer, bytes: &[u8], state: &State) -> Result<()> {
    if answer.length.is_none() {
        stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    }
    stream.write_all(bytes).await?;
    if answer.length.is_none() {
        stream.write_all(b"\r\n").await?;
    }
    state.body_bytes.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    Ok(())
}
