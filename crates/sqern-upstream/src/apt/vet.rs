//! Whether a `Release` is the right one at the right time.

use jiff::{SignedDuration, Timestamp};

use crate::Failure;
use crate::deb::release::Release;
use crate::deb::suite::{SuiteMatch, suite_match};

/// How far a clock may be behind the archive's.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

/// What is done about a `Release` past its `Valid-Until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// A server that sends it may be replaying old data.
    Fails,
    /// The machine's own apt lists age while it does not update.
    Warns,
}

/// Refuses a `Release` whose time is over or not yet come; gives a warning where that is enough.
pub(super) fn time(release: &Release, now: Timestamp, expired: Expired, place: &str) -> Result<Option<String>, Failure> {
    if let Some(date) = release.date.filter(|date| date.duration_since(now) > FUTURE) {
        return Err(
            Failure::new(format!("a Release of no later than now ({now})"), format!("one of {date}"), place).hint("date -u")
        );
    }
    let Some(until) = release.valid_until.filter(|until| *until < now) else { return Ok(None) };
    let age = age(now.duration_since(until));
    match expired {
        Expired::Warns => Ok(Some(format!("the Release was valid until {until}, {age} ago, at {place}; hint: apt-get update"))),
        Expired::Fails => Err(Failure::new(
            format!("a Release that is still valid now ({now})"),
            format!("an expired one: it was valid until {until}, {age} ago"),
            place,
        )),
    }
}

/// Refuses the `Release` of another suite; gives a warning when it does not clearly say which it is.
pub(super) fn suite(release: &Release, asked: &str, place: &str) -> Result<Option<String>, Failure> {
    let says = |field: &Option<String>| field.clone().unwrap_or_else(|| "(none)".into());
    let got = format!("Suite {}, Codename {}", says(&release.suite), says(&release.codename));
    match suite_match(asked, release.suite.as_deref(), release.codename.as_deref()) {
        SuiteMatch::Yes => Ok(None),
        SuiteMatch::Unsure => Ok(Some(format!("the Release of {asked} calls itself {got}, at {place}"))),
        SuiteMatch::No => Err(Failure::new(format!("the Release of the suite {asked}"), got, place)),
    }
}

/// A span in its largest unit: 12 days, 5 hours, 3 minutes.
fn age(span: SignedDuration) -> String {
    let minutes = span.as_mins().max(0);
    let (count, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
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
        assert!(failure.contains("2026-05-27T12:00:00Z, 14 days ago") && failure.contains("2026-06-10T12:00:00Z"), "{failure}");
        let warning = time(&expired, now, Expired::Warns, "here").expect("a warning").expect("a warning");
        assert!(warning.contains("14 days ago") && warning.contains("apt-get update"), "{warning}");
    }

    #[test]
    fn a_release_from_tomorrow_is_taken_and_a_later_one_refused() {
        let now: Timestamp = "2026-06-10T12:00:00Z".parse().expect("a time");
        assert_eq!(time(&release("2026-06-11T11:00:00Z", ""), now, Expired::Fails, "here"), Ok(None));
        assert!(time(&release("2026-06-11T13:00:00Z", ""), now, Expired::Warns, "here").is_err());
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (minutes, expected) in [(0, "0 minutes"), (1, "1 minute"), (130, "2 hours"), (2879, "47 hours"), (2880, "2 days")] {
            assert_eq!(age(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
