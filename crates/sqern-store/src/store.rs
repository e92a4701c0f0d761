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
//!
//! The directory of the store can be specified with links. No link is followed below it: each
//! operation opens the directories one name at a time. If the caller is root, an operation that
//! changes the store, or that returns a tree for use, first checks that no other user can change or
//! replace a directory of its path. Operations that only read have no such check.

mod cache;
mod manifest;
mod staged;
mod tree_digest;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use sqern_model::Kernel;

pub use cache::{Cached, Partial, Pruned};
pub use manifest::{
    Manifest, ManifestCompilers, ManifestPackage, ManifestSandbox, PackageVerification,
    VerificationMethod,
};
pub use staged::Staged;
pub use tree_digest::TreeDigest;

use crate::directory::{self, Missing};
use crate::{Error, ErrorKind};

/// The maximum length of the name of a directory in the store.
const MAX_NAME_BYTES: usize = 200;
const STAGING: &str = ".staging";
const CACHE: &str = ".cache";
/// The name of the directory for temporary files in the staging directory.
const SCRATCH: &str = "scratch";
/// The mode of new directories, which the umask restricts.
const CREATE: Missing = Missing::Create(0o777);

/// A directory with a tree for each fetched kernel.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    specified_root: PathBuf,
}

/// The purpose for which a directory of the store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Files are read. The store of another user is accepted.
    Read,
    /// Files are removed, or used by commands.
    Use,
    /// Files are created, in directories that are created if they are missing.
    Create,
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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(tree, flags, Mode::empty())
        .map_err(|error| inaccessible(error.into(), tree))?;
    TreeDigest::compute(&directory, tree, manifest::MANIFEST)
}

impl Store {
    /// Opens a store for changes, and creates missing directories.
    ///
    /// # Errors
    ///
    /// Returns an error if a directory cannot be created. If the caller is root, returns an error
    /// if another user can change or replace a directory of the store; nothing is created in this
    /// case.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::check(root)?;
        let specified_root =
            std::path::absolute(root).map_err(|error| inaccessible(error, root))?;
        directory::open(&specified_root, CREATE).map_err(with_hint)?;
        let store = Self::open_read_only(root)?;
        for name in [STAGING, CACHE] {
            store.enter(Access::Create, &[name])?;
        }
        Ok(store)
    }

    /// Opens a store to read it, without creating anything. The directory need not exist, and can
    /// belong to another user.
    ///
    /// # Errors
    ///
    /// Returns an error if the path is empty, or if a link of the path cannot be resolved.
    pub fn open_read_only(root: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| inaccessible(error, root);
        let specified_root = std::path::absolute(root).map_err(failed)?;
        // Recorded paths must not depend on the working directory.
        let root = match fs::canonicalize(root) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => specified_root.clone(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            root,
            specified_root,
        })
    }

    /// Checks that no other user can change or replace a directory of a store, if the caller is
    /// root. The directory need not exist.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::UnsafeDirectory`] if root cannot use the store.
    pub fn check(root: &Path) -> Result<(), Error> {
        directory::check_private(root)
    }

    /// Returns the directory of the store, without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Opens a directory of the store. Returns `None` if it does not exist. Links below the root
    /// are not followed.
    fn enter(&self, access: Access, names: &[&str]) -> Result<Option<OwnedFd>, Error> {
        let missing = match access {
            Access::Create => CREATE,
            Access::Read | Access::Use => Missing::Fail,
        };
        let mut opened = if access == Access::Read {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match rustix::fs::open(&self.root, flags, Mode::empty()) {
                Ok(root) => root,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(inaccessible(error.into(), &self.root)),
            }
        } else {
            directory::open(&self.specified_root, Missing::Fail)?
        };
        let mut path = self.root.clone();
        for name in names {
            let next = if access == Access::Read {
                directory::open_without_links(&opened, &path, name, missing)
            } else {
                directory::open_subdirectory(&opened, &path, name, missing)
            };
            let Some(next) = next.map_err(with_hint)? else {
                return Ok(None);
            };
            opened = next;
            path.push(name);
        }
        Ok(Some(opened))
    }

    /// Opens a directory of the store to create files in it. Missing directories are created.
    fn create(&self, names: &[&str]) -> Result<OwnedFd, Error> {
        let missing = || inaccessible(io::ErrorKind::NotFound.into(), &self.root);
        self.enter(Access::Create, names)?.ok_or_else(missing)
    }

    /// Returns whether a process prepares a tree.
    ///
    /// # Errors
    ///
    /// Returns an error if the staging directory cannot be read.
    pub fn is_busy(&self) -> Result<bool, Error> {
        let Some(directory) = self.enter(Access::Read, &[STAGING])? else {
            return Ok(false);
        };
        Ok(visible_names(&directory, &self.root.join(STAGING))?
            .into_iter()
            .any(|name| staged::is_locked(&directory, &name)))
    }

    /// Returns the path of the tree of a kernel, which might not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the distribution or version, which may be external input, is not a valid
    /// directory name.
    pub fn tree(&self, kernel: &Kernel) -> Result<PathBuf, Error> {
        let [distro, version] = directory_names(kernel)?;
        Ok(self.root.join(distro).join(version))
    }

    /// Returns the path of the tree of a kernel for a command that uses its files, or `None` if it
    /// does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has no valid path, or if the tree is not a directory. If the
    /// caller is root, returns an error if another user can change or replace the tree.
    pub fn usable_tree(&self, kernel: &Kernel) -> Result<Option<PathBuf>, Error> {
        let directory = self.enter(Access::Use, &directory_names(kernel)?)?;
        directory.map(|_| self.tree(kernel)).transpose()
    }

    /// Returns a directory for temporary files, on the disk of the store.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be created.
    pub fn scratch(&self) -> Result<PathBuf, Error> {
        self.create(&[STAGING, SCRATCH])?;
        Ok(self.root.join(STAGING).join(SCRATCH))
    }

    /// Returns the content of the directory of a kernel, or `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has no valid path.
    pub fn find(&self, kernel: &Kernel) -> Result<Option<Found>, Error> {
        let [distro, version] = directory_names(kernel)?;
        let tree = self.tree(kernel)?;
        let Some(parent) = self.enter(Access::Read, &[distro])? else {
            return Ok(None);
        };
        let path = self.root.join(distro);
        let manifest = match directory::open_without_links(parent, &path, version, Missing::Fail) {
            Ok(None) => return Ok(None),
            Ok(Some(directory)) => Manifest::read(&directory, &tree),
            Err(error) => Err(error.with_hint("sqern store prune  # removes the entry")),
        };
        Ok(Some(match manifest {
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
        for distro in self.visible_names(&[])? {
            let versions = self.visible_names(&[&distro])?;
            for version in versions {
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

    /// Returns the sorted names in a directory of the store that are not hidden. Returns no names
    /// if it does not exist, or if it is a file.
    fn visible_names(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        let path = names
            .iter()
            .fold(self.root.clone(), |path, name| path.join(name));
        if let Some((name, parents)) = names.split_last() {
            let Some(parent) = self.enter(Access::Read, parents)? else {
                return Ok(Vec::new());
            };
            let stat = rustix::fs::statat(&parent, *name, AtFlags::SYMLINK_NOFOLLOW);
            if stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
            {
                return Ok(Vec::new());
            }
        }
        match self.enter(Access::Read, names)? {
            Some(directory) => visible_names(&directory, &path),
            None => Ok(Vec::new()),
        }
    }

    /// Reads all files of a tree and compares their digest with the manifest.
    ///
    /// # Errors
    ///
    /// Returns an error if the files differ or cannot be read.
    pub fn verify(&self, kernel: &Kernel, manifest: &Manifest) -> Result<(), Error> {
        let tree = self.tree(kernel)?;
        let Some(directory) = self.enter(Access::Read, &directory_names(kernel)?)? else {
            return Err(inaccessible(io::ErrorKind::NotFound.into(), &tree));
        };
        let found = TreeDigest::compute(&directory, &tree, manifest::MANIFEST)?;
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

    /// Removes the tree of a kernel. A rename hides it before its files are removed. If it is a link,
    /// only the link is removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the tree cannot be renamed or removed.
    pub fn remove(&self, kernel: &Kernel) -> Result<(), Error> {
        let [distro, version] = directory_names(kernel)?;
        let tree = self.tree(kernel)?;
        let Some(parent) = self.enter(Access::Use, &[distro])? else {
            return Err(inaccessible(io::ErrorKind::NotFound.into(), &tree));
        };
        let staging = self.create(&[STAGING])?;
        let name = format!("removed-{}@{}", kernel.distro, kernel.version);
        let removed = self.root.join(STAGING).join(&name);
        let remove = || {
            directory::remove(&staging, OsStr::new(&name))
                .map_err(|error| inaccessible(error.into(), &removed))
        };
        remove()?;
        rustix::fs::renameat(&parent, version, &staging, &name)
            .map_err(|error| inaccessible(error.into(), &tree))?;
        remove()
    }
}

/// Returns the names of the directories of a kernel.
fn directory_names(kernel: &Kernel) -> Result<[&str; 2], Error> {
    Ok([
        directory_name(kernel.distro.as_str())?,
        directory_name(kernel.version.as_str())?,
    ])
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

/// Returns the sorted names in the directory at `path` that are not hidden.
fn visible_names(directory: impl AsFd, path: &Path) -> Result<Vec<String>, Error> {
    let names = directory::names(directory).map_err(|error| inaccessible(error.into(), path))?;
    let names = names.into_iter().filter_map(|name| name.into_string().ok());
    let mut visible: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    visible.sort();
    Ok(visible)
}

/// Opens a file of a directory, without following a link or waiting for the writer of a FIFO.
fn open_file(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o666))?;
    Ok(File::from(file))
}

/// Opens a regular file of a directory, to read it.
fn open_regular_file(directory: impl AsFd, name: &str) -> io::Result<File> {
    let file = open_file(directory, name, OFlags::RDONLY)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ))
    }
}

/// Returns an error with a hint if the caller cannot write to a directory of the store.
fn with_hint(error: Error) -> Error {
    let is_denied = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if is_denied {
        error.with_hint("sqern fetch --store DIR  # a writable directory")
    } else {
        error
    }
}

/// Returns the error of a file system operation in the store.
fn inaccessible(error: io::Error, path: &Path) -> Error {
    with_hint(Error::io("could not access store", error, path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]
mod tests;
