//! What is where in a private server's directory.

use std::path::{Path, PathBuf};

use super::error::LocalError;

/// The directory, by its parts.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The file that says whose directory it is; it is also the lock.
    pub(super) fn marker(&self) -> PathBuf {
        self.dir.join(".sqern-local")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Where `data` is made; renamed when whole, so that a kill leaves all of it or none.
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

    /// All folders that are sqern's to remove.
    pub(super) fn folders(&self) -> [PathBuf; 4] {
        [self.data(), self.staging(), self.run_dir(), self.log_dir()]
    }

    /// The major version of the data, from its `PG_VERSION`; `None` where no data was made yet.
    pub(super) fn data_version(&self) -> Result<Option<u32>, LocalError> {
        let path = self.data().join("PG_VERSION");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(major(&text).ok_or_else(|| LocalError::BrokenData { path, got: text.trim().to_owned() })?)),
            Err(_) if !self.data().exists() => Ok(None),
            Err(source) => Err(LocalError::Io { what: "read", path, source }),
        }
    }
}

/// The major version at the beginning of `text`: 15 of `15.18`, 17 of `17beta1`.
pub(super) fn major(text: &str) -> Option<u32> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}
