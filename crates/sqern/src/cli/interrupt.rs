//! Ctrl-C, and the signal by which services are stopped.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Waits for SIGINT or SIGTERM. After the first call, these signals no longer terminate the program.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Returns a token that is canceled by SIGINT or SIGTERM.
pub(super) fn stop_on_interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let canceled = token.clone();
    tokio::spawn(async move {
        interrupted().await;
        canceled.cancel();
    });
    token
}
