//! The clocks of servers, from the headers of their responses.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};

use super::response::http_date;

/// The differences between the clocks of servers and of this machine.
#[derive(Debug)]
pub(super) struct Clocks {
    /// The moment of the time in requests.
    begun: Instant,
    ahead: Mutex<Vec<SignedDuration>>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            ahead: Mutex::default(),
        }
    }

    /// Records the time in a response. `now` is the time at which the client was created.
    pub(super) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        let passed = SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default();
        if let Some(ahead) = ahead(headers, now.saturating_add(passed).unwrap_or(now)) {
            self.ahead
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(ahead);
        }
    }

    /// Returns the median, so that a single wrong clock has no effect.
    pub(super) fn median(&self) -> Option<SignedDuration> {
        let mut all = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort();
        all.get(all.len() / 2).copied()
    }
}

/// Returns the difference of the clock of a server. `Date` is the time of the response, and caches
/// add its age in seconds as `Age` (RFC 9110 §6.6.1, RFC 9111 §5.1).
fn ahead(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let age: i64 = text(AGE).map_or(Some(0), |age| age.parse().ok().filter(|age| *age >= 0))?;
    let date = http_date(text(DATE)?)?;
    Some(date.duration_since(now) + SignedDuration::from_secs(age.min(i64::from(i32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_of_a_server_is_corrected_by_age() {
        let now: Timestamp = "2026-01-11T00:01:00Z".parse().expect("a time");
        for (date, age, expected) in [
            ("Sun, 11 Jan 2026 00:01:07 GMT", None, Some(7)),
            ("Sun, 11 Jan 2026 00:00:00 GMT", None, Some(-60)),
            ("Sun, 11 Jan 2026 00:00:00 GMT", Some("60"), Some(0)),
            ("Sun, 11 Jan 2026 00:00:00 GMT", Some("soon"), None),
            ("today", None, None),
        ] {
            let mut headers = HeaderMap::from_iter([(DATE, date.parse().expect("a value"))]);
            if let Some(age) = age {
                headers.insert(AGE, age.parse().expect("a value"));
            }
            assert_eq!(
                ahead(&headers, now),
                expected.map(SignedDuration::from_secs),
                "{date} {age:?}"
            );
        }
    }

    #[test]
    fn single_wrong_clock_has_no_effect() {
        let clocks = Clocks::new();
        assert_eq!(clocks.median(), None);
        clocks
            .ahead
            .lock()
            .expect("no other thread holds the lock")
            .extend([7200, 1, 0].map(SignedDuration::from_secs));
        assert_eq!(clocks.median(), Some(SignedDuration::from_secs(1)));
    }
}
