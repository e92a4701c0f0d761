//! A digest of all files of a tree, which detects changes.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};
use sqern_archive::{Algorithm, Hasher};
use sqern_model::counted;

use super::inaccessible;
use crate::Error;
use crate::directory::names;

/// The number and digest of the files of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeDigest {
    /// The number of regular files.
    pub files: u64,
    /// The number of symbolic links.
    pub links: u64,
    /// The total size of the regular files in bytes.
    pub bytes: u64,
    /// The SHA-256 of all entries in the order of their names: path, kind, whether it is
    /// executable, and content or link target.
    pub sha256: String,
}

impl TreeDigest {
    /// Reads the tree at `path`, which is open, except for the file `excluded` in its root. Links are
    /// not followed.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read, or if it is neither a directory, a link nor a
    /// regular file.
    pub(super) fn compute(tree: &OwnedFd, path: &Path, excluded: &str) -> Result<Self, Error> {
        let mut digest = Self::default();
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let excluded = Path::new(excluded);
        digest.add_directory(tree, path, Path::new(""), excluded, &mut hasher)?;
        digest.sha256 = hasher.finish();
        Ok(digest)
    }

    fn add_directory(
        &mut self,
        directory: &OwnedFd,
        tree: &Path,
        below: &Path,
        excluded: &Path,
        hasher: &mut Hasher,
    ) -> Result<(), Error> {
        let mut entries =
            names(directory).map_err(|error| inaccessible(error.into(), &tree.join(below)))?;
        entries.sort();
        for entry in &entries {
            let name = below.join(entry);
            if name == excluded {
                continue;
            }
            let path = tree.join(&name);
            let failed = |error: rustix::io::Errno| inaccessible(error.into(), &path);
            let open = |flags: OFlags| {
                let flags =
                    flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                rustix::fs::openat(directory, entry, flags, Mode::empty())
            };
            let stat =
                rustix::fs::statat(directory, entry, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
            hasher.update_with_length(name.as_os_str().as_bytes());
            // The names of kinds are part of published digests.
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    hasher.update_with_length(b"folder");
                    let subdirectory = open(OFlags::DIRECTORY).map_err(failed)?;
                    self.add_directory(&subdirectory, tree, &name, excluded, hasher)?;
                }
                FileType::Symlink => {
                    self.links += 1;
                    hasher.update_with_length(b"link");
                    let target =
                        rustix::fs::readlinkat(directory, entry, vec![]).map_err(failed)?;
                    hasher.update_with_length(target.as_bytes());
                }
                FileType::RegularFile => {
                    let is_executable = stat.st_mode & 0o111 != 0;
                    hasher.update_with_length(if is_executable { b"program" } else { b"file" });
                    self.files += 1;
                    let file = open(OFlags::empty()).map_err(failed)?;
                    self.bytes +=
                        add_content(file, hasher).map_err(|error| inaccessible(error, &path))?;
                }
                _ => {
                    let reason = "neither a directory, a link nor a regular file";
                    let error = io::Error::new(io::ErrorKind::InvalidInput, reason);
                    return Err(inaccessible(error, &path));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, links, bytes) = (
            counted(self.files, "file"),
            counted(self.links, "link"),
            counted(self.bytes, "byte"),
        );
        write!(f, "{files}, {links}, {bytes}, SHA-256 {}", self.sha256)
    }
}

/// Adds the digest of a file, and returns its size in bytes.
fn add_content(file: OwnedFd, hasher: &mut Hasher) -> io::Result<u64> {
    let mut content = Hasher::new(Algorithm::Sha256);
    let size_bytes = content.update_from(std::fs::File::from(file))?;
    hasher.update(&content.finish_bytes());
    Ok(size_bytes)
}
