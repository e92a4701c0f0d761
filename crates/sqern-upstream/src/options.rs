//! What a caller decides about a crawl.

use std::path::PathBuf;

use jiff::Timestamp;
use url::Url;

const MIB: u64 = 1024 * 1024;

/// What a caller decides about a crawl.
#[derive(Debug, Clone)]
pub struct CrawlOptions {
    /// The time that signatures and `Valid-Until` are judged at, and from which the crawl's own times run on.
    pub now: Timestamp,
    /// Sends each request for `scheme://HOST/PATH` to `mirror_base/HOST/PATH` (`http`, `https` or `file`).
    pub mirror_base: Option<Url>,
    /// A missing signature or keyring, or a key past its life, is a warning and not a failure. Altered data still fails.
    pub allow_unsigned: bool,
    /// A signed root that is older than the last one believed is taken, and not refused as a replay.
    pub accept_rollback: bool,
    /// How much is taken from a server at most.
    pub limits: Limits,
    /// Where downloads wait for decompression (unnamed files); the system's folder for temporary files unless given.
    pub temp_dir: Option<PathBuf>,
}

impl CrawlOptions {
    /// The defaults at a time: straight to the servers, signatures required, default limits.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, mirror_base: None, allow_unsigned: false, accept_rollback: false, limits: Limits::default(), temp_dir: None }
    }
}

/// How much is taken at most. Real archives stay far below each default: the largest index of Debian's is 50 MB, its longest
/// line 75 KB; a `Release` of Ubuntu's has 270 KB.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of an `InRelease`, `Release` or `Release.gpg`, in bytes.
    pub release_bytes: u64,
    /// Of an index as it is sent, in bytes, even where the `Release` states more.
    pub index_bytes: u64,
    /// Of an index after decompression, in bytes, even where the `Release` states more.
    pub decompressed_bytes: u64,
    /// Of one line of an index, in bytes.
    pub line_bytes: usize,
    /// Of one stanza (all fields of one package), in bytes.
    pub stanza_bytes: usize,
    /// Stanzas (packages) of one index.
    pub stanzas: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            release_bytes: 16 * MIB,
            index_bytes: 512 * MIB,
            decompressed_bytes: 1024 * MIB,
            line_bytes: 512 * 1024,
            stanza_bytes: 1024 * 1024,
            stanzas: 5_000_000,
        }
    }
}
