//! Packages, each once, by their checksum: another kernel, or another try, need not fetch it again.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::staged::is_locked;
use super::{Store, unusable};
use crate::Failure;

/// What a package is called while it is being received.
const PARTIAL: &str = "part";

/// The place of a package in the cache, and whether it is there.
#[derive(Debug)]
pub enum Cached {
    /// It is there, with the checksum that it is named by.
    There(PathBuf),
    /// It is not: what is received into the file takes its place by [`Partial::keep`].
    Missing(Partial),
    /// Another process, or another kernel of this one, is receiving it.
    Busy,
}

/// A package that is being received, by nobody else at the same time. What a try that was cut off has received stays for the next.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    target: PathBuf,
    /// Held until the end: the system gives it back when the process dies.
    lock: File,
}

/// What [`Store::prune_cache`] took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many packages, and beginnings of some.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
}

impl Store {
    /// Looks for a package by its checksum as the index states it; `suffix` is its kind (`deb`, `rpm`). Reads all of it
    /// where it is there.
    pub fn cached(&self, checksum: &str, size_bytes: u64, suffix: &str) -> Result<Cached, Failure> {
        let (algorithm, digits) = checksum.split_once(':').unwrap_or(("sha256", checksum));
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain(algorithm) || !plain(digits) || digits.len() < 2 || !plain(suffix) {
            return Err(Failure::new("a checksum as ALGORITHM:DIGITS", format!("{checksum:?}"), "the cache"));
        }
        let folder = self.cache().join(algorithm).join(&digits[..2]);
        let (target, path) = (folder.join(format!("{digits}.{suffix}")), folder.join(format!("{digits}.{PARTIAL}")));
        let is_there = || {
            fs::metadata(&target).is_ok_and(|metadata| metadata.len() == size_bytes)
                && (algorithm != "sha256" || sha256_of(&target).is_ok_and(|got| got == digits))
        };
        if is_there() {
            return Ok(Cached::There(target));
        }
        fs::create_dir_all(&folder).map_err(|error| unusable(&error, &folder))?;
        let failed = |error: io::Error| unusable(&error, &path);
        let lock = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Cached::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Between opening and locking whoever had it may have given the file another name, or thrown it away.
        let ours = lock.metadata().map_err(failed)?;
        if !fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(Cached::Busy);
        }
        if is_there() {
            // Nobody holds it any more, and what is in it is in the cache.
            let _ = fs::remove_file(&path);
            return Ok(Cached::There(target));
        }
        Ok(Cached::Missing(Partial { path, target, lock }))
    }

    /// Takes away each package whose checksum is not in `needed`, and what was received of some, unless that goes on now. With
    /// `dry_run` only counts.
    pub fn prune_cache(&self, needed: &BTreeSet<String>, dry_run: bool) -> Result<Pruned, Failure> {
        let mut pruned = Pruned::default();
        for algorithm in super::names(&self.cache())? {
            for start in super::names(&self.cache().join(&algorithm))? {
                let folder = self.cache().join(&algorithm).join(start);
                for name in super::names(&folder)? {
                    let path = folder.join(&name);
                    let (digits, suffix) = name.split_once('.').unwrap_or((&name, ""));
                    let is_needed = needed.contains(digits) || needed.contains(&format!("{algorithm}:{digits}"));
                    if (suffix == PARTIAL && is_locked(&path)) || (suffix != PARTIAL && is_needed) {
                        continue;
                    }
                    let metadata = fs::symlink_metadata(&path).map_err(|error| unusable(&error, &path))?;
                    if !dry_run {
                        fs::remove_file(&path).map_err(|error| unusable(&error, &path))?;
                    }
                    pruned = Pruned { files: pruned.files + 1, bytes: pruned.bytes + metadata.len() };
                }
            }
        }
        Ok(pruned)
    }
}

impl Partial {
    /// The file to receive into. It may hold what was received before, and its position is at the beginning.
    pub fn file(&self) -> Result<File, Failure> {
        File::options().read(true).write(true).open(&self.path).map_err(|error| unusable(&error, &self.path))
    }

    /// Where that file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives what was received, and verified, the name that it is found by.
    pub fn keep(self) -> Result<PathBuf, Failure> {
        fs::rename(&self.path, &self.target).map_err(|error| unusable(&error, &self.target))?;
        Ok(self.target.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // A beginning is worth keeping, and nothing is not.
        if self.lock.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(format!("{:x}", hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}
