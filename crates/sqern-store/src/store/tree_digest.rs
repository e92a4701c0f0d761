//! A digest of all files of a tree, which detects changes.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sqern_archive::{Algorithm, Hasher};
use sqern_model::counted;

use super::inaccessible;
use crate::Error;

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
    /// Reads a tree except for the file `excluded` in its root. Links are not followed.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read.
    pub(super) fn compute(tree: &Path, excluded: &str) -> Result<Self, Error> {
        let mut digest = Self::default();
        let mut hasher = Hasher::new(Algorithm::Sha256);
        digest.add_directory(tree, Path::new(""), Path::new(excluded), &mut hasher)?;
        digest.sha256 = hasher.finish();
        Ok(digest)
    }

    fn add_directory(
        &mut self,
        tree: &Path,
        below: &Path,
        excluded: &Path,
        hasher: &mut Hasher,
    ) -> Result<(), Error> {
        let path = tree.join(below);
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(|error| inaccessible(error, &path))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, full_path) = (below.join(entry.file_name()), entry.path());
            if name == excluded {
                continue;
            }
            let failed = |error: std::io::Error| inaccessible(error, &full_path);
            let metadata = fs::symlink_metadata(&full_path).map_err(failed)?;
            let file_type = metadata.file_type();
            hasher.update_with_length(name.as_os_str().as_bytes());
            // The names of kinds are part of published digests.
            if file_type.is_dir() {
                hasher.update_with_length(b"folder");
                self.add_directory(tree, &name, excluded, hasher)?;
            } else if file_type.is_symlink() {
                self.links += 1;
                hasher.update_with_length(b"link");
                hasher.update_with_length(
                    fs::read_link(&full_path)
                        .map_err(failed)?
                        .as_os_str()
                        .as_bytes(),
                );
            } else {
                let is_executable = metadata.permissions().mode() & 0o111 != 0;
                hasher.update_with_length(if is_executable { b"program" } else { b"file" });
                self.files += 1;
                self.bytes += add_content(&full_path, hasher).map_err(failed)?;
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
fn add_content(path: &Path, hasher: &mut Hasher) -> std::io::Result<u64> {
    let mut content = Hasher::new(Algorithm::Sha256);
    let size_bytes = content.update_from(File::open(path)?)?;
    hasher.update(&content.finish_bytes());
    Ok(size_bytes)
}
