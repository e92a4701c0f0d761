//! The error type of this crate.

use std::io;
use std::path::PathBuf;

use crate::Obstacle;

/// An error of the sandbox. The command itself might have failed without an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The required isolation is not available.
    #[error("cannot isolate the command: {}", .0.reason)]
    Unavailable(Obstacle),
    /// The sandbox could not be created.
    #[error("could not create the sandbox: {0}")]
    Setup(String),
    /// The program could not be started.
    #[error("could not run {}: {error}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The sandbox could not be supervised.
    #[error("could not wait for the command: {0}")]
    Wait(io::Error),
    /// A file of the scratch directory could not be written or read.
    #[error("could not access {}: {error}", path.display())]
    Scratch {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
}

impl Error {
    /// Returns the hint, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unavailable(obstacle) => Some(&obstacle.hint),
            Self::Setup(_) | Self::Start { .. } | Self::Wait(_) | Self::Scratch { .. } => None,
        }
    }
}
