//! The error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use sqern_model::diagnostic::{Description, Diagnostic};

/// The kind of an [`Error`], by which callers decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file or directory could not be accessed.
    Io,
    /// The disk is full, or a quota is exceeded.
    StorageFull,
    /// Other users can write to a directory in which packages are unpacked.
    UnsafeDirectory,
    /// A name or checksum cannot be part of a path in the store.
    InvalidName,
    /// The manifest of a tree is missing, invalid or that of another kernel.
    InvalidManifest,
    /// The files of a tree differ from its manifest.
    ModifiedTree,
    /// A package is damaged, contains entries that are not allowed, or exceeds a limit. Another
    /// attempt fails, too.
    InvalidPackage,
    /// The packages of a tree do not contain usable headers of the kernel.
    InvalidTree,
    /// kbuild cannot use a path.
    UnsupportedPath,
    /// A build program could not be started.
    MissingTool,
    /// The test module could not be compiled.
    BuildFailed,
    /// The compilation exceeded its time limit.
    TimeLimit,
    /// The compiled module is not of the kernel.
    WrongVermagic,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Io,
        Self::StorageFull,
        Self::UnsafeDirectory,
        Self::InvalidName,
        Self::InvalidManifest,
        Self::ModifiedTree,
        Self::InvalidPackage,
        Self::InvalidTree,
        Self::UnsupportedPath,
        Self::MissingTool,
        Self::BuildFailed,
        Self::TimeLimit,
        Self::WrongVermagic,
    ];

    /// Returns the stable identifier of the kind.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::StorageFull => "storage-full",
            Self::UnsafeDirectory => "unsafe-directory",
            Self::InvalidName => "invalid-name",
            Self::InvalidManifest => "invalid-manifest",
            Self::ModifiedTree => "modified-tree",
            Self::InvalidPackage => "invalid-package",
            Self::InvalidTree => "invalid-tree",
            Self::UnsupportedPath => "unsupported-path",
            Self::MissingTool => "missing-tool",
            Self::BuildFailed => "build-failed",
            Self::TimeLimit => "time-limit",
            Self::WrongVermagic => "wrong-vermagic",
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
    /// The last lines of the output of make.
    output: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, description: Description) -> Self {
        Self(Box::new(Inner {
            kind,
            description,
            output: None,
            source: None,
        }))
    }

    /// Returns the error of unexpected input.
    pub(crate) fn unexpected(
        kind: ErrorKind,
        expected: impl Into<String>,
        found: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        Self::new(kind, Description::unexpected(expected, found, location))
    }

    /// Returns the error of a failed operation. `operation` starts with "could not" or "cannot".
    pub(crate) fn failed(
        kind: ErrorKind,
        operation: &str,
        reason: impl Into<String>,
        location: impl fmt::Display,
    ) -> Self {
        Self::new(kind, Description::failed(operation, reason, location))
    }

    /// Returns the error of a failed system call.
    pub(crate) fn io(operation: &str, error: io::Error, location: impl fmt::Display) -> Self {
        let is_full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let kind = if is_full {
            ErrorKind::StorageFull
        } else {
            ErrorKind::Io
        };
        let mut failed = Self::failed(kind, operation, error.to_string(), location);
        failed.0.source = Some(Arc::new(error));
        if is_full {
            failed.with_hint("Delete files on the full disk (df -h), or of the user whose quota is exceeded (quota).")
        } else {
            failed
        }
    }

    /// Returns the error with a hint: a command or a sentence.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.description.hint = Some(hint.into());
        self
    }

    /// Returns the error with the last lines of the output of make.
    #[must_use]
    pub(crate) fn with_output(mut self, lines: &[String]) -> Self {
        if !lines.is_empty() {
            self.0.output = Some(format!(
                "last lines of the output of make:\n  | {}",
                lines.join("\n  | ")
            ));
        }
        self
    }

    /// Returns the error with its location inside an outer one, such as an entry of a package.
    #[must_use]
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.0.description.within(outer);
        self
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

    fn detail(&self) -> Option<&str> {
        self.0.output.as_deref()
    }

    fn hint(&self) -> Option<&str> {
        self.description().hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.description().fmt(f)?;
        match &self.0.output {
            Some(output) => write!(f, "; {output}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.0.kind, &self.0.description, &self.0.output)
            == (other.0.kind, &other.0.description, &other.0.output)
    }
}

impl Eq for Error {}
