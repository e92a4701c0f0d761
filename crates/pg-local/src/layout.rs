//! Paths in the directory of a private server.

use std::path::{Path, PathBuf};

use super::error::LocalError;
use super::program::Program;
use super::version::major;

/// The paths in the directory of a private server.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    pub(super) program: Program,
}

impl Layout {
    pub(super) fn new(dir: PathBuf, program: Program) -> Self {
        Self { dir, program }
    }

    /// Returns the path of the file that marks the directory as one of the program. It is also the
    /// lock.
    pub(super) fn marker(&self) -> PathBuf {
        self.dir.join(format!(".{}-local", self.program.name))
    }

    pub(super) fn data(&self) -> PathBuf {
        data_dir(&self.dir)
    }

    /// Returns the path of the incomplete data directory, which is renamed when it is complete.
    pub(super) fn staging(&self) -> PathBuf {
        self.dir.join("data.new")
    }

    pub(super) fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.log_dir().join("server.log")
    }

    pub(super) fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// Returns all directories of the server.
    pub(super) fn subdirs(&self) -> [PathBuf; 4] {
        [self.data(), self.staging(), self.run_dir(), self.log_dir()]
    }

    /// Returns the major version of the data directory from `PG_VERSION`; `None` if the directory
    /// does not exist.
    pub(super) fn data_version(&self) -> Result<Option<u32>, LocalError> {
        let path = self.data().join("PG_VERSION");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(major(&text).ok_or_else(|| {
                LocalError::BrokenData {
                    path,
                    found: text.trim().to_owned(),
                }
            })?)),
            Err(_) if !self.data().exists() => Ok(None),
            Err(source) => Err(LocalError::Io {
                action: "read",
                path,
                source,
            }),
        }
    }
}

/// Returns the path of the data directory in the directory of a server.
pub(super) fn data_dir(dir: &Path) -> PathBuf {
    dir.join("data")
}
