//! Limits of packages.

/// The limits of a package. They are checked before memory or disk space is used.
///
/// The largest known packages are `kernel-devel` of SUSE and Fedora (20,000 entries, 100 MB
/// decompressed) and full kernel sources (90,000 entries, 1.5 GB). The defaults are larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The size of the package in bytes.
    pub package_bytes: u64,
    /// The size of the archive after decompression in bytes.
    pub plain_bytes: u64,
    /// The number of entries, including those that are not written.
    pub entries: u64,
    /// The length of the path of an entry in bytes.
    pub path_bytes: usize,
    /// The number of names in the path of an entry.
    pub depth: usize,
    /// The length of a link target in bytes.
    pub link_bytes: usize,
    /// The size of the header of an rpm, and of all names that are in memory at the same time, in
    /// bytes.
    pub metadata_bytes: usize,
    /// The number of links that are changed or omitted. The headers of Debian have 2.
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
