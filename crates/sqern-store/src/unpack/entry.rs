//! An entry as both kinds of archive state it, and the rule for what may be one.

use super::Limits;
use super::error::{UnpackError, refused};
use super::name::{EntryPath, shown};

/// The part of a mode that says what a file is (inode(7), and cpio's the same).
pub(super) const TYPE_BITS: u32 = 0o170_000;
/// set-user-ID, set-group-ID and sticky.
const SPECIAL_BITS: u32 = 0o7_000;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
    Symlink,
    HardLink,
}

impl EntryKind {
    /// By the type bits of a mode; a hard link is a file there.
    pub(super) fn by_mode(mode: u32, name: &[u8]) -> Result<Self, UnpackError> {
        let got = match mode & TYPE_BITS {
            0o100_000 => return Ok(Self::File),
            0o040_000 => return Ok(Self::Folder),
            0o120_000 => return Ok(Self::Symlink),
            0o020_000 => "a character device",
            0o060_000 => "a block device",
            0o010_000 => "a FIFO",
            0o140_000 => "a socket",
            _ => "an unknown kind",
        };
        Err(no_kind(got, name))
    }
}

/// An entry that can't be in a tree of headers.
pub(super) fn no_kind(got: &str, name: &[u8]) -> UnpackError {
    refused("a file, a directory or a link", got, shown(name))
}

/// What an archive says of an entry, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: EntryPath,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
    /// Seconds since 1970.
    pub(super) mtime_s: u64,
    pub(super) size_bytes: u64,
    /// What its content must be by the package's header.
    pub(super) sha256: Option<[u8; 32]>,
}

impl Entry {
    /// Takes the entry `name`, or refuses it by its name; `mode` without or with type bits.
    pub(super) fn new(name: &[u8], kind: EntryKind, mode: u32, limits: &Limits) -> Result<Self, UnpackError> {
        if mode & SPECIAL_BITS != 0 {
            let got = format!("mode {:04o}", mode & 0o7_777);
            return Err(refused("a mode without set-id and sticky bits", got, shown(name)));
        }
        let path = EntryPath::new(name, limits)?;
        if path.is_root() && kind != EntryKind::Folder {
            return Err(refused("a name in the package", "a root that is not a directory", shown(name)));
        }
        Ok(Self { path, kind, executable: mode & 0o111 != 0, mtime_s: 0, size_bytes: 0, sha256: None })
    }
}
