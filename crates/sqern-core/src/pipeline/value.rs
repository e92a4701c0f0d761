//! Values of a pipeline file, which are checked when it is read.

use std::fmt::Display;
use std::time::Duration;

use serde::Deserialize;
use sqern_model::name::label;
use url::Url;

use crate::input::{parse_command, parse_duration};

/// A revision, release target, profile or flavor: a text that is not empty, with a limited length.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct LabelText(pub(super) String);

impl TryFrom<String> for LabelText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        label(text).map(Self).map_err(|error| error.to_string())
    }
}

/// A shell command that is not blank.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CommandText(pub(super) String);

impl TryFrom<String> for CommandText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_command(&text).map(Self)
    }
}

/// A positive duration such as `90s`, `15m` or `1h30m`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PositiveDuration(pub(super) Duration);

impl TryFrom<String> for PositiveDuration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_duration(&text).map(Self)
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
