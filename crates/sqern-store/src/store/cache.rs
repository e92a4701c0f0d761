//! The cache of packages, named by their checksums. Kernels share packages, and a later attempt
//! reuses them.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags, Stat};
use sqern_archive::{Checksum, Hasher, InvalidChecksum};

use super::staged::is_locked;
use super::{Access, CACHE, Store, inaccessible, open_file, open_regular_file, visible_names};
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
    /// The directory of both files.
    directory: OwnedFd,
    /// The name of the file.
    name: String,
    /// The final name.
    target_name: String,
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
        let names = [CACHE, checksum.algorithm.name(), &digits[..2]];
        let directory = self.create(&names)?;
        let (name, target_name) = (format!("{digits}.{PARTIAL}"), format!("{digits}.{suffix}"));
        let [path, target] = [&name, &target_name].map(|name| {
            names
                .into_iter()
                .chain([&**name])
                .fold(self.root.clone(), |path, name| path.join(name))
        });
        let is_available = || {
            open_regular_file(&directory, &target_name).is_ok_and(|file| {
                file.metadata()
                    .is_ok_and(|metadata| metadata.len() == size_bytes)
                    && digest(file, &checksum).is_ok_and(|found| found == *digits)
            })
        };
        if is_available() {
            return Ok(Cached::Available(target));
        }
        let failed = |error: io::Error| inaccessible(error, &path);
        let lock = open_file(&directory, &name, OFlags::RDWR | OFlags::CREATE).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Cached::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Between opening and locking, the previous owner might have renamed or removed the file.
        let locked = lock.metadata().map_err(failed)?;
        let is_same =
            |current: Stat| (current.st_dev, current.st_ino) == (locked.dev(), locked.ino());
        if !rustix::fs::statat(&directory, &*name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(is_same) {
            return Ok(Cached::Busy);
        }
        if is_available() {
            let _ = rustix::fs::unlinkat(&directory, &*name, AtFlags::empty());
            return Ok(Cached::Available(target));
        }
        Ok(Cached::Missing(Partial {
            path,
            target,
            directory,
            name,
            target_name,
            lock,
        }))
    }

    /// Removes packages whose checksums are not in `needed`, and incomplete packages that are not
    /// being downloaded. With `dry_run`, only counts them.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or removed.
    pub fn prune_cache(&self, needed: &BTreeSet<String>, dry_run: bool) -> Result<Pruned, Error> {
        let access = if dry_run { Access::Read } else { Access::Use };
        let mut pruned = Pruned::default();
        for algorithm in self.visible_names(&[CACHE])? {
            for start in self.visible_names(&[CACHE, &algorithm])? {
                let Some(directory) = self.enter(access, &[CACHE, &algorithm, &start])? else {
                    continue;
                };
                let path = self.root.join(CACHE).join(&algorithm).join(&start);
                for name in visible_names(&directory, &path)? {
                    let failed =
                        |error: rustix::io::Errno| inaccessible(error.into(), &path.join(&name));
                    let (digits, suffix) = name.split_once('.').unwrap_or((&name, ""));
                    let is_needed = needed.contains(digits)
                        || needed.contains(&format!("{algorithm}:{digits}"));
                    if (suffix == PARTIAL && is_locked(&directory, &name))
                        || (suffix != PARTIAL && is_needed)
                    {
                        continue;
                    }
                    let flags = AtFlags::SYMLINK_NOFOLLOW;
                    let stat = rustix::fs::statat(&directory, &*name, flags).map_err(failed)?;
                    if !dry_run {
                        rustix::fs::unlinkat(&directory, &*name, AtFlags::empty())
                            .map_err(failed)?;
                    }
                    pruned = Pruned {
                        files: pruned.files + 1,
                        bytes: pruned.bytes + u64::try_from(stat.st_size).unwrap_or_default(),
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
        open_file(&self.directory, &self.name, OFlags::RDWR)
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
        let (directory, name) = (&self.directory, &*self.name);
        rustix::fs::renameat(directory, name, directory, &*self.target_name)
            .map_err(|error| inaccessible(error.into(), &self.target))?;
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
            let _ = rustix::fs::unlinkat(&self.directory, &*self.name, AtFlags::empty());
        }
    }
}

fn digest(file: File, checksum: &Checksum) -> io::Result<String> {
    let mut hasher = Hasher::new(checksum.algorithm);
    hasher.update_from(file)?;
    Ok(hasher.finish())
}
