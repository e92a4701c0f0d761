//! Ownership and lock of the directory of a server.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::LocalError;
use super::interrupt::Interrupt;
use super::layout::Layout;
use super::program::Program;

/// The time limit of the lock, longer than a start and a stop together.
const LOCK_LIMIT: Duration = Duration::from_secs(150);

/// The lock of the directory of a private server. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct Claim {
    _locked: File,
}

impl Claim {
    /// Locks the directory, after creating it with `mode` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::Foreign`] if the directory has other content.
    pub(super) fn create(
        layout: &Layout,
        mode: u32,
        interrupt: &Interrupt,
    ) -> Result<Self, LocalError> {
        loop {
            create_dir(&layout.dir, mode)?;
            // The marker is checked last, because a concurrent `up` can create it after the first
            // check.
            if !is_empty(&layout.dir)? && !layout.marker().exists() {
                return Err(foreign(layout));
            }
            let opened = OpenOptions::new()
                .create(true)
                .append(true)
                .open(layout.marker());
            match opened.and_then(|file| write_text(file, &layout.program)) {
                Ok(file) => {
                    if let Some(claim) = Self::lock(file, &layout.marker(), interrupt)? {
                        return Ok(claim);
                    }
                }
                // A concurrent `destroy` removed the directory.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(LocalError::Io {
                        action: "write",
                        path: layout.marker(),
                        source,
                    });
                }
            }
        }
    }

    /// Locks an existing directory; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::Foreign`] if the directory has other content.
    pub(super) fn existing(
        layout: &Layout,
        interrupt: &Interrupt,
    ) -> Result<Option<Self>, LocalError> {
        loop {
            match File::open(layout.marker()) {
                Ok(file) => {
                    if let Some(claim) = Self::lock(file, &layout.marker(), interrupt)? {
                        return Ok(Some(claim));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return not_claimed(layout);
                }
                Err(source) => {
                    return Err(LocalError::Io {
                        action: "read",
                        path: layout.marker(),
                        source,
                    });
                }
            }
        }
    }

    /// Waits for the lock; `None` if the previous owner of the lock removed the file.
    fn lock(file: File, path: &Path, interrupt: &Interrupt) -> Result<Option<Self>, LocalError> {
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if interrupt.is_set() => {
                    return Err(LocalError::Interrupted);
                }
                Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_LIMIT => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LocalError::Locked {
                        path: path.to_owned(),
                        waited_s: LOCK_LIMIT.as_secs(),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(LocalError::Io {
                        action: "lock",
                        path: path.to_owned(),
                        source,
                    });
                }
            }
        }
        let is_locked = |current: fs::Metadata| {
            file.metadata()
                .is_ok_and(|file| file.ino() == current.ino() && file.dev() == current.dev())
        };
        Ok(fs::metadata(path)
            .is_ok_and(is_locked)
            .then_some(Self { _locked: file }))
    }
}

fn not_claimed(layout: &Layout) -> Result<Option<Claim>, LocalError> {
    let is_foreign = !is_empty(&layout.dir)? && !layout.marker().exists();
    if is_foreign {
        Err(foreign(layout))
    } else {
        Ok(None)
    }
}

fn foreign(layout: &Layout) -> LocalError {
    LocalError::Foreign {
        dir: layout.dir.clone(),
        program: layout.program.name,
    }
}

fn create_dir(dir: &Path, mode: u32) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io {
        action: "create directory",
        path: dir.to_owned(),
        source,
    };
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(mode).create(dir) {
        // The umask can have removed permissions that the user of the server needs.
        Ok(()) => fs::set_permissions(dir, PermissionsExt::from_mode(mode)).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Checks that the directory does not exist or has no other content.
pub(super) fn check_ownership(layout: &Layout) -> Result<(), LocalError> {
    not_claimed(layout).map(drop)
}

fn is_empty(dir: &Path) -> Result<bool, LocalError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(LocalError::Io {
            action: "read",
            path: dir.to_owned(),
            source,
        }),
    }
}

/// Describes the directory in a new marker file.
fn write_text(mut file: File, program: &Program) -> io::Result<File> {
    if file.metadata()?.len() == 0 {
        let Program {
            name,
            status_command,
            destroy_command,
            ..
        } = program;
        let text = format!(
            "This directory contains a private PostgreSQL server of {name}. See {status_command} and {destroy_command}.\n"
        );
        file.write_all(text.as_bytes())?;
    }
    Ok(file)
}
