//! Removal of a server with all databases.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::claim::Claim;
use super::error::LocalError;
use super::files::remove_dir;
use super::server::LocalServer;

/// The result of removing a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Destroyed {
    /// The directory of the server.
    pub dir: PathBuf,
    /// Whether a server existed; otherwise nothing was changed.
    pub existed: bool,
    /// Other files in the directory. They and the directory were kept.
    pub left: Vec<PathBuf>,
}

impl LocalServer {
    /// Stops the server, and removes its service record and its directory with all databases.
    ///
    /// Other files in the directory are kept.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::Foreign`] for a directory without the marker of the program.
    pub fn destroy(&self) -> Result<Destroyed, LocalError> {
        let dir = self.layout.dir.clone();
        let Some(claim) = Claim::existing(&self.layout, &self.interrupt)? else {
            return Ok(Destroyed {
                dir,
                existed: false,
                left: Vec::new(),
            });
        };
        self.stop()?;
        self.remove_record()?;
        for subdir in self.layout.subdirs() {
            remove_dir(&subdir)?;
        }
        if self.socket_dir != self.layout.run_dir() {
            remove_dir(&self.socket_dir)?;
        }
        // The marker is removed last, so that an interrupted `destroy` can be repeated.
        let marker = self.layout.marker();
        fs::remove_file(&marker).map_err(|source| LocalError::Io {
            action: "remove",
            path: marker,
            source,
        })?;
        drop(claim);
        Ok(Destroyed {
            existed: true,
            left: remove_if_empty(&dir)?,
            dir,
        })
    }
}

/// Removes the directory if it is empty; otherwise returns its entries.
fn remove_if_empty(dir: &Path) -> Result<Vec<PathBuf>, LocalError> {
    match fs::remove_dir(dir) {
        Ok(()) => Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            let entries = fs::read_dir(dir).map_err(|source| LocalError::Io {
                action: "read",
                path: dir.to_owned(),
                source,
            })?;
            Ok(entries.flatten().map(|entry| entry.path()).collect())
        }
        Err(source) => Err(LocalError::Io {
            action: "remove",
            path: dir.to_owned(),
            source,
        }),
    }
}
