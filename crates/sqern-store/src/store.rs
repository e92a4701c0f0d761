//! The store: a folder with a tree for each kernel that was fetched, whole or not at all.
//!
//! ```text
//! STORE/DISTRO/VERSION/           the packages' files, `build`, and manifest.json
//! STORE/.cache/sha256/ab/abcd….deb   each package once, named by its checksum
//! STORE/.staging/DISTRO@VERSION/  what is being made; locked by the file of the same name with .lock
//! ```
//!
//! A tree is made beside the others and renamed when it is done (rename(2) is atomic), so that a kill at any moment leaves a whole one or
//! none; what was being made then is thrown away by the next who wants that kernel.

mod cache;
mod manifest;
mod staged;
mod tree_digest;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqern_model::{Kernel, counted};

pub use cache::{Cached, Partial, Pruned};
pub use manifest::{MANIFEST, Manifest, ManifestPackage};
pub use staged::Staged;
pub use tree_digest::{TreeDigest, digest};

use crate::Failure;

/// A folder with a tree for each kernel that was fetched.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What is in the place of a kernel's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A tree with its manifest.
    Tree(Box<Manifest>),
    /// Something else.
    Other(Failure),
}

impl Store {
    /// The store in a folder, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let store = Self { root: root.to_owned() };
        for folder in [store.root.clone(), store.staging(), store.cache()] {
            fs::create_dir_all(&folder).map_err(|error| unusable(&error, &folder))?;
        }
        // A store is used by this path from anywhere: a build's log must not depend on who ran it where.
        let root = fs::canonicalize(&store.root).map_err(|error| unusable(&error, &store.root))?;
        Ok(Self { root })
    }

    /// The store in a folder, to be looked at: nothing is made, and there is none where the folder is not there.
    #[must_use]
    pub fn look(root: &Path) -> Option<Self> {
        let root = fs::canonicalize(root).ok().filter(|root| root.is_dir())?;
        Some(Self { root })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether some process is making a tree.
    pub fn is_busy(&self) -> Result<bool, Failure> {
        let folder = self.staging();
        // Only locks are locked.
        Ok(names(&folder)?.into_iter().any(|name| staged::is_locked(&folder.join(name))))
    }

    /// Where a kernel's tree is, or would be. Fails on a name that is no name of a folder: versions come from outside.
    pub fn tree(&self, kernel: &Kernel) -> Result<PathBuf, Failure> {
        Ok(self.root.join(folder_name(kernel.distro.as_str())?).join(folder_name(kernel.version.as_str())?))
    }

    fn staging(&self) -> PathBuf {
        self.root.join(".staging")
    }

    fn cache(&self) -> PathBuf {
        self.root.join(".cache")
    }

    /// A folder for work that leaves nothing behind, on the store's own disk.
    pub fn scratch(&self) -> Result<PathBuf, Failure> {
        let folder = self.staging().join("scratch");
        fs::create_dir_all(&folder).map_err(|error| unusable(&error, &folder))?;
        Ok(folder)
    }

    /// What is in the place of a kernel's tree; nothing where it was never fetched.
    pub fn find(&self, kernel: &Kernel) -> Result<Option<Found>, Failure> {
        let tree = self.tree(kernel)?;
        if fs::symlink_metadata(&tree).is_err() {
            return Ok(None);
        }
        Ok(Some(match Manifest::read(&tree) {
            Ok(manifest) if manifest.kernel() == *kernel => Found::Tree(Box::new(manifest)),
            Ok(manifest) => {
                Found::Other(Failure::new(format!("the manifest of {kernel}"), manifest.kernel().to_string(), tree.display()))
            }
            Err(failure) => Found::Other(failure),
        }))
    }

    /// Every kernel that the store has a folder for.
    pub fn kernels(&self) -> Result<BTreeMap<Kernel, Found>, Failure> {
        let mut kernels = BTreeMap::new();
        for distro in names(&self.root)? {
            for version in names(&self.root.join(&distro))? {
                // A folder whose name is no distro's or version's was not made by this store.
                let (Ok(distro), Ok(version)) = (distro.parse(), version.parse()) else { continue };
                let kernel = Kernel { distro, version };
                if let Some(found) = self.find(&kernel)? {
                    kernels.insert(kernel, found);
                }
            }
        }
        Ok(kernels)
    }

    /// Reads a kernel's tree as a whole, and compares it with its manifest.
    pub fn verify(&self, kernel: &Kernel, manifest: &Manifest) -> Result<(), Failure> {
        let tree = self.tree(kernel)?;
        let got = digest(&tree)?;
        if got == manifest.tree {
            return Ok(());
        }
        let shown = |digest: &TreeDigest| {
            let (files, links) = (counted(digest.files, "file"), counted(digest.links, "link"));
            format!("{files}, {links}, {}, SHA-256 {}", counted(digest.bytes, "byte"), digest.sha256)
        };
        Err(Failure::new(format!("an unchanged tree ({})", shown(&manifest.tree)), shown(&got), tree.display())
            .hint(format!("sqern store prune --kernel {0} && sqern fetch --kernel {0}", kernel.version)))
    }

    /// Takes a kernel's tree away: first out of its place by a rename, then file by file.
    pub fn remove(&self, kernel: &Kernel) -> Result<(), Failure> {
        let (tree, aside) = (self.tree(kernel)?, self.staging().join(format!("removed-{}@{}", kernel.distro, kernel.version)));
        let _ = fs::remove_dir_all(&aside);
        fs::rename(&tree, &aside).map_err(|error| unusable(&error, &tree))?;
        fs::remove_dir_all(&aside).map_err(|error| unusable(&error, &aside))
    }
}

/// A name as one folder's: not hidden, and no path.
fn folder_name(name: &str) -> Result<&str, Failure> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) || name.len() > 200 {
        return Err(Failure::new("a valid directory name", format!("{name:?}"), "the store"));
    }
    Ok(name)
}

/// The names of what lies in a folder and is not hidden; none where it is no folder.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(unusable(&error, folder)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| unusable(&error, folder))?.file_name();
        names.extend(name.into_string().ok().filter(|name| !name.starts_with('.')));
    }
    names.sort();
    Ok(names)
}

/// The store's folder can't be used as it must.
pub(crate) fn unusable(error: &io::Error, place: &Path) -> Failure {
    let failure = Failure::operation("could not access store", error.to_string(), place.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failure.hint("Free disk space. df -h shows the full disk."),
        io::ErrorKind::PermissionDenied => failure.hint("sqern fetch --store DIR  # a writable directory"),
        _ => failure,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]
mod tests;
