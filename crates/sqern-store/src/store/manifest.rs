//! `manifest.json`: the packages of a tree, their provenance, and a digest of all files.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sqern_model::{DistroName, Kernel, KernelVersion, PackageRole, counted};
use sqern_sandbox::Applied;

use super::tree_digest::TreeDigest;
use super::{inaccessible, open_file, open_regular_file};
use crate::{Error, ErrorKind};

/// The name of the manifest in a tree.
pub(super) const MANIFEST: &str = "manifest.json";
/// The format of manifests.
const SCHEMA: &str = "sqern.manifest/1";
/// The size limit of a manifest. A kernel has at most a few packages.
const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// The description of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this file.
    pub schema: String,
    /// The distribution of the kernel.
    pub distro: DistroName,
    /// The version of the kernel, as `uname -r` prints it.
    pub version: KernelVersion,
    /// The architecture of the headers, as the packages name it.
    pub architecture: String,
    /// The time of creation: RFC 3339, in UTC.
    pub made_at: String,
    /// The packages.
    pub packages: Vec<ManifestPackage>,
    /// Links and lines that were changed so that the tree builds in the store.
    pub changes: Vec<String>,
    /// The vermagic of a module that was compiled in the tree; `None` if none was compiled.
    pub vermagic: Option<String>,
    /// The sandbox in which that module was compiled; `None` without a module or a sandbox, and for
    /// trees of versions without sandboxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<ManifestSandbox>,
    /// The compilers of the kernel and of that module; `None` without a module, and for trees of
    /// versions that did not record them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compilers: Option<ManifestCompilers>,
    /// The digest of the tree at creation, without this file.
    pub tree: TreeDigest,
}

/// The sandbox in which the test module was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSandbox {
    /// The method: `bubblewrap` or `landlock`.
    pub method: String,
    /// The names of the restrictions, such as `network-namespace`.
    pub restrictions: Vec<String>,
}

/// The compilers of a kernel and of a module for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestCompilers {
    /// The compiler of the kernel (`CONFIG_CC_VERSION_TEXT`): `gcc-12 (Debian 12.2.0-14) 12.2.0`.
    pub kernel: Option<String>,
    /// The compiler of the module, as it describes itself: `GCC: (Debian 12.2.0-14) 12.2.0`.
    pub module: Option<String>,
}

/// A package of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPackage {
    /// The role in the tree.
    pub role: PackageRole,
    /// The package name.
    pub name: String,
    /// The package version.
    pub version: String,
    /// The package architecture.
    pub architecture: String,
    /// The URL of the file.
    pub url: String,
    /// The size of the file in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the file, or `ALGORITHM:DIGITS`.
    pub checksum: String,
    /// The source whose index lists that checksum.
    pub source: String,
    /// The URL of the root metadata (`InRelease`, `repomd.xml`) that lists the checksum of the
    /// index, at the last crawl.
    pub top_url: Option<String>,
    /// The date in that root metadata: RFC 3339, in UTC.
    pub top_dated_at: Option<String>,
    /// The verification of the package; `None` if it was not verified, or if an older version
    /// created the tree.
    pub verified: Option<PackageVerification>,
}

/// The verification of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageVerification {
    /// The verified signature.
    pub method: VerificationMethod,
    /// The fingerprint of the OpenPGP certificate; `None` if apt has verified the index.
    pub key: Option<String>,
    /// The time at which the downloaded file was verified: RFC 3339, in UTC.
    pub at: String,
}

/// The signature that authenticates a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerificationMethod {
    /// The signature of the root metadata, which lists the checksum of the index.
    IndexSignature,
    /// The signature of the root metadata, by apt.
    Apt,
    /// The signature of the package.
    PackageSignature,
}

impl From<Applied> for ManifestSandbox {
    fn from(applied: Applied) -> Self {
        Self {
            method: applied.method.to_string(),
            restrictions: applied.restrictions,
        }
    }
}

impl Manifest {
    /// Returns the format of new manifests.
    #[must_use]
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }

    /// Returns the kernel of the tree.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        Kernel {
            distro: self.distro.clone(),
            version: self.version.clone(),
        }
    }

    /// Reads the manifest of the tree at `tree`, which is open.
    ///
    /// # Errors
    ///
    /// Returns an error if the manifest is missing, invalid, or not a regular file.
    pub(super) fn read(directory: impl AsFd, tree: &Path) -> Result<Self, Error> {
        let path = tree.join(MANIFEST);
        let invalid = |operation: &str, reason: String| {
            Error::failed(
                ErrorKind::InvalidManifest,
                operation,
                reason,
                path.display(),
            )
            .with_hint("sqern store prune  # removes invalid directories")
        };
        let unreadable = |error: io::Error| invalid("could not read manifest", error.to_string());
        let mut text = String::new();
        let file = open_regular_file(directory, MANIFEST).map_err(unreadable)?;
        file.take(MAX_MANIFEST_BYTES)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|error| invalid("cannot parse manifest", error.to_string()))?;
        if manifest.schema == SCHEMA {
            return Ok(manifest);
        }
        Err(invalid(
            "cannot read manifest",
            format!(
                "unsupported schema {:?} (supported: {SCHEMA:?})",
                manifest.schema
            ),
        ))
    }

    /// Writes the manifest of the tree at `tree`, which is open, and syncs it to disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the manifest is too large to be read again, or if it cannot be written.
    pub(super) fn write(&self, directory: impl AsFd, tree: &Path) -> Result<(), Error> {
        let path = tree.join(MANIFEST);
        let write = |text: &str| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let mut file = open_file(directory, MANIFEST, flags)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        let failed = |error: io::Error| inaccessible(error, &path);
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        text.push('\n');
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            let reason = format!(
                "it would have {}, more than the limit of {MAX_MANIFEST_BYTES}",
                counted(text.len(), "byte")
            );
            let operation = "cannot write manifest";
            let kind = ErrorKind::InvalidManifest;
            return Err(Error::failed(kind, operation, reason, path.display()));
        }
        write(&text).map_err(failed)
    }
}
