//! Why a source, or a part of it, can't be believed.

use std::fmt;

/// What was expected, what was got, where, and what one may type about it: the one form in which this crate says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What would have been right.
    pub expected: String,
    /// What came in its place.
    pub got: String,
    /// The URL (without credentials) or the path, with a line where there is one.
    pub place: String,
    /// What helps: a command, an option, a file to look at.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(expected: impl Into<String>, got: impl Into<String>, place: impl fmt::Display) -> Self {
        Self { expected: expected.into(), got: got.into(), place: place.to_string(), hint: None }
    }

    /// The same failure with a hint that can be typed.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}, at {}", self.expected, self.got, self.place)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The errors below an error too, joined by `: `: reqwest and hyper keep what matters ("connection refused") at the bottom.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        below = cause.source();
    }
    text
}
