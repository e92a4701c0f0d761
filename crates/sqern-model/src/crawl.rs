//! What a crawl of one upstream source found, and how far it can be believed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DistroName, KernelVersion};

/// How much of a source was read: only a complete crawl may say that something is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrawlState {
    /// Everything was read and believed.
    Complete,
    /// The source says what it said at the last complete crawl.
    Unchanged,
    /// What was found is right, but something is known to be missing.
    Partial,
    /// Nothing of it is believed.
    Failed,
}

impl CrawlState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Unchanged, Self::Partial, Self::Failed];

    /// Returns the text in the database and in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Unchanged => "unchanged",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Whether the source is as well known now as it can be: the exit status of `sqern check` hangs on it.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Complete | Self::Unchanged)
    }
}

/// A text that is not a [`CrawlState`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected complete, unchanged, partial or failed, found {0:?}")]
pub struct InvalidCrawlState(pub String);

impl FromStr for CrawlState {
    type Err = InvalidCrawlState;
    fn from_str(text: &str) -> Result<Self, InvalidCrawlState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| InvalidCrawlState(text.to_owned()))
    }
}

impl fmt::Display for CrawlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a package is to the kernel that it is recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageRole {
    /// The headers of the kernel itself: the package whose name or provides tell `uname -r`.
    Headers,
    /// A package that the headers need to compile a module (`linux-headers-…-common`, `linux-kbuild-…`).
    Support,
}

impl PackageRole {
    /// Returns the text in the database and in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Support => "support",
        }
    }
}

/// A text that is not a [`PackageRole`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected headers or support, found {0:?}")]
pub struct InvalidPackageRole(pub String);

impl FromStr for PackageRole {
    type Err = InvalidPackageRole;
    fn from_str(text: &str) -> Result<Self, InvalidPackageRole> {
        match text {
            "headers" => Ok(Self::Headers),
            "support" => Ok(Self::Support),
            _ => Err(InvalidPackageRole(text.to_owned())),
        }
    }
}

impl fmt::Display for PackageRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One package of one kernel, as a verified index describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KernelPackage {
    /// The kernel that it belongs to: its `uname -r`.
    pub kernel: KernelVersion,
    /// What it is to that kernel.
    pub role: PackageRole,
    /// The package's name (`linux-headers-6.1.0-25-amd64`).
    pub name: String,
    /// The package's own version (`6.1.106-3`).
    pub version: String,
    /// The package's architecture (`amd64`, `all`).
    pub architecture: String,
    /// Where it can be fetched: an absolute `http`, `https` or `file` URL, or `apt:NAME=VERSION` for what the machine's own
    /// apt knows how to fetch (`apt-get download NAME=VERSION`).
    pub url: String,
    /// The size of the file in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the file, 64 lower-case hexadecimal digits; where the repository states only another checksum, `ALGORITHM:DIGITS`
    /// (`sha512:…`).
    pub checksum: String,
}

/// What is remembered of one source between its crawls: the next one reads only what changed, and believes nothing older.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrawlCache {
    /// The [`Crawl::checksum`] of the last crawl that was complete or unchanged.
    pub checksum: Option<String>,
    /// The [`Crawl::dated_at`] of the last top that was believed.
    pub dated_at: Option<Timestamp>,
    /// What the last crawl kept.
    pub kept: CachedMetadata,
}

/// What a crawl keeps for the next one of the same source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CachedMetadata {
    /// The small files that the crawl began with, by URL (without credentials).
    pub files: BTreeMap<String, CachedFile>,
    /// What its indexes held, by their name.
    pub indexes: BTreeMap<String, CachedIndex>,
}

/// A file as a server sent it. It is judged anew by every crawl: keeping it spares only its transfer.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedFile {
    /// The `ETag` that it was sent with.
    pub etag: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for CachedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CachedFile {{ etag: {:?}, body: {} bytes }}", self.etag, self.body.len())
    }
}

/// What an index held of what is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedIndex {
    /// A SHA-256 over all that it follows from: the checksum of the index, and the rules.
    pub checksum: String,
    /// As JSON, in a form that only its reader knows.
    pub entries: String,
}

/// The outcome of reading one source once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crawl {
    /// The distribution that the source belongs to.
    pub distro: DistroName,
    /// The source's name, unique within its distribution.
    pub source: String,
    /// When reading began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How much can be believed.
    pub state: CrawlState,
    /// The error message of a partial or failed crawl.
    pub reason: Option<String>,
    /// What is worth a look but did not stop the crawl (an index past its time, a kernel whose common headers are nowhere).
    pub warnings: Vec<String>,
    /// The URL, or the path, of the signed top of the source.
    pub url: String,
    /// The `ETag` of the signed top, where the server sent one.
    pub etag: Option<String>,
    /// A SHA-256 over everything that the outcome depends on besides the indexes themselves: the signed top and the rules.
    /// Two crawls with the same checksum find the same.
    pub checksum: Option<String>,
    /// When the signed top says that it was made; none where it is not believed or does not say.
    pub dated_at: Option<Timestamp>,
    /// Bytes received or read, before decompression.
    pub bytes: u64,
    /// The packages found; empty when failed.
    pub packages: Vec<KernelPackage>,
    /// What the next crawl may build on; none where the signed top is not believed.
    #[serde(skip)]
    pub kept: Option<CachedMetadata>,
}
