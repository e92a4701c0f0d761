//! Errors of downloads, by the reaction of the caller.

use std::time::Duration;

use crate::Error;

/// The error of a download, by the reaction of the caller.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The file does not exist (403, 404, 410, or no such file). Another one might.
    Absent(Error),
    /// Another attempt may succeed, after the duration that the server requested.
    Transient(Error, Option<Duration>),
    /// Another attempt would fail.
    Fatal(Error),
}

impl FetchError {
    /// Returns the error without the reaction.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Absent(failure) | Self::Transient(failure, _) | Self::Fatal(failure) => failure,
        }
    }
}
