//! Why a package was not unpacked: whether it or the machine is to blame.

use std::fmt;
use std::io;

use super::input::TooMuch;
use crate::Failure;

/// Why a package was not unpacked. The two differ in what helps: another package, or another try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnpackError {
    /// The package is not as it must be, and is refused wherever it is tried.
    Package(Failure),
    /// The machine could not: the disk is full, a folder is not ours.
    Machine(Failure),
}

impl UnpackError {
    /// What was expected, got, and where.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Package(failure) | Self::Machine(failure) => failure,
        }
    }

    pub(super) fn within(self, outer: impl fmt::Display) -> Self {
        match self {
            Self::Package(failure) => Self::Package(failure.within(outer)),
            Self::Machine(failure) => Self::Machine(failure.within(outer)),
        }
    }

    pub(super) fn hint(self, hint: &str) -> Self {
        match self {
            Self::Package(failure) => Self::Package(failure.hint(hint)),
            Self::Machine(failure) => Self::Machine(failure.hint(hint)),
        }
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure().fmt(f)
    }
}

impl std::error::Error for UnpackError {}

/// The package is refused.
pub(super) fn refused(expected: impl Into<String>, got: impl Into<String>, place: impl fmt::Display) -> UnpackError {
    UnpackError::Package(Failure::new(expected, got, place))
}

/// The machine could not.
pub(super) fn machine(operation: &str, error: &io::Error, place: impl fmt::Display) -> UnpackError {
    let failure = Failure::operation(operation, error.to_string(), place);
    UnpackError::Machine(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failure.hint("Free disk space. df -h shows the full disk."),
        _ => failure,
    })
}

/// An archive broke off, is not what it says, or is more than it may be.
pub(super) fn unreadable(error: &io::Error, place: impl fmt::Display) -> UnpackError {
    if let Some(TooMuch { limit_bytes }) = error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) {
        return refused(format!("at most {limit_bytes} bytes after decompression"), "more", place);
    }
    let got = match error.kind() {
        io::ErrorKind::UnexpectedEof => "a truncated archive".to_owned(),
        _ => format!("a damaged archive ({error})"),
    };
    refused("a complete archive", got, place)
}
