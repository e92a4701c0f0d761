//! Ctrl-C, and the signal by which services are stopped.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whether the program has received one of the signals.
static WAS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Returns whether the program has received SIGINT or SIGTERM while it waited for them.
pub(super) fn was_interrupted() -> bool {
    WAS_INTERRUPTED.load(Ordering::Relaxed)
}

/// Waits for SIGINT or SIGTERM. After the first call, these signals no longer terminate the program.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    WAS_INTERRUPTED.store(true, Ordering::Relaxed);
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
