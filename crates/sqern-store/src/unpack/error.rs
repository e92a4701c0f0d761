//! Errors of damaged or invalid packages.

use std::fmt;
use std::io;

use sqern_archive::LimitExceeded;

use crate::{Error, ErrorKind};

/// Returns the error of a package that is not allowed.
pub(super) fn invalid(
    expected: impl Into<String>,
    found: impl Into<String>,
    location: impl fmt::Display,
) -> Error {
    Error::unexpected(ErrorKind::InvalidPackage, expected, found, location)
}

/// Returns the error of an entry that cannot be written. `operation` starts with "cannot".
pub(super) fn rejected(
    operation: &str,
    reason: impl Into<String>,
    location: impl fmt::Display,
) -> Error {
    Error::failed(ErrorKind::InvalidPackage, operation, reason, location)
}

/// Returns the error of an archive that cannot be read: it is truncated, damaged, or exceeds the
/// limit after decompression.
pub(super) fn damaged(error: &io::Error, location: impl fmt::Display) -> Error {
    if let Some(LimitExceeded { limit_bytes }) = LimitExceeded::cause_of(error) {
        return invalid(
            format!("at most {limit_bytes} bytes after decompression"),
            "more",
            location,
        );
    }
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "a truncated archive".to_owned(),
        _ => format!("a damaged archive ({error})"),
    };
    invalid("a complete archive", found, location)
}
