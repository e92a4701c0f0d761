//! A tree as one checksum: what it held when it was made can be told from what it holds now.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::MANIFEST;
use super::unusable;
use crate::Failure;

/// What a tree holds, besides its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeDigest {
    /// Regular files.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// The bytes of all files.
    pub bytes: u64,
    /// Over each entry in the order of names: its path, its kind, whether it is executable, its content or where it leads to.
    pub sha256: String,
}

/// Reads a whole tree. Links are not followed.
pub fn digest(tree: &Path) -> Result<TreeDigest, Failure> {
    let mut digest = TreeDigest::default();
    let mut hasher = Sha256::new();
    folder(tree, Path::new(""), &mut digest, &mut hasher)?;
    digest.sha256 = format!("{:x}", hasher.finalize());
    Ok(digest)
}

fn folder(tree: &Path, below: &Path, digest: &mut TreeDigest, hasher: &mut Sha256) -> Result<(), Failure> {
    let path = tree.join(below);
    let entries = fs::read_dir(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(|error| unusable(&error, &path))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, full) = (below.join(entry.file_name()), entry.path());
        if name == Path::new(MANIFEST) {
            continue;
        }
        let failed = |error: std::io::Error| unusable(&error, &full);
        let metadata = fs::symlink_metadata(&full).map_err(failed)?;
        let kind = metadata.file_type();
        part(hasher, name.as_os_str().as_bytes());
        if kind.is_dir() {
            part(hasher, b"folder");
            folder(tree, &name, digest, hasher)?;
        } else if kind.is_symlink() {
            digest.links += 1;
            part(hasher, b"link");
            part(hasher, fs::read_link(&full).map_err(failed)?.as_os_str().as_bytes());
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            part(hasher, if executable { b"program" } else { b"file" });
            digest.files += 1;
            digest.bytes += content(&full, hasher).map_err(failed)?;
        }
    }
    Ok(())
}

/// One part with its length, so that no two lists of parts run into the same bytes.
fn part(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn content(path: &Path, hasher: &mut Sha256) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut inner = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        inner.update(&buffer[..count]);
        size += count as u64;
    }
    hasher.update(inner.finalize());
    Ok(size)
}
