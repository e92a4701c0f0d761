//! The error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use sqern_model::diagnostic::{Description, Diagnostic};
use sqern_model::escape::escape_control;

/// The length limit of a text about one package, in bytes.
const MAX_ENTRY_TEXT_BYTES: usize = 1500;

/// The kind of an [`Error`], by which callers decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A local file could not be read or written.
    Io,
    /// A server could not be reached, or did not send a complete file.
    Download,
    /// A file does not exist on a server or on this machine.
    NotFound,
    /// A server rejected the credentials, or requires some.
    Authentication,
    /// A certificate is invalid or missing.
    Certificate,
    /// The definition of a source or its credentials cannot be used.
    Configuration,
    /// A keyring is missing or invalid.
    Keyring,
    /// Metadata is not signed.
    MissingSignature,
    /// A signature is invalid, or by an unknown or expired key.
    InvalidSignature,
    /// Metadata is expired, older than before, or has a date in the future.
    Outdated,
    /// Metadata has another format or content than expected.
    InvalidMetadata,
    /// A file differs from its size or checksum in the metadata.
    ChecksumMismatch,
    /// A file exceeds a limit.
    LimitExceeded,
    /// A task was aborted.
    Internal,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Io,
        Self::Download,
        Self::NotFound,
        Self::Authentication,
        Self::Certificate,
        Self::Configuration,
        Self::Keyring,
        Self::MissingSignature,
        Self::InvalidSignature,
        Self::Outdated,
        Self::InvalidMetadata,
        Self::ChecksumMismatch,
        Self::LimitExceeded,
        Self::Internal,
    ];

    /// Returns the stable identifier of the kind.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Download => "download",
            Self::NotFound => "not-found",
            Self::Authentication => "authentication",
            Self::Certificate => "certificate",
            Self::Configuration => "configuration",
            Self::Keyring => "keyring",
            Self::MissingSignature => "missing-signature",
            Self::InvalidSignature => "invalid-signature",
            Self::Outdated => "outdated",
            Self::InvalidMetadata => "invalid-metadata",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::LimitExceeded => "limit-exceeded",
            Self::Internal => "internal",
        }
    }
}

/// An error of this crate.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    description: Description,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, description: Description) -> Self {
        Self(Box::new(Inner {
            kind,
            description,
            source: None,
        }))
    }

    /// Returns the error of unexpected input.
    pub fn unexpected(
        kind: ErrorKind,
        expected: impl Into<String>,
        found: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        Self::new(kind, Description::unexpected(expected, found, location))
    }

    /// Returns the error of a failed operation. `operation` starts with "could not" or "cannot".
    pub fn failed(
        kind: ErrorKind,
        operation: &str,
        reason: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        Self::new(kind, Description::failed(operation, reason, location))
    }

    /// Returns the error of an operation that failed because of another error.
    pub(crate) fn caused(
        kind: ErrorKind,
        operation: &str,
        cause: impl StdError + Send + Sync + 'static,
        location: impl fmt::Display,
    ) -> Self {
        let mut failed = Self::failed(kind, operation, cause.to_string(), location);
        failed.0.source = Some(Arc::new(cause));
        failed
    }

    /// Returns the error of a failed system call.
    pub(crate) fn io(operation: &str, error: io::Error, location: impl fmt::Display) -> Self {
        Self::caused(ErrorKind::Io, operation, error, location)
    }

    /// Returns the error with a hint: a command or a sentence.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.description.hint = Some(hint.into());
        self
    }

    /// Returns the error with another kind.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Appends a text to the message.
    pub(crate) fn append(&mut self, text: &str) {
        self.0.description.append(text);
    }

    /// Adds the problem of a further attempt, such as that of another mirror.
    pub(crate) fn add_attempt(&mut self, problem: String) {
        self.0.description.further_attempts.push(problem);
    }

    /// Removes and returns the hint.
    pub(crate) fn take_hint(&mut self) -> Option<String> {
        self.0.description.hint.take()
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the problem, its location and the hint.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.0.description
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        self.kind().code()
    }

    fn message(&self) -> String {
        self.description().message()
    }

    fn hint(&self) -> Option<&str> {
        self.description().hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.description().fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.0.kind, &self.0.description) == (other.0.kind, &other.0.description)
    }
}

impl Eq for Error {}

/// Escapes a text about one package of an index, and limits its length.
pub(crate) fn escape_entry_text(text: &str) -> String {
    escape_control(text, MAX_ENTRY_TEXT_BYTES)
}

/// Returns the messages of an error and its sources, separated by `: `. reqwest and hyper report
/// the cause ("connection refused") last.
pub(crate) fn error_chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_sources() {
        let error =
            Error::io("could not read", io::ErrorKind::NotFound.into(), "/x").with_hint("ls /x");
        assert_eq!((error.code(), error.hint()), ("io", Some("ls /x")));
        assert_eq!(error.message(), "could not read /x: entity not found");
        assert_eq!(
            error_chain(&error),
            "could not read /x: entity not found; hint: ls /x: entity not found"
        );
    }
}
