//! Generations and times as arguments, such as `--at`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// An earlier state, specified by the id of a generation or by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The state after this generation. 0 is the state before the first generation.
    Generation(i64),
    /// The state at this time.
    Time(Timestamp),
    /// The state before this duration, which is positive.
    Ago(SignedDuration),
}

/// A text that is neither a generation nor a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a generation ID or a time (2026-05, 2026-05-01, '2026-05-01 14:30', 2026-05-01T14:30:00+02:00, yesterday, '2 hours ago'; \
     default time zone: UTC), found {got:?}"
)]
pub struct InvalidAt {
    /// The text.
    pub got: String,
}

impl FromStr for At {
    type Err = InvalidAt;

    /// Parses a generation id or a time. The time zone is UTC unless the text contains an offset. A
    /// date is the time 00:00, and a month is its first day. Relative times are `yesterday` and
    /// durations in weeks, days, hours, minutes and seconds with `ago`.
    fn from_str(text: &str) -> Result<Self, InvalidAt> {
        let invalid = || InvalidAt {
            got: text.to_owned(),
        };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Generation).map_err(|_| invalid());
        }
        let in_utc = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|time| time.timestamp());
        if let Some(duration) = duration_ago(text) {
            return Ok(Self::Ago(duration));
        }
        text.parse::<Timestamp>()
            .or_else(|_| text.parse::<DateTime>().and_then(in_utc))
            .or_else(|_| {
                text.parse::<Date>()
                    .and_then(|date| in_utc(date.at(0, 0, 0, 0)))
            })
            .or_else(|_| {
                format!("{text}-01")
                    .parse::<Date>()
                    .and_then(|date| in_utc(date.at(0, 0, 0, 0)))
            })
            .map(Self::Time)
            .map_err(|_| invalid())
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generation(id) => id.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Ago(duration) => write!(f, "{duration:#} ago"),
        }
    }
}

/// Parses a relative time such as `yesterday` or `2 hours ago`.
fn duration_ago(text: &str) -> Option<SignedDuration> {
    if text == "yesterday" {
        return Some(SignedDuration::from_hours(24));
    }
    parse_age(text.strip_suffix("ago")?.trim())
}

/// Parses a positive duration in weeks, days, hours, minutes and seconds, such as `400 days`.
#[must_use]
pub fn parse_age(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    duration.is_positive().then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_or_a_time_is_parsed_with_utc_as_the_default_time_zone() {
        assert_eq!("12".parse(), Ok(At::Generation(12)));
        for (text, time) in [
            ("2026-05-01", "2026-05-01T00:00:00Z"),
            ("2026-05", "2026-05-01T00:00:00Z"),
            ("2026-05-01 14:30", "2026-05-01T14:30:00Z"),
            ("2026-05-01 14:30:15Z", "2026-05-01T14:30:15Z"),
            ("2026-05-01T14:30:15.25+02:00", "2026-05-01T12:30:15.25Z"),
        ] {
            assert_eq!(
                text.parse::<At>().map(|at| at.to_string()),
                Ok(time.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn relative_times_are_durations_before_now() {
        for (text, hours) in [
            ("yesterday", 24),
            ("2 hours ago", 2),
            ("1 week 1 day ago", 192),
            ("3d ago", 72),
            ("90m ago", 1),
            ("500ms ago", 0),
        ] {
            let Ok(At::Ago(duration)) = text.parse() else {
                panic!("{text}")
            };
            assert_eq!(duration.as_hours(), hours, "{text}");
            assert_eq!(At::Ago(duration).to_string().parse(), Ok(At::Ago(duration)));
        }
    }

    #[test]
    fn an_invalid_text_is_rejected_with_examples_of_valid_ones() {
        for text in [
            "",
            "-1",
            "tomorrow",
            "ago",
            "-2 hours ago",
            "0s ago",
            "1 month ago",
            "2026-13",
            "2026-13-01",
            "99999999999999999999",
            "12 ",
        ] {
            let message = text.parse::<At>().unwrap_err().to_string();
            assert!(
                message.contains("2026-05-01") && message.ends_with(&format!("found {text:?}")),
                "{message}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_displayed_text_is_parsed_as_the_same_value(text in "[0-9]{1,20}|-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?") {
            if let Ok(at) = text.parse::<At>() {
                prop_assert_eq!(at.to_string().parse(), Ok(at));
            }
        }

        #[test]
        fn every_displayed_time_is_parsed_as_the_same_time(seconds in -62_135_596_800_i64..253_402_207_200, nanoseconds in 0..1_000_000_000) {
            let at = At::Time(Timestamp::new(seconds, nanoseconds).unwrap());
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }
    }
}
