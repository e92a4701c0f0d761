//! Values of a pipeline file, which are checked when it is read.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use url::Url;

/// A text that is not empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct NonEmptyText(pub(super) String);

impl TryFrom<String> for NonEmptyText {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Err("must not be empty") } else { Ok(Self(text)) }
    }
}

/// A shell command that is not blank.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CommandText(pub(super) String);

impl TryFrom<String> for CommandText {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() { Err("must be a command, not blank") } else { Ok(Self(text)) }
    }
}

/// A positive duration such as `90s`, `15m` or `1h30m`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PositiveDuration(pub(super) Duration);

impl TryFrom<String> for PositiveDuration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let duration = SignedDuration::from_str(&text).ok().and_then(|duration| Duration::try_from(duration).ok());
        let positive = duration.filter(|duration| *duration > Duration::ZERO);
        positive.map(Self).ok_or_else(|| format!("expected a duration such as 90s, 15m or 1h30m, found {text:?}"))
    }
}

/// A URL.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct UrlText(pub(super) Url);

impl TryFrom<String> for UrlText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let invalid = |error: &dyn Display| format!("expected a URL, found {text:?}: {error}");
        Url::parse(&text).map(Self).map_err(|error| invalid(&error))
    }
}
