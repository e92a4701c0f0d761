//! What time servers have, by what they say of it unasked.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};

use super::response::http_date;

/// How far the clocks of the servers that answered are ahead of this machine's.
#[derive(Debug)]
pub(super) struct Clocks {
    /// When the time began that requests state: it runs on from there.
    begun: Instant,
    ahead: Mutex<Vec<SignedDuration>>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), ahead: Mutex::default() }
    }

    /// Notes what an answer says, if it says anything. `now` is the time when the client was made.
    pub(super) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        let passed = SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default();
        if let Some(ahead) = ahead(headers, now.saturating_add(passed).unwrap_or(now)) {
            self.ahead.lock().unwrap_or_else(PoisonError::into_inner).push(ahead);
        }
    }

    /// The middle one, so that a single server with a wrong clock decides nothing.
    pub(super) fn median(&self) -> Option<SignedDuration> {
        let mut all = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort();
        all.get(all.len() / 2).copied()
    }
}

/// How far a server's clock is ahead. `Date` is when the answer was made, and a cache on the way says by `Age` how many seconds ago
/// that was (RFC 9110 §6.6.1, RFC 9111 §5.1).
fn ahead(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let age: i64 = text(AGE).map_or(Some(0), |age| age.parse().ok().filter(|age| *age >= 0))?;
    let date = http_date(text(DATE)?)?;
    Some(date.duration_since(now) + SignedDuration::from_secs(age.min(i64::from(i32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_its_servers_clock_through_a_cache_too() {
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
            assert_eq!(ahead(&headers, now), expected.map(SignedDuration::from_secs), "{date} {age:?}");
        }
    }

    #[test]
    fn one_server_of_several_with_a_wrong_clock_decides_nothing() {
        let clocks = Clocks::new();
        assert_eq!(clocks.median(), None);
        clocks.ahead.lock().expect("nobody else").extend([7200, 1, 0].map(SignedDuration::from_secs));
        assert_eq!(clocks.median(), Some(SignedDuration::from_secs(1)));
    }
}
