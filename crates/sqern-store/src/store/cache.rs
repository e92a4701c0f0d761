//! Packages, each once, by their checksum: another kernel, or another try, need not fetch it again.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{Store, unusable};
use crate::Failure;

/// The place of a package in the cache, and whether it is there.
#[derive(Debug)]
pub enum Cached {
    /// It is there, with the checksum that it is named by.
    There(PathBuf),
    /// It is not: what is received into the file takes its place by [`Partial::keep`].
    Missing(Partial),
}

/// A package that is being received.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    target: PathBuf,
}

impl Store {
    /// Looks for a package by its checksum as the index states it; `suffix` is its kind (`deb`, `rpm`).
    pub fn cached(&self, checksum: &str, size_bytes: u64, suffix: &str) -> Result<Cached, Failure> {
        let (algorithm, digits) = checksum.split_once(':').unwrap_or(("sha256", checksum));
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain(algorithm) || !plain(digits) || digits.len() < 2 || !plain(suffix) {
            return Err(Failure::new("a checksum as ALGORITHM:DIGITS", format!("{checksum:?}"), "the cache"));
        }
        let folder = self.cache().join(algorithm).join(&digits[..2]);
        fs::create_dir_all(&folder).map_err(|error| unusable(&error, &folder))?;
        let target = folder.join(format!("{digits}.{suffix}"));
        if fs::metadata(&target).is_ok_and(|metadata| metadata.len() == size_bytes)
            && (algorithm != "sha256" || sha256_of(&target).is_ok_and(|got| got == digits))
        {
            return Ok(Cached::There(target));
        }
        // One of its own for each process: two that fetch the same package don't write into one file.
        let path = folder.join(format!("{digits}.part.{}", std::process::id()));
        Ok(Cached::Missing(Partial { path, target }))
    }
}

impl Partial {
    /// The file to receive into.
    pub fn file(&self) -> Result<File, Failure> {
        File::create(&self.path).map_err(|error| unusable(&error, &self.path))
    }

    /// Where that file is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
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
        let _ = fs::remove_file(&self.path);
    }
}

fn sha256_of(path: &std::path::Path) -> io::Result<String> {
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
