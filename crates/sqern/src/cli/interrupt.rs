//! Ctrl-C, and the signal by which services are stopped.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT or SIGTERM. From the first call on these end the program no more by themselves.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
