//! [`DebFile`] and [`RpmFile`]: packages that dpkg and rpm would take, or that nobody should.
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

/// What a package brings, in the order of its archive. Nothing is checked: a name may be any bytes.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// The entries.
    pub items: Vec<Item>,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name as it stands in the archive, without the `./` in front.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: ItemKind,
    /// Its permissions, set-id bits among them.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime_s: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A regular file and its content.
    File(Vec<u8>),
    /// A folder.
    Directory,
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A further name of a file that came before.
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
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more entry, of mode 0644, or 0755 where it is a folder.
    #[must_use]
    pub fn item(mut self, name: impl AsRef<[u8]>, kind: ItemKind) -> Self {
        let mode = match kind {
            ItemKind::Directory => 0o755,
            ItemKind::Symlink(_) => 0o777,
            _ => 0o644,
        };
        self.items.push(Item { name: name.as_ref().to_vec(), kind, mode, mtime_s: MTIME_S });
        self
    }

    /// A file.
    #[must_use]
    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::File(content.as_ref().to_vec()))
    }

    /// A folder.
    #[must_use]
    pub fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::Directory)
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::Symlink(target.as_ref().to_vec()))
    }

    /// A further name of a file that came before.
    #[must_use]
    pub fn hard_link(self, name: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        self.item(name, ItemKind::HardLink(to.as_ref().to_vec()))
    }

    /// The last entry has these permissions.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        if let Some(last) = self.items.last_mut() {
            last.mode = mode;
        }
        self
    }
}
