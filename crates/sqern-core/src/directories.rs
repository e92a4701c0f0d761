//! Directories of logs, and the owners of directories that root uses.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
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
/// The maximum number of links in a path, as in `path_resolution(7)`.
const MAX_LINKS: usize = 40;
/// A directory in which a group can replace the entries, if each entry is checked. On Ubuntu, the
/// group `syslog` can write to it, so that rsyslog can create its files. Members of the group can
/// only replace a directory of root with another one, because their own directories and links are
/// rejected.
const SYSTEM_LOGS: &str = "/var/log";

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
        if geteuid().is_root() {
            require_safe(&path, &path, &directory)?;
        }
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
    if geteuid().is_root() {
        return open_safely(root, Missing::Create);
    }
    let failed = |error: io::Error| could_not_create(root, error);
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(root)
        .map_err(failed)?;
    rustix::fs::open(root, DIRECTORY, Mode::empty()).map_err(|error| failed(error.into()))
}

fn could_not_create(path: &Path, error: io::Error) -> Error {
    Error::io(format!("could not create directory {}", path.display()))(error)
}

/// Returns an error if the caller is root, and other users can change the files of a store or
/// replace its directory.
pub(crate) fn require_safe_store(store: &Store) -> Result<(), Error> {
    if geteuid().is_root() {
        open_safely(store.specified_root(), Missing::Fail)?;
    }
    Ok(())
}

/// The treatment of missing directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Fail,
}

/// Opens a directory as root. Returns an error if another user can change the entries of the
/// directory, or replace a directory or link of its path: root must own each directory and link, and
/// neither the group nor others can write to a directory. `StrictModes` of OpenSSH has the
/// same rule. Directories with the sticky bit are also accepted, because other users cannot replace
/// the entries of root in them.
///
/// Each directory is opened relative to the checked one above it, so that no other user can replace
/// it between check and use.
fn open_safely(path: &Path, missing: Missing) -> Result<OwnedFd, Error> {
    let failed = |error: io::Error| match missing {
        Missing::Create => could_not_create(path, error),
        Missing::Fail => Error::io(format!("could not open {}", path.display()))(error),
    };
    let absolute = std::path::absolute(path).map_err(failed)?;
    let mut rest: VecDeque<OsString> = components(&absolute).collect();
    let mut directory = open_at(rustix::fs::CWD, OsStr::new("/"), Missing::Fail).map_err(failed)?;
    let mut current = PathBuf::from("/");
    let mut links = 0;
    require_safe(path, &current, &directory)?;
    while let Some(name) = rest.pop_front() {
        let component = current.join(&name);
        let link = link_at(&directory, &name).map_err(failed)?;
        let Some((stat, target)) = link else {
            directory = open_at(&directory, &name, missing).map_err(failed)?;
            if name == ".." {
                current.pop();
            } else {
                current = component;
            }
            require_safe(path, &current, &directory)?;
            continue;
        };
        if stat.st_uid != 0 {
            return Err(unsafe_directory(path, &component, &stat));
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(failed(Errno::LOOP.into()));
        }
        if target.is_absolute() {
            directory = open_at(rustix::fs::CWD, OsStr::new("/"), missing).map_err(failed)?;
            current = PathBuf::from("/");
        }
        for name in components(&target).rev() {
            rest.push_front(name);
        }
    }
    Ok(directory)
}

/// Returns the names of a path, without the root directory.
fn components(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir))
        .map(|component| component.as_os_str().to_owned())
}

/// Opens an entry that is a directory and not a link.
fn open_at(directory: impl AsFd, name: &OsStr, missing: Missing) -> io::Result<OwnedFd> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let open = || rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty());
    let opened = match open() {
        Err(Errno::NOENT) if missing == Missing::Create => {
            let mode = Mode::from_raw_mode(DIRECTORY_MODE);
            match rustix::fs::mkdirat(directory.as_fd(), name, mode) {
                Ok(()) | Err(Errno::EXIST) => open(),
                Err(error) => Err(error),
            }
        }
        opened => opened,
    };
    Ok(opened?)
}

/// Returns the state and the target of an entry that is a link; `None` for another or a missing
/// entry.
fn link_at(directory: impl AsFd, name: &OsStr) -> io::Result<Option<(Stat, PathBuf)>> {
    let stat = match rustix::fs::statat(directory.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let target = rustix::fs::readlinkat(directory, name, vec![])?;
    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
    Ok(Some((stat, target)))
}

/// Returns an error if another user can change the entries of `component`, which is a directory of
/// `path`.
fn require_safe(path: &Path, component: &Path, directory: impl AsFd) -> Result<(), Error> {
    let stat = rustix::fs::fstat(directory).map_err(|error| {
        Error::io(format!("could not access {}", component.display()))(error.into())
    })?;
    if is_safe(component, stat.st_uid, Mode::from_raw_mode(stat.st_mode)) {
        Ok(())
    } else {
        Err(unsafe_directory(path, component, &stat))
    }
}

/// Returns whether only root can change the entries of root in a directory.
fn is_safe(directory: &Path, owner: u32, mode: Mode) -> bool {
    let writers = if directory == Path::new(SYSTEM_LOGS) {
        Mode::WOTH
    } else {
        Mode::WGRP | Mode::WOTH
    };
    owner == 0 && (mode.contains(Mode::SVTX) || !mode.intersects(writers))
}

fn unsafe_directory(path: &Path, component: &Path, stat: &Stat) -> Error {
    Error::UnsafeDirectory {
        path: path.to_owned(),
        component: component.to_owned(),
        owner: stat.st_uid,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};

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

    #[test]
    fn root_rejects_paths_that_others_can_replace() {
        if !geteuid().is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        fs::create_dir_all(path("parent/directory/store")).unwrap();
        for name in ["parent/directory", "parent/directory/store"] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        // The links are in a directory such as /tmp.
        fs::create_dir(path("links")).unwrap();
        fs::set_permissions(path("links"), fs::Permissions::from_mode(0o1777)).unwrap();
        symlink("../parent/directory", path("links/link")).unwrap();
        symlink(path("links/link"), path("links/chain")).unwrap();
        let names = [
            "parent/directory/store",
            "links/../parent/directory/store",
            "links/link/store",
            "links/chain/store",
        ];
        let rejected = || {
            names.map(|name| {
                let store = Store::open(&path(name)).unwrap();
                let logs = LogDirectory::create(&path(name), "build-1").map(drop);
                let [store, logs] = [require_safe_store(&store), logs].map(|result| match result {
                    Ok(()) => None,
                    Err(Error::UnsafeDirectory { component, .. }) => {
                        let component = component.strip_prefix(base.path()).unwrap();
                        Some(component.display().to_string())
                    }
                    Err(error) => panic!("{error}"),
                });
                assert_eq!(store, logs);
                store.unwrap_or_default()
            })
        };
        assert_eq!(rejected(), [""; 4]);
        for (owner, mode) in [(0, 0o777), (0, 0o775), (1000, 0o755), (1000, 0o1777)] {
            fs::set_permissions(path("parent"), fs::Permissions::from_mode(mode)).unwrap();
            chown(path("parent"), Some(owner), None).unwrap();
            assert_eq!(rejected(), ["parent"; 4], "{owner} {mode:o}");
        }
        chown(path("parent"), Some(0), None).unwrap();
        fs::set_permissions(path("parent"), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(rejected(), [""; 4]);

        lchown(path("links/link"), Some(1000), None).unwrap();
        assert_eq!(rejected(), ["", "", "links/link", "links/link"]);
        lchown(path("links/link"), Some(0), None).unwrap();
        lchown(path("links/chain"), Some(1000), None).unwrap();
        assert_eq!(rejected(), ["", "", "", "links/chain"]);
        assert_eq!(
            open_log_root(&path("links/chain/new/logs"))
                .unwrap_err()
                .to_string(),
            format!(
                "cannot use directory {0}/chain/new/logs as root: other users can change {0}/chain (owner: user ID 1000)",
                path("links").display()
            )
        );
        assert!(!path("parent/directory/new").exists());
    }

    #[test]
    fn group_of_the_system_logs_is_accepted() {
        for (directory, owner, mode, expected) in [
            ("/var/log", 0, 0o775, true),
            ("/var/log", 0, 0o777, false),
            ("/var/log", 104, 0o775, false),
            ("/var/log/sqern", 0, 0o775, false),
            ("/var/lib", 0, 0o775, false),
        ] {
            let is_safe = is_safe(Path::new(directory), owner, Mode::from_raw_mode(mode));
            assert_eq!(is_safe, expected, "{directory} {owner} {mode:o}");
        }
    }

    #[test]
    fn cyclic_links_are_errors() {
        if !geteuid().is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        symlink("link", base.path().join("link")).unwrap();
        let error = open_log_root(&base.path().join("link")).unwrap_err();
        assert!(error.to_string().contains("oo many"), "{error}");
    }
}
