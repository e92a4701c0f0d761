//! The format of error messages in all crates.
//!
//! A message is about an operation ("could not download URL: HTTP status 404") or about input
//! ("expected a Release, found an HTML page, at URL"). Each crate has an error type with a kind, so
//! that no caller interprets a message.

use std::fmt;

use crate::escape::escape_control;

/// The length limit of a message in bytes. Several mirrors may contribute to one message.
const MAX_MESSAGE_BYTES: usize = 10_000;

/// An error that can be presented to a user.
pub trait Diagnostic: std::error::Error {
    /// Returns a stable identifier of the kind of error: `invalid-signature`.
    fn code(&self) -> &'static str;

    /// Returns the message without detail and hint.
    fn message(&self) -> String;

    /// Returns further lines, such as the output of a command.
    fn detail(&self) -> Option<&str> {
        None
    }

    /// Returns the hint: a command or a sentence.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// Defines the error type of a crate: `ErrorKind`, by which callers decide, and `Error` with a kind,
/// a [`Description`], a detail and a source. The crate adds its own constructors.
///
/// Each kind has a stable identifier. `ErrorKind::ALL` contains all kinds.
#[macro_export]
macro_rules! diagnostic_error {
    ($($(#[$doc:meta])* $kind:ident = $code:literal),+ $(,)?) => {
        /// The kind of an [`Error`], by which callers decide.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind),+
        }

        impl ErrorKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Returns the stable identifier of the kind.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code),+
                }
            }
        }

        /// An error of this crate.
        #[derive(Debug, Clone)]
        pub struct Error(Box<Inner>);

        #[derive(Debug, Clone)]
        struct Inner {
            kind: ErrorKind,
            description: $crate::diagnostic::Description,
            /// Further lines, such as the output of a command.
            detail: Option<String>,
            source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
        }

        impl Error {
            fn new(kind: ErrorKind, description: $crate::diagnostic::Description) -> Self {
                Self(Box::new(Inner {
                    kind,
                    description,
                    detail: None,
                    source: None,
                }))
            }

            /// Returns the error of unexpected input.
            pub fn unexpected(
                kind: ErrorKind,
                expected: impl Into<String>,
                found: impl Into<String>,
                location: impl std::fmt::Display,
            ) -> Self {
                let description =
                    $crate::diagnostic::Description::unexpected(expected, found, location);
                Self::new(kind, description)
            }

            /// Returns the error of a failed operation. `operation` starts with "could not" or
            /// "cannot".
            pub fn failed(
                kind: ErrorKind,
                operation: &str,
                reason: impl Into<String>,
                location: impl std::fmt::Display,
            ) -> Self {
                let description =
                    $crate::diagnostic::Description::failed(operation, reason, location);
                Self::new(kind, description)
            }

            /// Returns the error of an operation that failed because of another error.
            pub fn caused(
                kind: ErrorKind,
                operation: &str,
                cause: impl std::error::Error + Send + Sync + 'static,
                location: impl std::fmt::Display,
            ) -> Self {
                let mut failed = Self::failed(kind, operation, cause.to_string(), location);
                failed.0.source = Some(std::sync::Arc::new(cause));
                failed
            }

            /// Returns the error with a hint: a command or a sentence.
            #[must_use]
            pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
                self.0.description.hint = Some(hint.into());
                self
            }

            /// Returns the kind.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                self.0.kind
            }

            /// Returns the problem, its location and the hint.
            #[must_use]
            pub fn description(&self) -> &$crate::diagnostic::Description {
                &self.0.description
            }
        }

        impl $crate::Diagnostic for Error {
            fn code(&self) -> &'static str {
                self.kind().code()
            }

            fn message(&self) -> String {
                self.description().message()
            }

            fn detail(&self) -> Option<&str> {
                self.0.detail.as_deref()
            }

            fn hint(&self) -> Option<&str> {
                self.description().hint.as_deref()
            }
        }

        impl std::fmt::Display for Error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.description().fmt(f)?;
                match &self.0.detail {
                    Some(detail) => write!(f, "; {detail}"),
                    None => Ok(()),
                }
            }
        }

        impl std::error::Error for Error {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                self.0.source.as_deref().map(|source| source as _)
            }
        }

        impl PartialEq for Error {
            fn eq(&self, other: &Self) -> bool {
                (self.0.kind, &self.0.description, &self.0.detail)
                    == (other.0.kind, &other.0.description, &other.0.detail)
            }
        }

        impl Eq for Error {}
    };
}

/// The problem that an error describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A parser or a check found unexpected input.
    Unexpected {
        /// The expected input.
        expected: String,
        /// The actual input.
        found: String,
    },
    /// An operation failed.
    Failed {
        /// The operation, as a text that starts with "could not" or "cannot".
        operation: String,
        /// The reason.
        reason: String,
    },
}

/// A problem, its location and a hint. It determines the text of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The problem.
    pub problem: Problem,
    /// The URL without credentials, or the path; with a line number or an entry if there is one.
    pub location: String,
    /// The problems of further attempts, such as those of other mirrors. The message contains them
    /// after the problem.
    pub further_attempts: Vec<String>,
    /// The hint: a command or a sentence.
    pub hint: Option<String>,
}

impl Description {
    /// Returns the description of unexpected input.
    pub fn unexpected(
        expected: impl Into<String>,
        found: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        let problem = Problem::Unexpected {
            expected: expected.into(),
            found: found.into(),
        };
        Self {
            problem,
            location: location.to_string(),
            further_attempts: Vec::new(),
            hint: None,
        }
    }

    /// Returns the description of a failed operation. `operation` starts with "could not" or
    /// "cannot".
    pub fn failed(
        operation: impl Into<String>,
        reason: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        let problem = Problem::Failed {
            operation: operation.into(),
            reason: reason.into(),
        };
        Self {
            problem,
            location: location.to_string(),
            further_attempts: Vec::new(),
            hint: None,
        }
    }

    /// Returns the actual input, or the reason why the first attempt failed. Control characters are
    /// escaped, and the length is limited.
    #[must_use]
    pub fn cause(&self) -> String {
        let (Problem::Unexpected { found: cause, .. } | Problem::Failed { reason: cause, .. }) =
            &self.problem;
        escape_control(cause, MAX_MESSAGE_BYTES)
    }

    /// Returns the message without the hint. Control characters are escaped, and the length is
    /// limited.
    #[must_use]
    pub fn message(&self) -> String {
        let location = &self.location;
        let mut text = match &self.problem {
            Problem::Unexpected { expected, found } => {
                format!("expected {expected}, found {found}, at {location}")
            }
            Problem::Failed { operation, reason } => format!("{operation} {location}: {reason}"),
        };
        for attempt in &self.further_attempts {
            text.push_str("; ");
            text.push_str(attempt);
        }
        escape_control(&text, MAX_MESSAGE_BYTES)
    }

    /// Appends a text to the problem.
    pub fn append(&mut self, text: &str) {
        match &mut self.problem {
            Problem::Unexpected { .. } => self.location.push_str(text),
            Problem::Failed { reason, .. } => reason.push_str(text),
        }
    }

    /// Places the location inside an outer one, such as an entry inside a package.
    pub fn within(&mut self, outer: impl fmt::Display) {
        self.location = if self.location.is_empty() {
            outer.to_string()
        } else {
            format!("{outer}: {}", self.location)
        };
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_operation_is_described_with_its_reason() {
        let mut description =
            Description::failed("could not download", "HTTP status 404", "http://h/x");
        assert_eq!(
            description.message(),
            "could not download http://h/x: HTTP status 404"
        );
        description
            .further_attempts
            .push("next mirror: none".to_owned());
        description.hint = Some("sqern check".to_owned());
        assert_eq!(
            description.to_string(),
            "could not download http://h/x: HTTP status 404; next mirror: none; hint: sqern check"
        );
        assert_eq!(description.cause(), "HTTP status 404");
    }

    #[test]
    fn locations_are_nested() {
        let mut description = Description::unexpected("a file", "a link", "");
        description.within("a.deb");
        assert_eq!(
            description.message(),
            "expected a file, found a link, at a.deb"
        );
        description.within("cache");
        assert_eq!(
            description.message(),
            "expected a file, found a link, at cache: a.deb"
        );
    }

    #[test]
    fn untrusted_input_is_escaped_and_limited() {
        let input = format!("one of \0\x1b[2J\u{9b}m{}", "é".repeat(100_000));
        let message = Description::unexpected("a Release", input, "here").to_string();
        assert!(
            message.starts_with("expected a Release, found one of \\u{0}\\u{1b}[2J\\u{9b}mé"),
            "{message}"
        );
        assert!(
            message.len() < 10_010 && message.ends_with('…'),
            "{message}"
        );
    }
}
