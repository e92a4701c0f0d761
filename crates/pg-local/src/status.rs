//! The state of a server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::endpoint::Endpoint;
use super::error::LocalError;
use super::pid_file::PidFile;
use super::server::LocalServer;

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The server accepts connections.
    Running,
    /// The server is starting.
    Starting,
    /// The server is shutting down.
    Stopping,
    /// The data directory exists, and the server is not running.
    Stopped,
    /// The data directory does not exist.
    Absent,
}

/// The state and location of a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Status {
    /// The state of the server.
    pub state: State,
    /// The directory of the server.
    pub dir: PathBuf,
    /// The major version of the data directory.
    pub version: Option<u32>,
    /// The process ID of the server, if it is running.
    pub pid: Option<i32>,
    /// The address of the server, if it accepts connections.
    pub endpoint: Option<Endpoint>,
    /// The total size of the files in the directory, in bytes.
    pub size_bytes: u64,
    /// The name of the service record.
    pub service: String,
    /// The log of the server.
    pub log: PathBuf,
}

impl LocalServer {
    /// Returns the state of the server, without a lock and without changes.
    ///
    /// # Errors
    ///
    /// Returns an error if a file of the server cannot be read.
    pub fn status(&self) -> Result<Status, LocalError> {
        let data = self.layout.data();
        let file = PidFile::read(&data)?.filter(|file| file.is_alive(&data));
        let version = self.layout.data_version()?;
        let state = match &file {
            Some(file) if file.is_ready() => State::Running,
            Some(file) if file.is_stopping() => State::Stopping,
            Some(_) => State::Starting,
            None if version.is_some() => State::Stopped,
            None => State::Absent,
        };
        Ok(Status {
            state,
            dir: self.layout.dir.clone(),
            version,
            pid: file.as_ref().map(|file| file.pid),
            endpoint: file
                .as_ref()
                .filter(|file| file.is_ready())
                .map(PidFile::endpoint),
            size_bytes: size(&self.layout.dir).unwrap_or(0),
            service: self.service(),
            log: self.layout.log(),
        })
    }
}

/// Returns the total size of the files in `dir`, in bytes. Files that the server removes meanwhile
/// are not counted.
fn size(dir: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)?.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        total += if meta.is_dir() {
            size(&entry.path()).unwrap_or(0)
        } else {
            meta.len()
        };
    }
    Ok(total)
}
