//! The cache of packages, named by their checksums. Kernels share packages, and a later attempt
//! reuses them.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sqern_archive::{Checksum, Hasher, InvalidChecksum};

use super::staged::is_locked;
use super::{Store, inaccessible, visible_names};
use crate::{Error, ErrorKind};

/// The suffix of an incomplete package.
const PARTIAL: &str = "part";

/// The state of a package in the cache.
#[derive(Debug)]
pub enum Cached {
    /// The file of the package, which has the expected checksum.
    Available(PathBuf),
    /// The package must be downloaded into this file.
    Missing(Partial),
    /// The package is being downloaded by another process, or for another kernel.
    Busy,
}

/// An incomplete package, locked for one download. A later download continues an interrupted one.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    target: PathBuf,
    /// The lock, which the system releases if the process dies.
    lock: File,
}

/// The files that [`Store::prune_cache`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The number of packages, including incomplete ones.
    pub files: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

impl Store {
    /// Returns the state of a package. Reads the whole file to verify its checksum.
    ///
    /// `checksum` is in the form of [`Checksum`], and `suffix` is that of the file: `deb` or `rpm`.
    ///
    /// # Errors
    ///
    /// Returns an error if the checksum is invalid, or the cache cannot be accessed.
    pub fn cached(&self, checksum: &str, size_bytes: u64, suffix: &str) -> Result<Cached, Error> {
        let checksum: Checksum = checksum.parse().map_err(|InvalidChecksum(found)| {
            let reason = "must be SHA-256 digits or ALGORITHM:DIGITS";
            Error::failed(
                ErrorKind::InvalidName,
                "cannot use checksum",
                reason,
                format!("{found:?}"),
            )
        })?;
        let digits = &checksum.digits;
        let directory = self
            .cache()
            .join(checksum.algorithm.name())
            .join(&digits[..2]);
        let target = directory.join(format!("{digits}.{suffix}"));
        let path = directory.join(format!("{digits}.{PARTIAL}"));
        let is_available = || {
            fs::metadata(&target).is_ok_and(|metadata| metadata.len() == size_bytes)
                && digest(&target, &checksum).is_ok_and(|found| found == *digits)
        };
        if is_available() {
            return Ok(Cached::Available(target));
        }
        fs::create_dir_all(&directory).map_err(|error| inaccessible(error, &directory))?;
        let failed = |error: io::Error| inaccessible(error, &path);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Cached::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Between opening and locking, the previous owner might have renamed or removed the file.
        let locked = lock.metadata().map_err(failed)?;
        let is_same =
            |current: fs::Metadata| (current.dev(), current.ino()) == (locked.dev(), locked.ino());
        if !fs::metadata(&path).is_ok_and(is_same) {
            return Ok(Cached::Busy);
        }
        if is_available() {
            let _ = fs::remove_file(&path);
            return Ok(Cached::Available(target));
        }
        Ok(Cached::Missing(Partial { path, target, lock }))
    }

    /// Removes packages whose checksums are not in `needed`, and incomplete packages that are not
    /// being downloaded. With `dry_run`, only counts them.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or removed.
    pub fn prune_cache(&self, needed: &BTreeSet<String>, dry_run: bool) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        for algorithm in visible_names(&self.cache())? {
            for start in visible_names(&self.cache().join(&algorithm))? {
                let directory = self.cache().join(&algorithm).join(start);
                for name in visible_names(&directory)? {
                    let path = directory.join(&name);
                    let (digits, suffix) = name.split_once('.').unwrap_or((&name, ""));
                    let is_needed = needed.contains(digits)
                        || needed.contains(&format!("{algorithm}:{digits}"));
                    if (suffix == PARTIAL && is_locked(&path)) || (suffix != PARTIAL && is_needed) {
                        continue;
                    }
                    let metadata =
                        fs::symlink_metadata(&path).map_err(|error| inaccessible(error, &path))?;
                    if !dry_run {
                        fs::remove_file(&path).map_err(|error| inaccessible(error, &path))?;
                    }
                    pruned = Pruned {
                        files: pruned.files + 1,
                        bytes: pruned.bytes + metadata.len(),
                    };
                }
            }
        }
        Ok(pruned)
    }
}

impl Partial {
    /// Opens the file for a download. It contains the part that was downloaded before, and its
    /// position is 0.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened.
    pub fn file(&self) -> Result<File, Error> {
        File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|error| inaccessible(error, &self.path))
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the complete, verified package to its final name, which is returned.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be renamed.
    pub fn publish(self) -> Result<PathBuf, Error> {
        fs::rename(&self.path, &self.target).map_err(|error| inaccessible(error, &self.target))?;
        Ok(self.target.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // A later download can only continue a file that is not empty.
        if self
            .lock
            .metadata()
            .is_ok_and(|metadata| metadata.len() == 0)
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn digest(path: &Path, checksum: &Checksum) -> io::Result<String> {
    let mut hasher = Hasher::new(checksum.algorithm);
    hasher.update_from(File::open(path)?)?;
    Ok(hasher.finish())
}
