//! Whose directory it is, and who works on it now.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::LocalError;
use super::interrupt::Interrupt;
use super::layout::Layout;

/// Longer than a start and a stop may take together.
const PATIENCE: Duration = Duration::from_secs(150);

const TEXT: &str =
    "This directory contains a private PostgreSQL server of sqern. Its commands: sqern local status|up|down|destroy\n";

/// The lock on a private server's directory; let go when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    _locked: File,
}

impl Claim {
    /// Locks the directory, making it first where there is none. Errors: [`LocalError::Foreign`] where it holds something else.
    ///
    /// `mode` is the directory's when it is made.
    pub(super) fn make(layout: &Layout, mode: u32, interrupt: &Interrupt) -> Result<Self, LocalError> {
        loop {
            make_dir(&layout.dir, mode)?;
            // In this order: another `up` may write the marker in between.
            if !is_empty(&layout.dir)? && !layout.marker().exists() {
                return Err(LocalError::Foreign { dir: layout.dir.clone() });
            }
            let opened = OpenOptions::new().create(true).append(true).open(layout.marker());
            match opened.and_then(write_text) {
                Ok(file) => {
                    if let Some(claim) = Self::lock(file, &layout.marker(), interrupt)? {
                        return Ok(claim);
                    }
                }
                // A `destroy` took the directory away in between.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(LocalError::Io { what: "write", path: layout.marker(), source }),
            }
        }
    }

    /// Locks a directory that was made before; `None` where there is none. Errors: [`LocalError::Foreign`].
    pub(super) fn existing(layout: &Layout, interrupt: &Interrupt) -> Result<Option<Self>, LocalError> {
        loop {
            match File::open(layout.marker()) {
                Ok(file) => {
                    if let Some(claim) = Self::lock(file, &layout.marker(), interrupt)? {
                        return Ok(Some(claim));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return absent(layout),
                Err(source) => return Err(LocalError::Io { what: "read", path: layout.marker(), source }),
            }
        }
    }

    /// Waits for the lock; `None` where the file was removed by who held it before.
    fn lock(file: File, path: &Path, interrupt: &Interrupt) -> Result<Option<Self>, LocalError> {
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if interrupt.is_set() => return Err(LocalError::Interrupted),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => {
                    return Err(LocalError::Locked { path: path.to_owned(), waited_s: PATIENCE.as_secs() });
                }
                Err(TryLockError::Error(source)) => return Err(LocalError::Io { what: "lock", path: path.to_owned(), source }),
            }
        }
        let same = |named: fs::Metadata| file.metadata().is_ok_and(|ours| ours.ino() == named.ino() && ours.dev() == named.dev());
        Ok(fs::metadata(path).is_ok_and(same).then_some(Self { _locked: file }))
    }
}

fn absent(layout: &Layout) -> Result<Option<Claim>, LocalError> {
    let foreign = !is_empty(&layout.dir)? && !layout.marker().exists();
    if foreign { Err(LocalError::Foreign { dir: layout.dir.clone() }) } else { Ok(None) }
}

fn make_dir(dir: &Path, mode: u32) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io { what: "create directory", path: dir.to_owned(), source };
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(mode).create(dir) {
        // The umask may have taken bits away that the server's user needs.
        Ok(()) => fs::set_permissions(dir, PermissionsExt::from_mode(mode)).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Returns an error if the directory, which may not exist, contains something else.
pub(super) fn check_own(layout: &Layout) -> Result<(), LocalError> {
    absent(layout).map(drop)
}

fn is_empty(dir: &Path) -> Result<bool, LocalError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(LocalError::Io { what: "read", path: dir.to_owned(), source }),
    }
}

/// Writes what the file is for, where it is new.
fn write_text(mut file: File) -> io::Result<File> {
    if file.metadata()?.len() == 0 {
        file.write_all(TEXT.as_bytes())?;
    }
    Ok(file)
}
