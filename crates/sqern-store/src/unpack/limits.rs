//! How much a package may be.

/// How much a package may be. What is above is refused, before memory or disk is used for it.
///
/// The largest known are SUSE's `kernel-devel` and Fedora's (20,000 entries, 100 MB plain) and full kernel sources (90,000
/// entries, 1.5 GB); the defaults leave room above those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The package's own size.
    pub package_bytes: u64,
    /// The archive in it after decompression.
    pub plain_bytes: u64,
    /// Entries of the archive, whether written or not.
    pub entries: u64,
    /// The length of an entry's path.
    pub path_bytes: usize,
    /// The folders of an entry's path, itself included.
    pub depth: usize,
    /// The length of a link target.
    pub link_bytes: usize,
    /// An rpm's header, and all names that are kept in memory at once.
    pub metadata_bytes: usize,
    /// Links that have to be changed or left out: Debian's headers have two.
    pub relinked: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package_bytes: 1 << 30,
            plain_bytes: 4 << 30,
            entries: 250_000,
            path_bytes: 1024,
            depth: 48,
            link_bytes: 1024,
            metadata_bytes: 32 << 20,
            relinked: 1000,
        }
    }
}
