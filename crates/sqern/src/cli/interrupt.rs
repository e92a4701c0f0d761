//! SIGINT and SIGTERM: interrupts by the user and by service managers.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The number of the received signal, or 0.
static RECEIVED: AtomicU8 = AtomicU8::new(0);
const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// Returns the signal that the program has received while it waited for SIGINT or SIGTERM.
pub(super) fn received_signal() -> Option<u8> {
    Some(RECEIVED.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// Waits for SIGINT or SIGTERM. After the first call, these signals no longer terminate the
/// program.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    let received = tokio::select! {
        _ = tokio::signal::ctrl_c() => SIGINT,
        _ = terminate.recv() => SIGTERM,
    };
    RECEIVED.store(received, Ordering::Relaxed);
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
