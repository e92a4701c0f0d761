//! A tree in preparation.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sqern_model::Kernel;

use super::{Manifest, Store, inaccessible};
use crate::Error;

/// A tree in preparation, locked by one process. Dropping it removes the staging directory.
#[derive(Debug)]
pub struct Staged {
    /// The final path of the tree.
    target: PathBuf,
    directory: PathBuf,
    /// The lock, which the system releases if the process dies. Its file is never removed, because
    /// another process might have it open.
    _lock: File,
}

impl Store {
    /// Starts the preparation of a tree, and removes the remains of an aborted one. Returns `None`
    /// if another process prepares it.
    ///
    /// # Errors
    ///
    /// Returns an error if the staging directory cannot be created.
    pub fn begin(&self, kernel: &Kernel) -> Result<Option<Staged>, Error> {
        let target = self.tree(kernel)?;
        let name = format!("{}@{}", kernel.distro, kernel.version);
        let (directory, lock_path) = (
            self.staging().join(&name),
            self.staging().join(format!("{name}.lock")),
        );
        let failed = |error: io::Error| inaccessible(error, &lock_path);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(inaccessible(error, &directory));
            }
            _ => {}
        }
        DirBuilder::new()
            .mode(0o755)
            .create(&directory)
            .map_err(|error| inaccessible(error, &directory))?;
        Ok(Some(Staged {
            target,
            directory,
            _lock: lock,
        }))
    }
}

/// Returns whether another open file has a lock on this one.
pub(super) fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

impl Staged {
    /// Returns the staging directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.directory
    }

    /// Writes the manifest, syncs the tree to disk, and renames it to its final path, which is
    /// returned. An existing tree is replaced.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written or renamed.
    pub fn commit(self, manifest: &Manifest) -> Result<PathBuf, Error> {
        manifest.write(&self.directory)?;
        let failed = |error: io::Error| inaccessible(error, &self.target);
        let directory = File::open(&self.directory).map_err(failed)?;
        // The content must be on disk before the name, so that a tree is complete even after a
        // power failure.
        rustix::fs::syncfs(&directory).map_err(|error| failed(error.into()))?;
        let distro = self.target.parent().unwrap_or(&self.target);
        fs::create_dir_all(distro).map_err(failed)?;
        rustix::fs::chmod(&self.directory, rustix::fs::Mode::from_raw_mode(0o755))
            .map_err(|error| failed(error.into()))?;
        if fs::symlink_metadata(&self.target).is_ok() {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(
                rustix::fs::CWD,
                &self.directory,
                rustix::fs::CWD,
                &self.target,
                flags,
            )
            .map_err(|error| failed(error.into()))?;
        } else {
            fs::rename(&self.directory, &self.target).map_err(failed)?;
        }
        File::open(distro)
            .and_then(|distro| distro.sync_all())
            .map_err(failed)?;
        Ok(self.target.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit, the directory contains the replaced tree. The next preparation removes a
        // directory that remains.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
