//! The error type of this crate.

use std::io;

use sqern_db::DbError;
use sqern_db::connect::ConnectError;

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database reported an error.
    #[error(transparent)]
    Db(#[from] DbError),
    /// No connection to the database could be established.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The store reported an error.
    #[error("{}", .0.message())]
    Store(#[from] sqern_store::Failure),
    /// A repository could not be read.
    #[error("{}", .0.message())]
    Upstream(#[from] sqern_upstream::Failure),
    /// A file or process of this machine could not be used.
    #[error("{operation}: {source}")]
    Io {
        /// The operation, as a text that starts with "could not".
        operation: String,
        /// The reason.
        source: io::Error,
    },
}

impl Error {
    /// Returns a function that adds the failed operation to an I/O error. `operation` starts with "could not".
    pub fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation: operation.into(), source }
    }

    /// Returns the hints. Each is a command, or a sentence.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Db(error) => error.hint().into_iter().collect(),
            Self::Connect(error) => error.hint().into_iter().collect(),
            Self::Store(error) => error.hint.clone().into_iter().collect(),
            Self::Upstream(error) => error.hint.clone().into_iter().collect(),
            Self::Io { .. } => vec![],
        }
    }

    /// Returns whether the error is a defect of this program, or of the data that it wrote.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Db(DbError::Unexpected { .. }))
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}
