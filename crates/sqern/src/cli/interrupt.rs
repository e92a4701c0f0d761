//! SIGINT and SIGTERM: interrupts by the user and by service managers.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use pg_connect::Canceler;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The number of the received signal, or 0.
static RECEIVED: AtomicU8 = AtomicU8::new(0);
/// Whether the command waits for SIGINT and SIGTERM itself.
static IS_HANDLED: AtomicBool = AtomicBool::new(false);
const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// Returns the signal that the program has received while it waited for SIGINT or SIGTERM, or while
/// it executed a statement.
pub(super) fn received_signal() -> Option<u8> {
    Some(RECEIVED.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// Returns whether the command waits for SIGINT and SIGTERM itself.
pub(super) fn is_handled() -> bool {
    IS_HANDLED.load(Ordering::Relaxed)
}

/// The time for the cancellation of a statement before the program ends.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// Waits for SIGINT or SIGTERM. After the first call, these signals no longer terminate the
/// program.
pub(super) async fn interrupted() {
    IS_HANDLED.store(true, Ordering::Relaxed);
    let received = next_signal().await;
    RECEIVED.store(received, Ordering::Relaxed);
}

async fn next_signal() -> u8 {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => SIGINT,
        _ = terminate.recv() => SIGTERM,
    }
}

/// Cancels the statement of a session before SIGINT or SIGTERM terminates the program. Otherwise
/// the server would continue to execute it, and would keep its locks. Has no effect if the command
/// waits for these signals itself.
pub(super) fn cancel_on_interrupt(canceler: Canceler, terminate: fn(u8) -> !) {
    tokio::spawn(async move {
        let received = next_signal().await;
        if !is_handled() {
            RECEIVED.store(received, Ordering::Relaxed);
            _ = tokio::time::timeout(CANCEL_LIMIT, canceler.cancel()).await;
            terminate(received);
        }
    });
}

/// Returns a token that is canceled by SIGINT or SIGTERM.
pub(super) fn stop_on_interrupt() -> CancellationToken {
    IS_HANDLED.store(true, Ordering::Relaxed);
    let token = CancellationToken::new();
    let canceled = token.clone();
    tokio::spawn(async move {
        interrupted().await;
        canceled.cancel();
    });
    token
}
