//! Options of a crawl.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

const MIB: u64 = 1024 * 1024;

/// The default time limit of a source. A file has a limit of 15 minutes.
pub const SOURCE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Options of a crawl.
#[derive(Debug, Clone)]
pub struct CrawlOptions {
    /// The time of the crawl, at which signatures and `Valid-Until` are verified.
    pub now: Timestamp,
    /// Sends each request for `scheme://HOST/PATH` to `mirror_base/HOST/PATH` (`http`, `https` or
    /// `file`).
    pub mirror_base: Option<Url>,
    /// Whether a missing signature, keyring or valid key is a warning instead of an error. Altered
    /// data is an error in any case.
    pub allow_unsigned: bool,
    /// Whether signed metadata may be older than that of the last crawl.
    pub accept_rollback: bool,
    /// The limits of metadata.
    pub limits: Limits,
    /// The time limit of a source, with all downloads and waits for other sources. A source that
    /// exceeds it fails.
    pub source_timeout: Duration,
    /// The directory for temporary files, in which downloads are stored without a name; `None` for
    /// that of the system.
    pub temp_dir: Option<PathBuf>,
}

impl CrawlOptions {
    /// Returns the default options: no mirror base, signatures required, default limits.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            mirror_base: None,
            allow_unsigned: false,
            accept_rollback: false,
            limits: Limits::default(),
            source_timeout: SOURCE_TIMEOUT,
            temp_dir: None,
        }
    }
}

/// Limits of metadata. The largest index of Debian has 50 MB and lines of 75 KB, and a `Release` of
/// Ubuntu has 270 KB. A kernel that exceeds its limits is skipped with a warning; other limits fail
/// the source.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The size of an `InRelease`, `Release` or `Release.gpg` in bytes.
    pub release_bytes: u64,
    /// The size of a compressed index in bytes, even if the `Release` lists a larger one.
    pub index_bytes: u64,
    /// The size of a decompressed index in bytes, even if the `Release` lists a larger one.
    pub decompressed_bytes: u64,
    /// The length of a line of an index in bytes.
    pub line_bytes: usize,
    /// The size of a stanza, with all fields of a package, in bytes.
    pub stanza_bytes: usize,
    /// The number of stanzas (packages) of an index.
    pub stanzas: u64,
    /// The memory of the relevant packages of a source in bytes, over all its indexes. A header
    /// package requires less than 1 KB.
    pub entry_bytes: usize,
    /// The number of packages that a kernel requires. Real kernels require fewer than 10.
    pub kernel_packages: usize,
    /// The number of relations between the packages of a kernel.
    pub kernel_relations: usize,
    /// The depth of the dependencies of a kernel. The depth of real kernels is at most 3.
    pub kernel_depth: usize,
    /// The number of packages of all kernels of a source. A package that several kernels require
    /// counts for each of them.
    pub source_packages: usize,
    /// The number of virtual packages that are compared with the relations of a source.
    pub virtual_packages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            release_bytes: 4 * MIB,
            index_bytes: 512 * MIB,
            decompressed_bytes: 1024 * MIB,
            line_bytes: 512 * 1024,
            stanza_bytes: 1024 * 1024,
            stanzas: 5_000_000,
            entry_bytes: 16 * 1024 * 1024,
            kernel_packages: 200,
            kernel_relations: 1000,
            kernel_depth: 16,
            source_packages: 50_000,
            virtual_packages: 500_000,
        }
    }
}
