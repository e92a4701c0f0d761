//! Parsers of values that command lines and pipeline files have in common.

use std::time::Duration;

use jiff::SignedDuration;
use sqern_model::parse_age;

/// The longest retention: 100 years. PostgreSQL cannot subtract much longer durations from a time.
const LONGEST_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 36_500);

/// Parses a shell command, which must not be blank.
///
/// # Errors
///
/// Returns the rule that the text violates.
pub fn parse_command(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("must be a command, not blank".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Parses a positive duration such as `90s`, `15m` or `1h30m`.
///
/// # Errors
///
/// Returns the expected format.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    let positive = duration.filter(|duration| *duration > Duration::ZERO);
    positive.ok_or_else(|| format!("expected a duration such as 90s, 15m or 1h30m, found {text:?}"))
}

/// Parses the age up to which rows are kept, such as `400 days`.
///
/// # Errors
///
/// Returns the expected format.
pub fn parse_retention(text: &str) -> Result<SignedDuration, String> {
    parse_age(text)
        .filter(|age| *age <= LONGEST_RETENTION)
        .ok_or_else(|| {
            format!("expected an age of at most 100 years such as '400 days' or '8 weeks', found {text:?}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_positive_and_at_most_100_years() {
        for (text, hours) in [
            ("400 days", Some(9_600)),
            ("8 weeks", Some(1_344)),
            ("36500 days", Some(876_000)),
            ("36501 days", None),
            ("0 days", None),
            ("-1 day", None),
            ("soon", None),
        ] {
            let parsed = parse_retention(text).map(|age| age.as_hours());
            assert_eq!(parsed.ok(), hours, "{text}");
        }
    }
}
