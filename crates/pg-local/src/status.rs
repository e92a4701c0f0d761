//! How the server is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Endpoint;
use super::error::LocalError;
use super::pid_file::PidFile;
use super::server::LocalServer;

/// Whether the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It lets connections in.
    Running,
    /// It is on its way up.
    Starting,
    /// It is on its way down.
    Stopping,
    /// It was made, and does not run.
    Stopped,
    /// It was never made.
    Absent,
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Whether it runs.
    pub state: State,
    /// The directory.
    pub dir: PathBuf,
    /// The data's major version.
    pub version: Option<u32>,
    /// The server's process.
    pub pid: Option<i32>,
    /// Where it is reached, when it runs.
    pub endpoint: Option<Endpoint>,
    /// What the directory takes on the disk, in bytes.
    pub size_bytes: u64,
    /// The service record's name.
    pub service: String,
    /// The server's log.
    pub log: PathBuf,
}

impl LocalServer {
    /// Looks how the server is; takes no lock and changes nothing. Errors: files that this user may not read.
    pub fn status(&self) -> Result<Status, LocalError> {
        let data = self.layout.data();
        let found = PidFile::read(&data)?.filter(|found| found.is_alive(&data));
        let version = self.layout.data_version()?;
        let state = match &found {
            Some(found) if found.is_ready() => State::Running,
            Some(found) if found.is_stopping() => State::Stopping,
            Some(_) => State::Starting,
            None if version.is_some() => State::Stopped,
            None => State::Absent,
        };
        Ok(Status {
            state,
            dir: self.layout.dir.clone(),
            version,
            pid: found.as_ref().map(|found| found.pid),
            endpoint: found.as_ref().filter(|found| found.is_ready()).map(PidFile::endpoint),
            size_bytes: size(&self.layout.dir).unwrap_or(0),
            service: self.service(),
            log: self.layout.log(),
        })
    }
}

/// The bytes of the files in `dir`; one that goes away meanwhile, as a server's do, counts for nothing.
fn size(dir: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)?.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        total += if meta.is_dir() { size(&entry.path()).unwrap_or(0) } else { meta.len() };
    }
    Ok(total)
}
