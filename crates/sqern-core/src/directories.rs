//! Directories of logs.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sqern_store::directory::{self, Missing};

use crate::Error;

/// The mode of directories of logs. Logs can contain data that only the group may read.
const CREATE: Missing = Missing::Create(0o750);
/// The mode of logs.
const LOG_MODE: u32 = 0o640;

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
    /// Returns an error if a directory cannot be created, or if the caller is root and another user
    /// can replace a directory of the path.
    pub(crate) fn create(root: &Path, name: &str) -> Result<Self, Error> {
        let parent = open_log_root(root)?;
        let path = root.join(name);
        // In a directory such as /tmp, another user can create this directory first.
        let directory = directory::open_subdirectory(parent, root, name, CREATE)?;
        let missing = || Error::io(format!("could not open {}", path.display()));
        let directory = directory.ok_or_else(|| missing()(Errno::NOENT.into()))?;
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
    Ok(directory::open(root, CREATE)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

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
}
