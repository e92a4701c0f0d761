//! The error type of this crate.

use std::fmt;

/// An error of this crate: of a parser ("expected …, found …, at PLACE"), or of an operation ("could not … PLACE: reason").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The expected input; or the failed operation, as a text that starts with "could not" or "cannot".
    pub expected: String,
    /// The actual input; or the reason why the operation failed.
    pub got: String,
    /// The URL (without credentials) or the path, with a line number if there is one.
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
        let text = if is_operation(expected) {
            format!("{expected} {place}: {got}")
        } else {
            format!("expected {expected}, found {got}, at {place}")
        };
        // The limit leaves room for the failures of several mirrors.
        legible_to(&text, 10_000)
    }

    /// Appends a text to the message.
    pub(crate) fn append(&mut self, text: &str) {
        if is_operation(&self.expected) { self.got.push_str(text) } else { self.place.push_str(text) }
    }

    /// Returns the failure with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
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

/// Returns a text that can contain input of a server in a form that is safe for terminals and the database: control characters are escaped,
/// and the length is limited.
pub(crate) fn legible(text: &str) -> String {
    legible_to(text, 1500)
}

/// Returns the text, limited to about `bytes` bytes including escapes.
fn legible_to(text: &str, bytes: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(bytes));
    for character in text.chars() {
        if shown.len() >= bytes {
            shown.push('…');
            break;
        }
        if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    shown
}

/// Returns the messages of an error and its sources, joined by `: `. reqwest and hyper report the cause ("connection refused") last.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_operation_has_no_expectation() {
        let failure = Failure::operation("could not download", "HTTP status 404", "http://h/x").hint("sqern check");
        assert_eq!(failure.message(), "could not download http://h/x: HTTP status 404");
        assert_eq!(failure.to_string(), "could not download http://h/x: HTTP status 404; hint: sqern check");
    }

    #[test]
    fn what_a_server_sent_reaches_neither_terminal_nor_database_as_it_is() {
        let failure = Failure::new("a Release", format!("one of \0\x1b[2J\u{9b}m{}", "é".repeat(100_000)), "here").to_string();
        assert!(failure.starts_with("expected a Release, found one of \\u{0}\\u{1b}[2J\\u{9b}mé"), "{failure}");
        assert!(failure.len() < 10_010 && failure.ends_with('…'), "{failure}");
        assert!(legible(&"\0".repeat(1500)).len() < 1520, "escapes count too");
    }
}
