//! `manifest.json`: what a tree is made of, and what vouches for it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sqern_model::{DistroName, Kernel, KernelVersion, PackageRole};

use super::tree_digest::TreeDigest;
use super::unusable;
use crate::Failure;

/// The manifest's name in a tree.
pub const MANIFEST: &str = "manifest.json";
/// The form of the manifests that this program writes and reads.
const SCHEMA: &str = "sqern.manifest/1";
/// More than any has: a kernel has a handful of packages.
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// What a tree is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub schema: String,
    /// The kernel's distribution.
    pub distro: DistroName,
    /// The kernel's version, as `uname -r` prints it.
    pub version: KernelVersion,
    /// The architecture that it builds for, in the packages' own words.
    pub architecture: String,
    /// When it was made: RFC 3339, in UTC.
    pub made_at: String,
    /// Its packages.
    pub packages: Vec<ManifestPackage>,
    /// Links and lines that had to be changed, so that it builds where it lies.
    pub changes: Vec<String>,
    /// What `modinfo -F vermagic` says of a module that was compiled here; none where that was not tried.
    pub vermagic: Option<String>,
    /// What the tree held when it was made, besides this file.
    pub tree: TreeDigest,
}

/// A package of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPackage {
    /// What it is to the kernel.
    pub role: PackageRole,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Where it came from.
    pub url: String,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// The file's SHA-256, or `ALGORITHM:DIGITS`.
    pub checksum: String,
    /// The source whose index states that checksum.
    pub source: String,
    /// The URL of the signed top (`InRelease`, `repomd.xml`) that states the index's checksum, when it was last read.
    pub top_url: Option<String>,
    /// When that top says that it was made: RFC 3339, in UTC.
    pub top_dated_at: Option<String>,
}

impl Manifest {
    /// The name of the form that is written.
    #[must_use]
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }

    /// The kernel that it is of.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        Kernel { distro: self.distro.clone(), version: self.version.clone() }
    }

    /// Reads a tree's manifest.
    pub fn read(tree: &Path) -> Result<Self, Failure> {
        let path = tree.join(MANIFEST);
        let refused = |got: String| {
            Failure::new(format!("a {MANIFEST} of {SCHEMA}"), got, path.display())
                .hint("sqern store prune  # removes invalid directories")
        };
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| refused(error.to_string()))?;
        file.take(MANIFEST_BYTES).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if manifest.schema == SCHEMA { Ok(manifest) } else { Err(refused(manifest.schema)) }
    }

    /// Writes it into a tree, down to the disk.
    pub(super) fn write(&self, tree: &Path) -> Result<(), Failure> {
        let path = tree.join(MANIFEST);
        let write = || {
            let mut text = serde_json::to_string_pretty(self)?;
            text.push('\n');
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| unusable(&error, &path))
    }
}
