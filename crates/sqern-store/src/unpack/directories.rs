//! Opens and creates directories one name at a time, and never through a link.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::invalid;
use super::path::names;
use crate::{Error, ErrorKind};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const DIRECTORY_MODE: u32 = 0o755;

/// The open directories of the last path, because the next path usually has most of them in common.
pub(super) struct Directories {
    root: OwnedFd,
    open: Vec<(String, OwnedFd)>,
}

impl Directories {
    /// Opens the root `into`.
    ///
    /// # Errors
    ///
    /// Returns an error if other users can write to it. Their files would be part of the tree.
    pub(super) fn open(into: &Path) -> Result<Self, Error> {
        let location = &into.display();
        let failed = |error: Errno| Error::io("could not open", error.into(), location);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(into, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&root).map_err(failed)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if stat.st_uid != rustix::process::geteuid().as_raw()
            || mode.intersects(Mode::WGRP | Mode::WOTH)
        {
            let reason = format!(
                "other users can write to it (user ID {}, mode {:04o})",
                stat.st_uid,
                mode.as_raw_mode()
            );
            let error = Error::failed(
                ErrorKind::UnsafeDirectory,
                "cannot use directory",
                reason,
                location,
            );
            return Err(error.with_hint(format!("Create a new directory: mkdir -m 700 {location}")));
        }
        Ok(Self {
            root,
            open: Vec::new(),
        })
    }

    /// Opens the directory at `path`, and creates missing directories. `location` names the entry
    /// in errors.
    pub(super) fn enter(&mut self, path: &str, location: &str) -> Result<BorrowedFd<'_>, Error> {
        let shared = self
            .open
            .iter()
            .zip(names(path))
            .take_while(|((open, _), name)| open == name)
            .count();
        self.open.truncate(shared);
        for name in names(path).skip(shared) {
            let parent = self
                .open
                .last()
                .map_or(&self.root, |(_, directory)| directory)
                .as_fd();
            let directory = open_or_create(parent, name, location)?;
            self.open.push((name.to_owned(), directory));
        }
        Ok(self
            .open
            .last()
            .map_or(&self.root, |(_, directory)| directory)
            .as_fd())
    }
}

fn open_or_create(parent: BorrowedFd<'_>, name: &str, location: &str) -> Result<OwnedFd, Error> {
    let failed = |error: Errno| Error::io("could not create directory", error.into(), location);
    let opened = match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => {
            rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(DIRECTORY_MODE))
                .map_err(failed)?;
            let directory =
                rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()).map_err(failed)?;
            // mkdir(2) applies the umask.
            rustix::fs::fchmod(&directory, Mode::from_raw_mode(DIRECTORY_MODE)).map_err(failed)?;
            return Ok(directory);
        }
        opened => opened,
    };
    match opened {
        Err(Errno::LOOP | Errno::NOTDIR) => {
            let found = existing_entry(parent, name).unwrap_or("no directory");
            Err(invalid(format!("a directory at {name:?}"), found, location))
        }
        opened => opened.map_err(failed),
    }
}

/// Describes the existing entry of a directory.
pub(super) fn existing_entry(parent: BorrowedFd<'_>, name: &str) -> Option<&'static str> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        _ => "a special file",
    })
}
