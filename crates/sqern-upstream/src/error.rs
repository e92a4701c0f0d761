//! The error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use sqern_model::escape::escape_control;

/// The length limit of a text about one package, in bytes.
const MAX_ENTRY_TEXT_BYTES: usize = 1500;

sqern_model::diagnostic_error! {
    /// A local file could not be read or written.
    Io = "io",
    /// A server could not be reached, or did not send a complete file.
    Download = "download",
    /// A file does not exist on a server or on this machine.
    NotFound = "not-found",
    /// A server rejected the credentials, or requires some.
    Authentication = "authentication",
    /// A certificate is invalid or missing.
    Certificate = "certificate",
    /// The definition of a source or its credentials cannot be used.
    Configuration = "configuration",
    /// A keyring is missing or invalid.
    Keyring = "keyring",
    /// Metadata is not signed.
    MissingSignature = "missing-signature",
    /// A signature is invalid, or by an unknown or expired key.
    InvalidSignature = "invalid-signature",
    /// Metadata is expired, older than before, or has a date in the future.
    Outdated = "outdated",
    /// Metadata has another format or content than expected.
    InvalidMetadata = "invalid-metadata",
    /// A file differs from its size or checksum in the metadata.
    ChecksumMismatch = "checksum-mismatch",
    /// A file or a source exceeds a limit.
    LimitExceeded = "limit-exceeded",
    /// A task was aborted.
    Internal = "internal",
}

impl Error {
    /// Returns the error of a failed system call.
    pub(crate) fn io(operation: &str, error: io::Error, location: impl fmt::Display) -> Self {
        Self::caused(ErrorKind::Io, operation, error, location)
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

    /// Returns the error without its hint.
    #[must_use]
    pub(crate) fn without_hint(mut self) -> Self {
        self.0.description.hint = None;
        self
    }

    /// Removes and returns the hint.
    pub(crate) fn take_hint(&mut self) -> Option<String> {
        self.0.description.hint.take()
    }
}

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
    use sqern_model::Diagnostic as _;

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
