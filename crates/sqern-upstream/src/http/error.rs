//! How a fetch fails, by what the caller does about it.

use std::time::Duration;

use crate::Error;

/// How a fetch fails, by what is done about it.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The file is not there (403, 404, 410, no such file): another name may be.
    Absent(Error),
    /// It may work in a moment: tried again, after so long where the server said so.
    Transient(Error, Option<Duration>),
    /// It will not work.
    Fatal(Error),
}

impl FetchError {
    /// What went wrong.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Absent(failure) | Self::Transient(failure, _) | Self::Fatal(failure) => failure,
        }
    }
}
