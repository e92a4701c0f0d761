//! The error type of this crate.

use std::fmt;

/// An error of this crate: of a parser ("expected …, found …, at PLACE"), or of an operation ("could not … PLACE: reason").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The expected input; or the failed operation, as a text that starts with "could not" or "cannot".
    pub expected: String,
    /// The actual input; or the reason why the operation failed.
    pub got: String,
    /// The file, and the entry in it if there is one.
    pub place: String,
    /// A hint: a command or a sentence.
    pub hint: Option<String>,
}

impl Failure {
    /// Returns a failure of a parser without a hint.
    pub fn new(expected: impl Into<String>, got: impl Into<String>, place: impl fmt::Display) -> Self {
        Self { expected: expected.into(), got: got.into(), place: place.to_string(), hint: None }
    }

    /// Returns the failure of an operation, without a hint. `operation` starts with "could not" or "cannot".
    pub fn operation(operation: &str, reason: impl Into<String>, place: impl fmt::Display) -> Self {
        debug_assert!(is_operation(operation), "{operation}");
        Self::new(operation, reason, place)
    }

    /// Returns the message without the hint.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { expected, got, place, .. } = self;
        if is_operation(expected) {
            format!("{expected} {place}: {got}")
        } else {
            format!("expected {expected}, found {got}, at {place}")
        }
    }

    /// Returns the failure with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the failure with its place inside an outer one, such as an entry of a package.
    #[must_use]
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() { outer.to_string() } else { format!("{outer}: {}", self.place) };
        self
    }
}

/// Returns whether a text describes a failed operation.
fn is_operation(text: &str) -> bool {
    text.starts_with("could not ") || text.starts_with("cannot ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
