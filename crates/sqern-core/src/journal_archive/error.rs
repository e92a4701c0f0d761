//! Errors of archives.

use std::path::PathBuf;

use sqern_db::follow::PositionError;

/// An archive that cannot be extended or verified.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The directory contains no file of an archive.
    #[error("{} contains no archive of the journal", directory.display())]
    Empty {
        /// The directory.
        directory: PathBuf,
    },
    /// Another process writes the next file.
    #[error(
        "another process writes to the archive {}; nothing was changed",
        directory.display()
    )]
    Busy {
        /// The directory.
        directory: PathBuf,
    },
    /// Another process has written the next file.
    #[error("{} already exists; nothing was changed", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file of the archive is missing.
    #[error("{} is missing; nothing was changed", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The newest file of the archive is damaged.
    #[error("{}, line {line}: {reason}; nothing was changed", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The reason.
        reason: String,
    },
    /// The archive does not belong to the database.
    #[error("{error}; the position is from the archive {}", directory.display())]
    Position {
        /// The directory.
        directory: PathBuf,
        /// The reason.
        error: PositionError,
    },
    /// The archive contains generations that the standby has not replayed.
    #[error("the standby has not replayed the last generation in the archive yet")]
    StandbyLags,
}

impl ArchiveError {
    /// Returns a hint: a command or a sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Empty { directory } => {
                format!("sqern generation archive {}", directory.display())
            }
            Self::Busy { directory } => format!(
                "sqern generation archive {}  # after the other process has finished",
                directory.display()
            ),
            Self::Exists { path } | Self::Missing { path } | Self::Invalid { path, .. } => {
                let directory = path.parent().unwrap_or(path);
                format!(
                    "sqern generation verify {} --offline  # checks all files",
                    directory.display()
                )
            }
            Self::Position { directory, .. } => format!(
                "Start a new archive in another directory. To compare the old one with this database: sqern generation verify {}",
                directory.display()
            ),
            Self::StandbyLags => {
                "Run the command again later, or connect to the primary.".to_owned()
            }
        }
    }
}
