//! Directories of logs, and the owners of directories that root uses.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;
use sqern_store::Store;

use crate::Error;

/// The mode of directories of logs. Logs can contain data that only the group may read.
const DIRECTORY_MODE: u32 = 0o750;
/// The mode of logs.
const LOG_MODE: u32 = 0o640;
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// The directory of the logs of one run.
#[derive(Debug)]
pub(crate) struct LogDirectory {
    path: PathBuf,
    directory: OwnedFd,
}

impl LogDirectory {
    /// Creates the directory `name` in `root`, and opens it. Creates missing directories.
    ///
    /// # Errors
    ///
    /// Returns an error if a directory cannot be created, or belongs to another user whose links
    /// root would follow.
    pub(crate) fn create(root: &Path, name: &str) -> Result<Self, Error> {
        let path = root.join(name);
        let failed = |error: io::Error| could_not_create(&path, error);
        let parent = open_log_root(root)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(DIRECTORY_MODE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let directory = rustix::fs::openat(&parent, name, flags, Mode::empty())
            .map_err(|error| failed(error.into()))?;
        // In a directory such as /tmp, another user can create this directory first.
        require_safe_for_root(&path, &directory)?;
        Ok(Self { path, directory })
    }

    /// Returns the path of a log.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a log, which replaces an existing file or link.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be created.
    pub(crate) fn create_log(&self, name: &str) -> Result<File, Error> {
        let create = || {
            match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error),
            }
            let flags =
                OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(LOG_MODE);
            rustix::fs::openat(&self.directory, name, flags, mode)
        };
        let path = self.path_of(name);
        let operation = format!("could not create log {}", path.display());
        create()
            .map(File::from)
            .map_err(|error| Error::io(operation)(error.into()))
    }
}

/// Opens the directory that contains a directory of logs for each run, and creates it if it is
/// missing.
///
/// # Errors
///
/// Returns an error if the directory cannot be created, or if root cannot use it safely.
pub(crate) fn open_log_root(root: &Path) -> Result<OwnedFd, Error> {
    let failed = |error: io::Error| could_not_create(root, error);
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(root)
        .map_err(failed)?;
    let directory =
        rustix::fs::open(root, DIRECTORY, Mode::empty()).map_err(|error| failed(error.into()))?;
    require_safe_for_root(root, &directory)?;
    Ok(directory)
}

fn could_not_create(path: &Path, error: io::Error) -> Error {
    Error::io(format!("could not create directory {}", path.display()))(error)
}

/// Returns an error if the caller is root and other users can change the files of a store.
pub(crate) fn require_safe_store(store: &Store) -> Result<(), Error> {
    let root = store.root();
    let directory = rustix::fs::open(root, DIRECTORY, Mode::empty())
        .map_err(|error| Error::io(format!("could not open {}", root.display()))(error.into()))?;
    require_safe_for_root(root, &directory)
}

/// Returns an error if the caller is root, and another user can change the entries of a directory.
/// In a directory with the sticky bit, other users cannot change the entries of root.
fn require_safe_for_root(path: &Path, directory: impl AsFd) -> Result<(), Error> {
    let stat = rustix::fs::fstat(directory)
        .map_err(|error| Error::io(format!("could not access {}", path.display()))(error.into()))?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let others_write = mode.intersects(Mode::WGRP | Mode::WOTH) && !mode.contains(Mode::SVTX);
    if geteuid().is_root() && (stat.st_uid != 0 || others_write) {
        return Err(Error::UnsafeDirectory {
            path: path.to_owned(),
            owner: stat.st_uid,
        });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    #[test]
    fn logs_replace_links_and_are_not_readable_by_all_users() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a/logs");
        let logs = LogDirectory::create(&root, "build-1").unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, "original").unwrap();
        symlink(&victim, root.join("build-1/log")).unwrap();
        let mut log = logs.create_log("log").unwrap();
        log.write_all(b"text").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "original");
        let mode =
            |path: PathBuf| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(logs.path_of("log")) & !0o640, 0);
        assert_eq!(mode(root.join("build-1")) & !0o750, 0);
        let mut again = LogDirectory::create(&root, "build-1")
            .unwrap()
            .create_log("log")
            .unwrap();
        again.write_all(b"more").unwrap();
        assert_eq!(fs::read_to_string(logs.path_of("log")).unwrap(), "more");

        fs::create_dir(directory.path().join("elsewhere")).unwrap();
        symlink(directory.path().join("elsewhere"), root.join("build-2")).unwrap();
        assert!(LogDirectory::create(&root, "build-2").is_err());
    }

    #[test]
    fn root_rejects_directories_that_others_can_change() {
        if !geteuid().is_root() {
            // An ordinary user can use a directory of the group.
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let set = |owner, mode| {
            chown(directory.path(), Some(owner), None).unwrap();
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        };
        for (owner, mode, is_safe) in [
            (0, 0o755, true),
            (0, 0o1777, true),
            (0, 0o777, false),
            (0, 0o775, false),
            (1000, 0o755, false),
        ] {
            set(owner, mode);
            let logs = LogDirectory::create(directory.path(), "build-1").map(drop);
            for result in [logs, require_safe_store(&store)] {
                let is_rejected = matches!(result, Err(Error::UnsafeDirectory { .. }));
                assert_eq!(is_rejected, !is_safe, "{owner} {mode:o} {result:?}");
            }
        }
        set(0, 0o755);
        chown(directory.path().join("build-1"), Some(1000), None).unwrap();
        assert!(LogDirectory::create(directory.path(), "build-1").is_err());
    }
}
