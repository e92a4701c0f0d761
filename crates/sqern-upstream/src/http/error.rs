//! How a fetch fails, by what the caller does about it.

use std::time::Duration;

use crate::Failure;

/// How a fetch fails, by what is done about it.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The file is not there (403, 404, 410, no such file): another name may be.
    Absent(Failure),
    /// It may work in a moment: tried again, after so long where the server said so.
    Transient(Failure, Option<Duration>),
    /// It will not work.
    Fatal(Failure),
}

impl FetchError {
    /// What went wrong.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Absent(failure) | Self::Transient(failure, _) | Self::Fatal(failure) => failure,
        }
    }
}
