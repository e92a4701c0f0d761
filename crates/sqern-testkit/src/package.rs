//! Builders for package files, valid or invalid: [`DebFile`] and [`RpmFile`].
//!
//! ```
//! use sqern_testkit::package::{DebFile, Payload, RpmFile};
//! # fn main() -> anyhow::Result<()> {
//! let payload = Payload::new()
//!     .file("usr/src/linux-headers-6.1.0-25-amd64/Makefile", "include ../x/Makefile\n")
//!     .symlink("lib/modules/6.1.0-25-amd64/build", "/usr/src/linux-headers-6.1.0-25-amd64");
//! let deb = DebFile::new("linux-headers-6.1.0-25-amd64", "6.1.106-3", "amd64").payload(&payload).bytes()?;
//! assert!(deb.starts_with(b"!<arch>\n"));
//! let rpm = RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64").payload(&payload).bytes()?;
//! assert!(rpm.starts_with(b"\xed\xab\xee\xdb"));
//! # Ok(()) }
//! ```

mod cpio;
mod deb;
mod header;
mod headers;
mod rpm;

pub use deb::{DebFile, ar, tar_block};
pub use headers::Headers;
pub use rpm::RpmFile;

/// The entries that a package installs, in the order of its archive.
///
/// Nothing is checked. A name may consist of any bytes.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// The entries, in the order of the archive.
    pub items: Vec<Item>,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The name as it appears in the archive, without the leading `./`.
    pub name: Vec<u8>,
    /// The type of the entry, with its data.
    pub kind: ItemKind,
    /// The permissions, including the set-id bits.
    pub mode: u32,
    /// The modification time in seconds since 1970.
    pub mtime_s: u32,
}

/// The type of an entry, with its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A regular file and its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A further name of a file that precedes it.
    HardLink(Vec<u8>),
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// 2026-01-01
const MTIME_S: u32 = 1_767_225_600;

impl Payload {
    /// Returns an empty payload.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry with mode 0644, or 0755 for a directory.
    #[must_use]
    pub fn item(mut self, name: impl AsRef<[u8]>, kind: ItemKind) -> Self {
        let mode = match kind {
            ItemKind::Directory => 0o755,
            ItemKind::Symlink(_) => 0o777,
            _ => 0o644,
        };
        self.items.push(Item {
            name: name.as_ref().to_vec(),
            kind,
            mode,
            mtime_s: MTIME_S,
        });
        self
    }

    /// Adds a regular file.
    #[must_use]
    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::File(content.as_ref().to_vec()))
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::Directory)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::Symlink(target.as_ref().to_vec()))
    }

    /// Adds a further name of a file that precedes it.
    #[must_use]
    pub fn hard_link(self, name: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::HardLink(to.as_ref().to_vec()))
    }

    /// Sets the permissions of the last entry.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        if let Some(last) = self.items.last_mut() {
            last.mode = mode;
        }
        self
    }
}
