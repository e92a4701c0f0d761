//! A tree that is being made.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sqern_model::Kernel;

use super::{Manifest, Store, unusable};
use crate::Failure;

/// A tree that is being made, by nobody else at the same time. Dropped without [`Staged::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Staged {
    /// Where it will be.
    target: PathBuf,
    folder: PathBuf,
    /// Held until the end: the system gives it back when the process dies. Its file stays, as another process may have it open.
    _lock: File,
}

impl Store {
    /// Begins a kernel's tree; none where another process is making it. What one that died left behind is thrown away.
    pub fn begin(&self, kernel: &Kernel) -> Result<Option<Staged>, Failure> {
        let target = self.tree(kernel)?;
        let name = format!("{}@{}", kernel.distro, kernel.version);
        let (folder, lock_path) = (self.staging().join(&name), self.staging().join(format!("{name}.lock")));
        let failed = |error: io::Error| unusable(&error, &lock_path);
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(&error, &folder)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| unusable(&error, &folder))?;
        Ok(Some(Staged { target, folder, _lock: lock }))
    }
}

/// Whether another open file holds a lock on this one.
pub(super) fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

impl Staged {
    /// The folder that the tree is made in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.folder
    }

    /// Puts the tree into its place, with its manifest, down to the disk; what was there before goes. Gives the place.
    pub fn commit(self, manifest: &Manifest) -> Result<PathBuf, Failure> {
        manifest.write(&self.folder)?;
        let failed = |error: io::Error| unusable(&error, &self.target);
        let folder = File::open(&self.folder).map_err(failed)?;
        // All of it before its name: after a power cut, too, a tree that is there is whole.
        rustix::fs::syncfs(&folder).map_err(|error| failed(error.into()))?;
        let distro = self.target.parent().unwrap_or(&self.target);
        fs::create_dir_all(distro).map_err(failed)?;
        rustix::fs::chmod(&self.folder, rustix::fs::Mode::from_raw_mode(0o755)).map_err(|error| failed(error.into()))?;
        if fs::symlink_metadata(&self.target).is_ok() {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(rustix::fs::CWD, &self.folder, rustix::fs::CWD, &self.target, flags)
                .map_err(|error| failed(error.into()))?;
        } else {
            fs::rename(&self.folder, &self.target).map_err(failed)?;
        }
        File::open(distro).and_then(|distro| distro.sync_all()).map_err(failed)?;
        Ok(self.target.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit: what was in the place before, or nothing. What can't be removed now is by the next who begins.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
