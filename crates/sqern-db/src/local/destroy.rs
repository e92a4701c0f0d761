//! Removing the server with all that is in it.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::claim::Claim;
use super::create::remove;
use super::error::LocalError;
use super::server::LocalServer;

/// What `destroy` did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Destroyed {
    /// The directory.
    pub dir: PathBuf,
    /// Whether there was a server; otherwise nothing was done.
    pub existed: bool,
    /// Files in the directory that are not sqern's; they and the directory were left.
    pub left: Vec<PathBuf>,
}

impl LocalServer {
    /// Stops the server, removes its service record, and removes its directory with every database in it.
    ///
    /// Only what sqern put there is removed; a directory without sqern's marker is refused ([`LocalError::Foreign`]).
    pub fn destroy(&self) -> Result<Destroyed, LocalError> {
        let dir = self.layout.dir.clone();
        let Some(claim) = Claim::existing(&self.layout, &self.interrupt)? else {
            return Ok(Destroyed { dir, existed: false, left: Vec::new() });
        };
        self.stop()?;
        self.remove_record()?;
        for folder in self.layout.folders() {
            remove(&folder)?;
        }
        if self.socket_dir != self.layout.run_dir() {
            remove(&self.socket_dir)?;
        }
        // Last: until here a kill leaves a directory that is known as sqern's, and `destroy` goes on where it ended.
        let marker = self.layout.marker();
        fs::remove_file(&marker).map_err(|source| LocalError::Io { what: "remove", path: marker, source })?;
        drop(claim);
        Ok(Destroyed { existed: true, left: remove_if_empty(&dir)?, dir })
    }
}

/// Removes the directory; gives what keeps it.
fn remove_if_empty(dir: &std::path::Path) -> Result<Vec<PathBuf>, LocalError> {
    match fs::remove_dir(dir) {
        Ok(()) => Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            let entries = fs::read_dir(dir).map_err(|source| LocalError::Io { what: "read", path: dir.to_owned(), source })?;
            Ok(entries.flatten().map(|entry| entry.path()).collect())
        }
        Err(source) => Err(LocalError::Io { what: "remove", path: dir.to_owned(), source }),
    }
}
