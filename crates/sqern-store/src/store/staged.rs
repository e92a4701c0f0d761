//! A tree in preparation.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sqern_model::Kernel;

use super::{Manifest, STAGING, Store, directory_names, inaccessible, open_file};
use crate::Error;
use crate::directory::{self, Missing};

/// The mode of a tree.
const TREE_MODE: u32 = 0o755;

/// A tree in preparation, locked by one process. Dropping it removes the staging directory.
#[derive(Debug)]
pub struct Staged {
    store: Store,
    kernel: Kernel,
    /// The final path of the tree.
    target: PathBuf,
    /// The staging directory of all trees.
    staging: OwnedFd,
    /// The name of the staging directory of this tree.
    name: String,
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
        let staging = self.create(&[STAGING])?;
        let name = format!("{}@{}", kernel.distro, kernel.version);
        let lock_name = format!("{name}.lock");
        let path = self.root.join(STAGING);
        let (directory, lock_path) = (path.join(&name), path.join(&lock_name));
        let failed = |error: io::Error| inaccessible(error, &lock_path);
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let lock = open_file(&staging, &lock_name, flags).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        directory::remove(&staging, OsStr::new(&name))
            .and_then(|()| rustix::fs::mkdirat(&staging, &*name, Mode::from_raw_mode(TREE_MODE)))
            .map_err(|error| inaccessible(error.into(), &directory))?;
        Ok(Some(Staged {
            store: self.clone(),
            kernel: kernel.clone(),
            target,
            staging,
            name,
            directory,
            _lock: lock,
        }))
    }
}

/// Returns whether another open file has a lock on this one.
pub(super) fn is_locked(directory: impl AsFd, name: &str) -> bool {
    open_file(directory, name, OFlags::RDONLY)
        .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
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
        let [distro, version] = directory_names(&self.kernel)?;
        let (staging, name) = (&self.staging, &*self.name);
        let failed = |error: io::Error| inaccessible(error, &self.target);
        let path = self.store.root.join(STAGING);
        let missing = || inaccessible(io::ErrorKind::NotFound.into(), &self.directory);
        // A fetch command can have copied the mode of another directory.
        let directory = directory::open_without_links(staging, &path, name, Missing::Fail)?;
        rustix::fs::fchmod(
            directory.ok_or_else(missing)?,
            Mode::from_raw_mode(TREE_MODE),
        )
        .map_err(|error| inaccessible(error.into(), &self.directory))?;
        let directory = directory::open_subdirectory(staging, &path, name, Missing::Fail)?;
        let directory = directory.ok_or_else(missing)?;
        manifest.write(&directory, &self.directory)?;
        let parent = self.store.create(&[distro])?;
        let rename = || {
            // The content must be on disk before the name, so that a tree is complete even after a
            // power failure.
            rustix::fs::syncfs(&directory)?;
            match rustix::fs::statat(&parent, version, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(staging, name, &parent, version, flags)?;
                }
                Err(Errno::NOENT) => rustix::fs::renameat(staging, name, &parent, version)?,
                Err(error) => return Err(error),
            }
            rustix::fs::fsync(&parent)
        };
        rename().map_err(|error| failed(error.into()))?;
        Ok(self.target.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit, the directory contains the replaced tree. The next preparation removes a
        // directory that remains.
        let _ = directory::remove(&self.staging, OsStr::new(&self.name));
    }
}
