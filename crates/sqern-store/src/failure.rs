//! Why a package can't be unpacked, or a tree not be built in.

use std::fmt;

/// What was expected, what was got, where, and what one may type about it: the one form in which this crate says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What would have been right.
    pub expected: String,
    /// What came in its place.
    pub got: String,
    /// The file, and the entry in it where there is one.
    pub place: String,
    /// What helps: a command, a package, a file to look at.
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

    /// The same failure where its place lies in an outer one: an entry in its package.
    #[must_use]
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() { outer.to_string() } else { format!("{outer}: {}", self.place) };
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
