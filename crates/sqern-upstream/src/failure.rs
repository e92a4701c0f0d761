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
        let Self { expected, got, place, .. } = self;
        // Room for what several mirrors did wrong.
        f.write_str(&legible_to(&format!("expected {expected}, got {got}, at {place}"), 10_000))?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// A text that may hold what a server sent, as people and the database can take it: control characters by their escapes, and no
/// more of it than anyone reads.
pub(crate) fn legible(text: &str) -> String {
    legible_to(text, 1500)
}

/// The same, to about so many bytes, escapes and all.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sent_reaches_neither_terminal_nor_database_as_it_is() {
        let failure = Failure::new("a Release", format!("one of \0\x1b[2J\u{9b}m{}", "é".repeat(100_000)), "here").to_string();
        assert!(failure.starts_with("expected a Release, got one of \\u{0}\\u{1b}[2J\\u{9b}mé"), "{failure}");
        assert!(failure.len() < 10_010 && failure.ends_with('…'), "{failure}");
        assert!(legible(&"\0".repeat(1500)).len() < 1520, "escapes count too");
    }
}
