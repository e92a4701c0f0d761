//! How many requests run at once, at one host and at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// How many requests run at once.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<HostLimiter>>>,
}

/// One host's.
#[derive(Debug)]
struct HostLimiter {
    permits: Arc<Semaphore>,
    width: Mutex<Width>,
}

#[derive(Debug)]
struct Width {
    /// How many may run.
    now: usize,
    /// How many of those that still run are too many, and leave without a successor.
    owed: usize,
}

/// Held while a request runs.
pub(super) struct Permit {
    limiter: Arc<HostLimiter>,
    /// The limiter's width when this one was let in.
    width: usize,
    host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl RequestLimiter {
    /// At most `all` requests, and `per_host` to each host; at least one.
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all.max(1))), per_host: per_host.max(1), hosts: Mutex::default() }
    }

    /// Waits until the host, then all hosts together, admit one more request: a slow host never holds a general permit
    /// that it does not use.
    pub(super) async fn permit(&self, url: &Url) -> Permit {
        let host = url.host_str().unwrap_or_default().to_owned();
        let limiter = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(hosts.entry(host).or_insert_with(|| Arc::new(HostLimiter::new(self.per_host))))
        };
        // A semaphore that is never closed always gives a permit.
        let host = Arc::clone(&limiter.permits).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        let width = limiter.width().now;
        Permit { limiter, width, host, _all: all }
    }
}

impl HostLimiter {
    fn new(width: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(width)), width: Mutex::new(Width { now: width, owed: 0 }) }
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The host says that it is too much: half as many from now on. Answers to requests that were sent before the last halving
    /// say nothing about the new width, so a burst of them halves it once.
    pub(super) fn too_many(&self) {
        let mut width = self.limiter.width();
        if width.now == 1 || width.now != self.width {
            return;
        }
        let less = width.now - width.now / 2;
        width.now -= less;
        width.owed += less - self.limiter.permits.forget_permits(less);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut width = self.limiter.width();
        if width.owed > 0 {
            width.owed -= 1;
            if let Some(permit) = self.host.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// Takes permits until none is left.
    fn all(limiter: &RequestLimiter, url: &Url) -> Vec<Permit> {
        std::iter::from_fn(|| limiter.permit(url).now_or_never()).collect()
    }

    #[test]
    fn a_host_that_says_too_many_gets_half_as_many_down_to_one() {
        let url = Url::parse("https://h/").expect("a URL");
        let limiter = RequestLimiter::new(100, 20);
        for expected in [20, 10, 5, 2, 1, 1] {
            let permits = all(&limiter, &url);
            assert_eq!(permits.len(), expected);
            // All of a burst say so.
            permits.iter().for_each(Permit::too_many);
        }
        assert_eq!(all(&limiter, &Url::parse("https://other/").expect("a URL")).len(), 20);
    }

    #[test]
    fn what_still_runs_counts_among_the_fewer() {
        let url = Url::parse("https://h/").expect("a URL");
        let limiter = RequestLimiter::new(100, 4);
        let mut permits = all(&limiter, &url);
        permits[0].too_many();
        permits.truncate(3);
        assert_eq!(all(&limiter, &url).len(), 0);
        permits.truncate(1);
        assert_eq!(all(&limiter, &url).len(), 1);
    }
}
