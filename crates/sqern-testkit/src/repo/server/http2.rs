//! An HTTP/2 server on top of `h2`, which is already a dependency of the HTTP client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::response::Step;
use super::{ReceivedRequest, State};

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    state: Arc<State>,
    connection: usize,
) {
    let Ok(mut connected) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connected.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move { respond_to(&request, respond, &state, connection).await });
    }
}

async fn respond_to(
    request: &Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: &State,
    connection: usize,
) -> anyhow::Result<()> {
    let _under_way = state.begin();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let planned = state
        .respond(ReceivedRequest {
            path,
            headers,
            connection,
            http2: true,
        })
        .await;
    let mut response = Response::builder().status(planned.status);
    for (name, value) in &planned.headers {
        response = response.header(name, value);
    }
    if let Some(length) = planned.length.filter(|_| planned.status != 304) {
        response = response.header("content-length", length);
    }
    let mut body = respond.send_response(response.body(())?, false)?;
    for step in planned.steps {
        match step {
            Step::Data(bytes) => {
                state
                    .body_bytes
                    .fetch_add(bytes.len() as u64, Ordering::SeqCst);
                body.send_data(bytes.into(), false)?;
            }
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            // The send queue is not bounded here, so endless bodies are tested over HTTP/1.1 only.
            Step::Endless => anyhow::bail!("no endless bodies over HTTP/2"),
            Step::Cut => {
                // A reset discards the queue, so wait until the client has received the first half.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                body.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
        }
    }
    body.send_data(Bytes::new(), true)?;
    Ok(())
}
