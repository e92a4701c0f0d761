//! An entry of an archive, and the check of its kind and mode.

use super::Limits;
use super::error::invalid;
use super::path::{EntryPath, escape};
use crate::Error;

/// The bits of a mode for the file type (inode(7)); cpio uses the same.
pub(super) const TYPE_BITS: u32 = 0o170_000;
/// set-user-ID, set-group-ID and sticky.
const SPECIAL_BITS: u32 = 0o7_000;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Directory,
    Symlink,
    HardLink,
}

impl EntryKind {
    /// Returns the kind of the type bits of a mode. A hard link has those of a file.
    pub(super) fn from_mode(mode: u32, name: &[u8]) -> Result<Self, Error> {
        let found = match mode & TYPE_BITS {
            0o100_000 => return Ok(Self::File),
            0o040_000 => return Ok(Self::Directory),
            0o120_000 => return Ok(Self::Symlink),
            0o020_000 => "a character device",
            0o060_000 => "a block device",
            0o010_000 => "a FIFO",
            0o140_000 => "a socket",
            _ => "an unknown kind",
        };
        Err(invalid_kind(found, name))
    }
}

/// Returns the error of a kind of entry that cannot be part of a tree.
pub(super) fn invalid_kind(found: &str, name: &[u8]) -> Error {
    invalid("a file, a directory or a link", found, escape(name))
}

/// A checked entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: EntryPath,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
    /// The modification time in seconds since 1970.
    pub(super) mtime_s: u64,
    pub(super) size_bytes: u64,
    /// The SHA-256 of the content in the header of the package.
    pub(super) sha256: Option<[u8; 32]>,
}

impl Entry {
    /// Checks name and mode of an entry. The type bits of `mode` are ignored.
    pub(super) fn new(
        name: &[u8],
        kind: EntryKind,
        mode: u32,
        limits: &Limits,
    ) -> Result<Self, Error> {
        if mode & SPECIAL_BITS != 0 {
            let found = format!("mode {:04o}", mode & 0o7_777);
            return Err(invalid(
                "a mode without set-id and sticky bits",
                found,
                escape(name),
            ));
        }
        let path = EntryPath::new(name, limits)?;
        if path.is_root() && kind != EntryKind::Directory {
            let found = if kind == EntryKind::File {
                "a file"
            } else {
                "a link"
            };
            return Err(invalid(
                "a directory as the root entry of the package",
                found,
                escape(name),
            ));
        }
        Ok(Self {
            path,
            kind,
            executable: mode & 0o111 != 0,
            mtime_s: 0,
            size_bytes: 0,
            sha256: None,
        })
    }
}
