//! Folders are reached from the tree's root, a name at a time, and never through a link.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::{UnpackError, machine, refused};
use super::name::names;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FOLDER_MODE: u32 = 0o755;

/// The folders on the way to the last path, open: the next path mostly lies near.
pub(super) struct Folders {
    root: OwnedFd,
    open: Vec<(String, OwnedFd)>,
}

impl Folders {
    /// The folder `into`, if nobody else may write into it: what another process puts there between two of our steps is not
    /// followed, but it would stand in the tree.
    pub(super) fn open(into: &Path) -> Result<Self, UnpackError> {
        let place = &into.display();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(into, flags, Mode::empty()).map_err(|error| machine("could not open", &error.into(), place))?;
        let stat = rustix::fs::fstat(&root).map_err(|error| machine("could not open", &error.into(), place))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if stat.st_uid != rustix::process::geteuid().as_raw() || mode.intersects(Mode::WGRP | Mode::WOTH) {
            let got = format!("a directory of user ID {} with mode {:04o}", stat.st_uid, mode.as_raw_mode());
            let failure = crate::Failure::new("a directory that only the current user can write to", got, place);
            return Err(UnpackError::Machine(failure.hint(format!("Create a new directory: mkdir -m 700 {place}"))));
        }
        Ok(Self { root, open: Vec::new() })
    }

    /// The folder at `path`, which is made with those above it where it is not there. `place` names the entry in errors.
    pub(super) fn reach(&mut self, path: &str, place: &str) -> Result<BorrowedFd<'_>, UnpackError> {
        let shared = self.open.iter().zip(names(path)).take_while(|((open, _), name)| open == name).count();
        self.open.truncate(shared);
        for name in names(path).skip(shared) {
            let parent = self.open.last().map_or(&self.root, |(_, folder)| folder).as_fd();
            let folder = enter(parent, name, place)?;
            self.open.push((name.to_owned(), folder));
        }
        Ok(self.open.last().map_or(&self.root, |(_, folder)| folder).as_fd())
    }
}

/// Opens the folder `name`, which is made where it is not there.
fn enter(parent: BorrowedFd<'_>, name: &str, place: &str) -> Result<OwnedFd, UnpackError> {
    let failed = |error: Errno| machine("could not create directory", &error.into(), place);
    let opened = match rustix::fs::openat(parent, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {
            rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(FOLDER_MODE)).map_err(failed)?;
            let folder = rustix::fs::openat(parent, name, FOLDER, Mode::empty()).map_err(failed)?;
            // The mode that mkdir gives depends on the umask.
            rustix::fs::fchmod(&folder, Mode::from_raw_mode(FOLDER_MODE)).map_err(failed)?;
            return Ok(folder);
        }
        opened => opened,
    };
    match opened {
        Err(Errno::LOOP | Errno::NOTDIR) => {
            Err(refused(format!("a directory at {name:?}"), what_stands(parent, name).unwrap_or("no directory"), place))
        }
        opened => opened.map_err(failed),
    }
}

/// What stands at a name already, if anything does.
pub(super) fn what_stands(parent: BorrowedFd<'_>, name: &str) -> Option<&'static str> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        _ => "a special file",
    })
}
