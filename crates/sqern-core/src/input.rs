//! Parsers of values that command lines and pipeline files have in common.

use std::time::Duration;

use jiff::SignedDuration;

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
