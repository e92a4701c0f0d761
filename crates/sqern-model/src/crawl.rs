//! The result of the crawl of a source, and the cached metadata for the next crawl.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DistroName, KernelVersion};

/// The state of a crawl. Only a complete or unchanged crawl can mark packages as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrawlState {
    /// All metadata was read and accepted.
    Complete,
    /// The metadata is equal to that of the last complete crawl.
    Unchanged,
    /// The found packages are correct, but others are missing.
    Partial,
    /// No metadata was accepted.
    Failed,
}

impl CrawlState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Unchanged, Self::Partial, Self::Failed];

    /// Returns the name in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Unchanged => "unchanged",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Returns whether all packages of the source are known. The exit status of `sqern check`
    /// depends on it.
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
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| InvalidCrawlState(text.to_owned()))
    }
}

impl fmt::Display for CrawlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The role of a package for its kernel.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PackageRole {
    /// The headers of the kernel: the package whose name or provides determine the kernel version.
    Headers,
    /// A dependency of the headers that a build requires (`linux-headers-…-common`,
    /// `linux-kbuild-…`).
    Support,
}

impl PackageRole {
    /// Returns the name in the database and in JSON.
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

/// A package of a kernel, from a verified index. The kernels that require a package share its
/// properties, which are those of the dereferenced value.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize,
)]
pub struct KernelPackage {
    /// The version of its kernel.
    pub kernel: KernelVersion,
    /// Its role for this kernel.
    pub role: PackageRole,
    /// The package.
    #[serde(flatten)]
    pub package: Arc<Package>,
}

impl Deref for KernelPackage {
    type Target = Package;
    fn deref(&self) -> &Package {
        &self.package
    }
}

/// A package in a repository.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize,
)]
pub struct Package {
    /// The name of the package (`linux-headers-6.1.0-25-amd64`).
    pub name: String,
    /// The version of the package (`6.1.106-3`).
    pub version: String,
    /// The architecture of the package (`amd64`, `all`).
    pub architecture: String,
    /// An absolute `http`, `https` or `file` URL, or `apt:NAME=VERSION` for a package that the
    /// local apt downloads (`apt-get download NAME=VERSION`).
    pub url: String,
    /// The size of the file in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the file as 64 lower-case hexadecimal digits. If the repository contains only
    /// a different checksum, `ALGORITHM:DIGITS` (`sha512:…`).
    pub checksum: String,
}

/// The recorded state of a source. The next crawl reads only changed metadata, and rejects older
/// metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrawlCache {
    /// The [`Crawl::checksum`] of the last crawl that was complete or unchanged.
    pub checksum: Option<String>,
    /// The [`Crawl::dated_at`] of the last accepted root metadata.
    pub dated_at: Option<Timestamp>,
    /// Whether a signature authenticated the root metadata of any earlier crawl. The source must then
    /// not become unsigned.
    pub was_verified: bool,
    /// The cached metadata of the last crawl.
    pub kept: CachedMetadata,
}

/// The cached metadata of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CachedMetadata {
    /// Root metadata files by URL (without credentials).
    pub files: BTreeMap<String, CachedFile>,
    /// Indexes by name.
    pub indexes: BTreeMap<String, CachedIndex>,
}

/// A file from a server. Every crawl verifies it again, so the cache saves only its download.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedFile {
    /// The `ETag` of the response.
    pub etag: String,
    /// The content.
    pub body: Vec<u8>,
}

impl fmt::Debug for CachedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CachedFile {{ etag: {:?}, body: {} bytes }}",
            self.etag,
            self.body.len()
        )
    }
}

/// The maximum size of [`CachedIndex::entries`] in bytes. A larger cached index is not used.
pub const CACHED_INDEX_BYTES: i32 = 64 * 1024 * 1024;

/// The entries of an index that a crawl uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedIndex {
    /// The SHA-256 of the inputs: the checksum of the index, and the rules.
    pub checksum: String,
    /// JSON in the format of the parser of this index.
    pub entries: String,
}

/// The result of one crawl of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Crawl {
    /// The distribution that the source belongs to.
    pub distro: DistroName,
    /// The name of the source, unique in its distribution.
    pub source: String,
    /// The start of the crawl.
    pub started_at: Timestamp,
    /// The end of the crawl.
    pub finished_at: Timestamp,
    /// The state of the crawl.
    pub state: CrawlState,
    /// The error message of a partial or failed crawl.
    pub reason: Option<String>,
    /// The part of the reason that other sources can share, such as an unreachable network. It does
    /// not name the source.
    pub cause: Option<String>,
    /// Problems that did not stop the crawl, such as an expired index or a kernel whose common
    /// headers are missing.
    pub warnings: Vec<String>,
    /// The URL or path of the root metadata.
    pub url: String,
    /// The `ETag` of the root metadata, if the server sent one.
    pub etag: Option<String>,
    /// The SHA-256 of the root metadata and the rules. Crawls with the same checksum have the same
    /// packages.
    pub checksum: Option<String>,
    /// The date in the root metadata. `None` if it was not accepted or contains no date.
    pub dated_at: Option<Timestamp>,
    /// The authentication of the root metadata: the fingerprint of the OpenPGP certificate whose key
    /// signed it, or `apt` if apt has verified it. `None` if it is not authenticated.
    pub verified_by: Option<String>,
    /// Received or read bytes, before decompression.
    pub bytes: u64,
    /// The found packages; empty for a failed crawl.
    pub packages: Vec<KernelPackage>,
    /// The metadata for the cache. `None` if the root metadata was not accepted.
    #[serde(skip)]
    pub kept: Option<CachedMetadata>,
}
