//! Directories that are opened one name at a time, and never through a link of another user.
//!
//! Root uses a directory only if no other user can change or replace it: root must own each
//! directory and link of its path, and neither the group nor others can write to a directory.
//! `StrictModes` of OpenSSH has the same rule. Directories with the sticky bit, such as `/tmp`, are
//! also accepted in a path, because other users cannot replace the entries of root in them.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::{Error, ErrorKind};

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

/// The treatment of missing directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Directories are created with this mode, which the umask restricts. If the caller is root,
    /// neither the group nor others can write to them.
    Create(u32),
    /// A missing directory is an error.
    Fail,
}

impl Missing {
    /// Returns the error of a failed system call.
    fn failed(self, error: io::Error, path: &Path) -> Error {
        let operation = match self {
            Self::Create(_) => "could not create directory",
            Self::Fail => "could not open directory",
        };
        Error::io(operation, error, path.display())
    }
}

/// Opens a directory.
///
/// # Errors
///
/// Returns an error if the directory cannot be opened or created. If the caller is root, returns an
/// error of the kind [`ErrorKind::UnsafeDirectory`] if another user can change the entries of the
/// directory, or replace a directory or link of its path. Nothing is created below such a
/// directory.
pub fn open(path: &Path, missing: Missing) -> Result<OwnedFd, Error> {
    if geteuid().is_root() {
        return open_safely(path, missing);
    }
    let failed = |error: io::Error| missing.failed(error, path);
    if let Missing::Create(mode) = missing {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(mode);
        builder.create(path).map_err(failed)?;
    }
    rustix::fs::open(path, DIRECTORY, Mode::empty()).map_err(|error| failed(error.into()))
}

/// Opens the directory `name` in `parent`, which is the directory at `path`. Links are not
/// followed. Returns `None` if it does not exist and `missing` is [`Missing::Fail`].
///
/// # Errors
///
/// Returns an error if the entry cannot be opened or created, or if it is not a directory. If the
/// caller is root, returns an error of the kind [`ErrorKind::UnsafeDirectory`] if root does not own
/// the directory, or if the group or others can write to it, even with the sticky bit.
pub fn open_subdirectory(
    parent: impl AsFd,
    path: &Path,
    name: &str,
    missing: Missing,
) -> Result<Option<OwnedFd>, Error> {
    let directory = open_without_links(parent, path, name, missing)?;
    if let (Some(directory), true) = (&directory, geteuid().is_root()) {
        require_private(path, OsStr::new(name), &stat(directory, &path.join(name))?)?;
    }
    Ok(directory)
}

/// Opens the directory `name` like [`open_subdirectory`], but does not check its owner.
pub(crate) fn open_without_links(
    parent: impl AsFd,
    path: &Path,
    name: &str,
    missing: Missing,
) -> Result<Option<OwnedFd>, Error> {
    match open_at(parent.as_fd(), OsStr::new(name), missing) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) if missing == Missing::Fail => Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) if is_link(&parent, name) => {
            let reason = "it is a symbolic link";
            let directory = path.join(name);
            Err(Error::failed(
                ErrorKind::UnsafeDirectory,
                "cannot use directory",
                reason,
                directory.display(),
            )
            .with_hint(format!(
                "ls -l {0}  # {0} must not be a link, but a link to the whole store can be used",
                directory.display()
            )))
        }
        Err(error) => Err(missing.failed(error.into(), &path.join(name))),
    }
}

/// Returns an error if the caller is root, and another user can change or replace a directory of
/// this path, or change a directory in it. The directory need not exist.
pub(crate) fn check_private(path: &Path) -> Result<(), Error> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let directory = match open_safely(path, Missing::Fail) {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::UnsafeDirectory => return Err(error),
        // The caller opens or creates the directory, and reports other errors.
        Err(_) => return Ok(()),
    };
    let failed = |error: Errno| Missing::Fail.failed(error.into(), path);
    for name in names(&directory).map_err(failed)? {
        match rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                require_private(path, &name, &stat)?;
            }
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Returns the names in a directory.
pub(crate) fn names(directory: impl AsFd) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Removes a file, a link, or a directory with its entries. Links are not followed. An entry that
/// does not exist is not an error.
pub(crate) fn remove(parent: impl AsFd, name: &OsStr) -> rustix::io::Result<()> {
    let unlink = |flags| match rustix::fs::unlinkat(&parent, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    };
    match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => {
            return unlink(AtFlags::empty());
        }
        Ok(_) => {}
    }
    let directory = open_at(&parent, name, Missing::Fail)?;
    for entry in names(&directory)? {
        remove(&directory, &entry)?;
    }
    unlink(AtFlags::REMOVEDIR)
}

/// Opens a directory as root. Each directory is opened relative to the checked one above it, so
/// that no other user can replace it between check and use.
fn open_safely(path: &Path, missing: Missing) -> Result<OwnedFd, Error> {
    let failed = |error: io::Error| missing.failed(error, path);
    let absolute = std::path::absolute(path).map_err(failed)?;
    let mut rest: VecDeque<OsString> = components(&absolute).collect();
    let open_root = || {
        open_at(rustix::fs::CWD, OsStr::new("/"), Missing::Fail)
            .map_err(|error| failed(error.into()))
    };
    let mut directory = open_root()?;
    let mut current = PathBuf::from("/");
    let mut links = 0;
    require_safe(path, &current, &directory)?;
    while let Some(name) = rest.pop_front() {
        let component = current.join(&name);
        let link = link_at(&directory, &name).map_err(failed)?;
        let Some((stat, target)) = link else {
            directory =
                open_at(&directory, &name, missing).map_err(|error| failed(error.into()))?;
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
            directory = open_root()?;
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
fn open_at(directory: impl AsFd, name: &OsStr, missing: Missing) -> rustix::io::Result<OwnedFd> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let open = || rustix::fs::openat(&directory, name, flags, Mode::empty());
    match (open(), missing) {
        (Err(Errno::NOENT), Missing::Create(mode)) => {
            let mut mode = Mode::from_raw_mode(mode);
            if geteuid().is_root() {
                mode -= Mode::WGRP | Mode::WOTH;
            }
            match rustix::fs::mkdirat(&directory, name, mode) {
                Ok(()) | Err(Errno::EXIST) => open(),
                Err(error) => Err(error),
            }
        }
        (opened, _) => opened,
    }
}

fn is_link(directory: impl AsFd, name: &str) -> bool {
    link_at(directory, OsStr::new(name)).is_ok_and(|link| link.is_some())
}

/// Returns the state and the target of an entry that is a link; `None` for another or a missing
/// entry.
fn link_at(directory: impl AsFd, name: &OsStr) -> io::Result<Option<(Stat, PathBuf)>> {
    let stat = match rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
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

fn stat(directory: impl AsFd, path: &Path) -> Result<Stat, Error> {
    rustix::fs::fstat(directory).map_err(|error| Missing::Fail.failed(error.into(), path))
}

/// Returns an error if another user can change the entries of root in `component`, which is a
/// directory of `path`.
fn require_safe(path: &Path, component: &Path, directory: impl AsFd) -> Result<(), Error> {
    let stat = stat(directory, component)?;
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

/// Returns an error if another user can create entries in the directory `name` in `path`.
fn require_private(path: &Path, name: &OsStr, stat: &Stat) -> Result<(), Error> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    if stat.st_uid == 0 && !mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Ok(());
    }
    let directory = path.join(name);
    let error = unsafe_directory(path, &directory, stat);
    Err(if stat.st_uid == 0 {
        error
    } else {
        error.with_hint(format!(
            "rm -r {}  # another user could have changed its files; sqern creates it again",
            directory.display()
        ))
    })
}

fn unsafe_directory(path: &Path, component: &Path, stat: &Stat) -> Error {
    let (path, component, owner) = (path.display(), component.display(), stat.st_uid);
    let hint = if owner == 0 {
        format!("chmod go-w {component}")
    } else {
        format!(
            "Run the command as the owner (sudo -u '#{owner}' -H sqern …), or use another directory."
        )
    };
    Error::failed(
        ErrorKind::UnsafeDirectory,
        "cannot use directory",
        format!("other users can change {component} (owner: user ID {owner})"),
        format!("{path} as root"),
    )
    .with_hint(hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is the failure of a test")]
mod tests;
