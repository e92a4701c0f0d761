//! Whether a `Release` is the right one at the right time.

use jiff::Timestamp;

use crate::crawl::date::age;
use crate::deb::release::Release;
use crate::deb::suite::{SuiteMatch, suite_match};
use crate::{Error, ErrorKind};

/// What is done about a `Release` past its `Valid-Until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// A server that sends it may be replaying old data.
    Fails,
    /// The archive is closed for good: it stays as it is.
    Passes,
    /// The machine's own apt lists age while it does not update.
    Warns,
}

/// Refuses a `Release` whose time is over; gives a warning where that is enough.
pub(super) fn time(release: &Release, now: Timestamp, expired: Expired, place: &str) -> Result<Option<String>, Error> {
    let Some(until) = release.valid_until.filter(|until| *until < now) else { return Ok(None) };
    let age = age(now.duration_since(until));
    match expired {
        Expired::Passes => Ok(None),
        Expired::Warns => Ok(Some(format!("the Release expired {age} ago ({until}), at {place}; hint: apt-get update"))),
        Expired::Fails => Err(Error::unexpected(
            ErrorKind::Outdated,
            format!("a Release that is valid at the current time {now}"),
            format!("a Release that expired {age} ago ({until})"),
            place,
        )),
    }
}

/// Refuses the `Release` of another suite; gives a warning when it does not clearly say which it is.
pub(super) fn suite(release: &Release, asked: &str, place: &str) -> Result<Option<String>, Error> {
    let says = |field: &Option<String>| field.clone().unwrap_or_else(|| "(none)".into());
    let got = format!("Suite {}, Codename {}", says(&release.suite), says(&release.codename));
    match suite_match(asked, release.suite.as_deref(), release.codename.as_deref()) {
        SuiteMatch::Yes => Ok(None),
        SuiteMatch::Unsure => Ok(Some(format!("the Release of {asked} contains {got}, at {place}"))),
        SuiteMatch::No => Err(Error::unexpected(ErrorKind::InvalidMetadata, format!("a Release of suite {asked}"), got, place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(date: &str, until: &str) -> Release {
        Release { date: date.parse().ok(), valid_until: until.parse().ok(), ..Release::default() }
    }

    #[test]
    fn an_expired_release_tells_when_and_for_how_long() {
        let now: Timestamp = "2026-06-10T12:00:00Z".parse().expect("a time");
        let expired = release("2026-05-20T00:00:00Z", "2026-05-27T12:00:00Z");
        let failure = time(&expired, now, Expired::Fails, "here").expect_err("expired").to_string();
        assert!(failure.contains("14 days ago (2026-05-27T12:00:00Z)") && failure.contains("2026-06-10T12:00:00Z"), "{failure}");
        let warning = time(&expired, now, Expired::Warns, "here").expect("a warning").expect("a warning");
        assert!(warning.contains("14 days ago") && warning.contains("apt-get update"), "{warning}");
        assert_eq!(time(&expired, now, Expired::Passes, "here"), Ok(None));
    }
}
