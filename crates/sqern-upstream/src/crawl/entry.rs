//! The packages of an index that say something about kernels, whatever the index's format.

use serde::{Deserialize, Serialize};
use sqern_model::KernelVersion;

use crate::relation::{Dependency, VersionOrder};

/// A package that is a kernel's headers, or may be needed by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// As the format shows it: Debian's version, rpm's `[epoch:]version-release`.
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// The architecture of the index that it stands in: what a package for all of them is read as.
    pub(crate) index_architecture: String,
    /// The kernel that it is the headers of, and the place of the rule that says so.
    pub(crate) kernel: Option<(KernelVersion, usize)>,
    /// All of the outer list, one of each inner one.
    pub(crate) needs: Vec<Vec<Dependency>>,
    pub(crate) provides: Vec<Dependency>,
    pub(crate) url: String,
    pub(crate) size_bytes: u64,
    /// The SHA-256 in hexadecimal digits, else `ALGORITHM:DIGITS`.
    pub(crate) checksum: String,
    /// Whose rules order its version.
    pub(crate) order: VersionOrder,
}

impl Entry {
    /// What the packages that go with it are built for: one for all architectures is read as the index that it stands in.
    pub(crate) fn real_architecture(&self) -> &str {
        if self.is_for_all() { &self.index_architecture } else { &self.architecture }
    }

    /// Whether it is for all architectures: Debian's `all`, rpm's `noarch`.
    pub(crate) fn is_for_all(&self) -> bool {
        self.architecture == "all" || self.architecture == "noarch"
    }
}

/// What an index held. As JSON it is kept for the next crawl: `checksum::FORMAT` counts its form.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
    /// Packages that should be an entry and can't, with the reason.
    pub(crate) defects: Vec<String>,
    /// What is worth a look and stopped nothing.
    pub(crate) warnings: Vec<String>,
}

impl Entries {
    /// These and those of another index.
    pub(crate) fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.defects.extend(other.defects);
        self.warnings.extend(other.warnings);
    }
}
