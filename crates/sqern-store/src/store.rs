//! The store: a directory with a complete tree for each fetched kernel.
//!
//! ```text
//! STORE/DISTRO/VERSION/              files of the packages, the link `build`, and manifest.json
//! STORE/.cache/sha256/ab/abcd….deb   packages, named by their checksums
//! STORE/.staging/DISTRO@VERSION/     tree in preparation; locked by the file of the same name with the suffix .lock
//! ```
//!
//! A tree is prepared in a staging directory and renamed when it is complete. rename(2) is atomic,
//! so the store never contains a part of a tree. The next fetch of the kernel removes the remains
//! of an aborted one.

mod cache;
mod manifest;
mod staged;
mod tree_digest;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqern_model::Kernel;

pub use cache::{Cached, Partial, Pruned};
pub use manifest::{
    Manifest, ManifestCompilers, ManifestPackage, ManifestSandbox, PackageVerification,
    VerificationMethod,
};
pub use staged::Staged;
pub use tree_digest::TreeDigest;

use crate::{Error, ErrorKind};

/// The maximum length of the name of a directory in the store.
const MAX_NAME_BYTES: usize = 200;

/// A directory with a tree for each fetched kernel.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    specified_root: PathBuf,
}

/// The content of the directory of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A tree with its manifest.
    Tree(Box<Manifest>),
    /// A directory without a valid manifest of the kernel.
    Invalid(Error),
}

/// Returns the digest of a tree, without its manifest.
///
/// # Errors
///
/// Returns an error if a file cannot be read.
pub fn digest(tree: &Path) -> Result<TreeDigest, Error> {
    TreeDigest::compute(tree, manifest::MANIFEST)
}

impl Store {
    /// Opens a store, and creates missing directories.
    ///
    /// # Errors
    ///
    /// Returns an error if a directory cannot be created.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let specified_root =
            std::path::absolute(root).map_err(|error| inaccessible(error, root))?;
        let store = Self {
            root: root.to_owned(),
            specified_root,
        };
        for directory in [store.root.clone(), store.staging(), store.cache()] {
            fs::create_dir_all(&directory).map_err(|error| inaccessible(error, &directory))?;
        }
        // Recorded paths must not depend on the working directory.
        let root =
            fs::canonicalize(&store.root).map_err(|error| inaccessible(error, &store.root))?;
        Ok(Self { root, ..store })
    }

    /// Opens a store without creating anything. Returns `None` if the directory does not exist.
    #[must_use]
    pub fn open_existing(root: &Path) -> Option<Self> {
        let specified_root = std::path::absolute(root).ok()?;
        let root = fs::canonicalize(root).ok().filter(|root| root.is_dir())?;
        Some(Self {
            root,
            specified_root,
        })
    }

    /// Returns the directory of the store, without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the absolute path with which the store was opened, which can contain links.
    #[must_use]
    pub fn specified_root(&self) -> &Path {
        &self.specified_root
    }

    /// Returns whether a process prepares a tree.
    ///
    /// # Errors
    ///
    /// Returns an error if the staging directory cannot be read.
    pub fn is_busy(&self) -> Result<bool, Error> {
        let directory = self.staging();
        Ok(visible_names(&directory)?
            .into_iter()
            .any(|name| staged::is_locked(&directory.join(name))))
    }

    /// Returns the path of the tree of a kernel, which might not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the distribution or version, which may be external input, is not a valid
    /// directory name.
    pub fn tree(&self, kernel: &Kernel) -> Result<PathBuf, Error> {
        Ok(self
            .root
            .join(directory_name(kernel.distro.as_str())?)
            .join(directory_name(kernel.version.as_str())?))
    }

    fn staging(&self) -> PathBuf {
        self.root.join(".staging")
    }

    fn cache(&self) -> PathBuf {
        self.root.join(".cache")
    }

    /// Returns a directory for temporary files, on the disk of the store.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be created.
    pub fn scratch(&self) -> Result<PathBuf, Error> {
        let directory = self.staging().join("scratch");
        fs::create_dir_all(&directory).map_err(|error| inaccessible(error, &directory))?;
        Ok(directory)
    }

    /// Returns the content of the directory of a kernel, or `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has no valid path.
    pub fn find(&self, kernel: &Kernel) -> Result<Option<Found>, Error> {
        let tree = self.tree(kernel)?;
        if fs::symlink_metadata(&tree).is_err() {
            return Ok(None);
        }
        Ok(Some(match Manifest::read(&tree) {
            Ok(manifest) if manifest.kernel() == *kernel => Found::Tree(Box::new(manifest)),
            Ok(manifest) => {
                let reason = format!(
                    "its manifest is that of {}, not of {kernel}",
                    manifest.kernel()
                );
                Found::Invalid(Error::failed(
                    ErrorKind::InvalidManifest,
                    "cannot use tree",
                    reason,
                    tree.display(),
                ))
            }
            Err(error) => Found::Invalid(error),
        }))
    }

    /// Returns all kernels that have a directory.
    ///
    /// # Errors
    ///
    /// Returns an error if a directory cannot be read.
    pub fn kernels(&self) -> Result<BTreeMap<Kernel, Found>, Error> {
        let mut kernels = BTreeMap::new();
        for distro in visible_names(&self.root)? {
            for version in visible_names(&self.root.join(&distro))? {
                // A directory with an invalid name is not part of the store.
                let (Ok(distro), Ok(version)) = (distro.parse(), version.parse()) else {
                    continue;
                };
                let kernel = Kernel { distro, version };
                if let Some(found) = self.find(&kernel)? {
                    kernels.insert(kernel, found);
                }
            }
        }
        Ok(kernels)
    }

    /// Reads all files of a tree and compares their digest with the manifest.
    ///
    /// # Errors
    ///
    /// Returns an error if the files differ or cannot be read.
    pub fn verify(&self, kernel: &Kernel, manifest: &Manifest) -> Result<(), Error> {
        let tree = self.tree(kernel)?;
        let found = digest(&tree)?;
        if found == manifest.tree {
            return Ok(());
        }
        let reason = format!("the tree has changed from {} to {found}", manifest.tree);
        Err(Error::failed(
            ErrorKind::ModifiedTree,
            "could not verify tree",
            reason,
            tree.display(),
        )
        .with_hint(format!(
            "sqern store prune --kernel {0} && sqern fetch --kernel {0}",
            kernel.version
        )))
    }

    /// Removes the tree of a kernel. A rename hides it before its files are removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the tree cannot be renamed or removed.
    pub fn remove(&self, kernel: &Kernel) -> Result<(), Error> {
        let tree = self.tree(kernel)?;
        let removed = self
            .staging()
            .join(format!("removed-{}@{}", kernel.distro, kernel.version));
        let _ = fs::remove_dir_all(&removed);
        fs::rename(&tree, &removed).map_err(|error| inaccessible(error, &tree))?;
        fs::remove_dir_all(&removed).map_err(|error| inaccessible(error, &removed))
    }
}

/// Returns a name if it is that of a visible directory, and not a path.
fn directory_name(name: &str) -> Result<&str, Error> {
    if name.is_empty()
        || name.starts_with('.')
        || name.contains(['/', '\0'])
        || name.len() > MAX_NAME_BYTES
    {
        let reason = "the name is not allowed for a directory of the store";
        return Err(Error::failed(
            ErrorKind::InvalidName,
            "cannot use",
            reason,
            format!("{name:?}"),
        ));
    }
    Ok(name)
}

/// Returns the sorted names in a directory that are not hidden. Returns no names if it is not a
/// directory.
fn visible_names(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(inaccessible(error, directory)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|error| inaccessible(error, directory))?
            .file_name();
        names.extend(
            name.into_string()
                .ok()
                .filter(|name| !name.starts_with('.')),
        );
    }
    names.sort();
    Ok(names)
}

/// Returns the error of a file system operation in the store.
fn inaccessible(error: io::Error, path: &Path) -> Error {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    let failed = Error::io("could not access store", error, path.display());
    if is_denied {
        failed.with_hint("sqern fetch --store DIR  # a writable directory")
    } else {
        failed
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]
mod tests;
