//! Limits of concurrent requests, in total and per host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// The limits of concurrent requests.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<HostLimiter>>>,
}

/// The limit of a host.
#[derive(Debug)]
struct HostLimiter {
    permits: Arc<Semaphore>,
    width: Mutex<Width>,
}

#[derive(Debug)]
struct Width {
    /// The number of allowed requests.
    now: usize,
    /// The number of active requests that exceed the limit. Their permits are not reused.
    owed: usize,
}

/// The permission for a request, until it is dropped.
pub(super) struct Permit {
    limiter: Arc<HostLimiter>,
    /// The limit at the start of the request.
    width: usize,
    host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl RequestLimiter {
    /// Returns limits of `all` requests and `per_host` requests to each host, at least 1.
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.max(1))),
            per_host: per_host.max(1),
            hosts: Mutex::default(),
        }
    }

    /// Waits until both limits permit another request. The host is first, so that a slow host does
    /// not use up the general permits.
    pub(super) async fn permit(&self, url: &Url) -> Permit {
        let host = url.host_str().unwrap_or_default().to_owned();
        let limiter = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                hosts
                    .entry(host)
                    .or_insert_with(|| Arc::new(HostLimiter::new(self.per_host))),
            )
        };
        // Acquiring only fails for a closed semaphore.
        let host = Arc::clone(&limiter.permits).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        let width = limiter.width().now;
        Permit {
            limiter,
            width,
            host,
            _all: all,
        }
    }
}

impl HostLimiter {
    fn new(width: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(width)),
            width: Mutex::new(Width {
                now: width,
                owed: 0,
            }),
        }
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Halves the limit of the host, which reported too many requests. Responses to earlier
    /// requests have no effect, so a burst halves it once.
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

    /// Acquires permits until none is left.
    fn all(limiter: &RequestLimiter, url: &Url) -> Vec<Permit> {
        std::iter::from_fn(|| limiter.permit(url).now_or_never()).collect()
    }

    #[test]
    fn limit_is_halved_down_to_one() {
        let url = Url::parse("https://h/").expect("a URL");
        let limiter = RequestLimiter::new(100, 20);
        for expected in [20, 10, 5, 2, 1, 1] {
            let permits = all(&limiter, &url);
            assert_eq!(permits.len(), expected);
            // All requests of a burst are rejected.
            permits.iter().for_each(Permit::too_many);
        }
        assert_eq!(
            all(&limiter, &Url::parse("https://other/").expect("a URL")).len(),
            20
        );
    }

    #[test]
    fn active_requests_count_towards_the_reduced_limit() {
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
