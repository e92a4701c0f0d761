//! The content of entries: written to a new file, or compared with that of another package.

use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};
use sqern_archive::{Algorithm, Hasher, hex};

use super::directories::existing_entry;
use super::entry::Entry;
use super::error::{damaged, invalid};
use crate::Error;

/// The flags for opening an existing file: links are not followed, and a FIFO does not block.
pub(super) const EXISTING_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// A reader of exactly the content of an entry, with the SHA-256 that it must have, if that is
/// known.
pub(super) struct Content<'a> {
    inner: &'a mut dyn Read,
    left_bytes: u64,
    expected: Option<([u8; 32], Hasher)>,
    location: &'a str,
}

impl<'a> Content<'a> {
    pub(super) fn new(
        inner: &'a mut dyn Read,
        size_bytes: u64,
        sha256: Option<[u8; 32]>,
        location: &'a str,
    ) -> Self {
        let expected = sha256.map(|sha256| (sha256, Hasher::new(Algorithm::Sha256)));
        Self {
            inner,
            left_bytes: size_bytes,
            expected,
            location,
        }
    }

    /// Returns the next part, which is empty at the end.
    fn next<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let limit =
            usize::try_from(self.left_bytes).map_or(buffer.len(), |left| left.min(buffer.len()));
        if limit == 0 {
            return Ok(&[]);
        }
        let count = loop {
            match self.inner.read(&mut buffer[..limit]) {
                Ok(0) => {
                    return Err(damaged(
                        &std::io::ErrorKind::UnexpectedEof.into(),
                        self.location,
                    ));
                }
                Ok(count) => break count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(damaged(&error, self.location)),
            }
        };
        self.left_bytes -= count as u64;
        if let Some((_, hasher)) = &mut self.expected {
            hasher.update(&buffer[..count]);
        }
        Ok(&buffer[..count])
    }

    /// Writes the content to a new file, and verifies its checksum.
    pub(super) fn copy(mut self, to: &mut File, buffer: &mut [u8]) -> Result<(), Error> {
        loop {
            let part = self.next(buffer)?;
            if part.is_empty() {
                return self.verify();
            }
            to.write_all(part)
                .map_err(|error| Error::io("could not write", error, self.location))?;
        }
    }

    /// Compares the content with that of an existing file of another package.
    pub(super) fn compare(mut self, existing: &mut File, buffer: &mut [u8]) -> Result<(), Error> {
        let differs = invalid(
            "the same content as in another package",
            "other content",
            self.location,
        );
        let mut existing_part = vec![0; buffer.len()];
        loop {
            let part = self.next(buffer)?;
            if part.is_empty() {
                let more = existing.read(&mut existing_part[..1]);
                let more =
                    more.map_err(|error| Error::io("could not read", error, self.location))?;
                return if more == 0 {
                    self.verify()
                } else {
                    Err(differs)
                };
            }
            let is_complete = existing
                .read_exact(&mut existing_part[..part.len()])
                .is_ok();
            if !is_complete || existing_part[..part.len()] != *part {
                return Err(differs);
            }
        }
    }

    fn verify(self) -> Result<(), Error> {
        let Some((expected, hasher)) = self.expected else {
            return Ok(());
        };
        let found = hasher.finish_bytes();
        if found == expected {
            return Ok(());
        }
        Err(invalid(
            format!("sha256 {} as in the package header", hex(&expected)),
            hex(&found),
            self.location,
        ))
    }
}

/// Sets mode and modification time of a new file. make compares modification times.
pub(super) fn set_attributes(new: &File, entry: &Entry) -> Result<(), Error> {
    let failed = |error: rustix::io::Errno| {
        Error::io(
            "could not set the mode of",
            error.into(),
            entry.path.as_str(),
        )
    };
    let time = Timespec {
        tv_sec: i64::try_from(entry.mtime_s).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    // The file system might not support the time. No build depends on such a date.
    let _ = rustix::fs::futimens(
        new,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    );
    rustix::fs::fchmod(new, mode_of(entry.executable)).map_err(failed)
}

fn mode_of(executable: bool) -> Mode {
    Mode::from_raw_mode(if executable { 0o755 } else { 0o644 })
}

/// Opens the existing file at the path of an entry, if it has the same size and mode.
pub(super) fn existing_file(
    parent: BorrowedFd<'_>,
    name: &str,
    entry: &Entry,
) -> Result<File, Error> {
    let location = entry.path.as_str();
    let failed = |error: rustix::io::Errno| Error::io("could not read", error.into(), location);
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(conflict(parent, name, "a new file", location));
    }
    let same_mode = Mode::from_raw_mode(stat.st_mode) == mode_of(entry.executable);
    if !same_mode || u64::try_from(stat.st_size) != Ok(entry.size_bytes) {
        return Err(invalid(
            "the same size and mode as in another package",
            "another size or mode",
            location,
        ));
    }
    let existing: OwnedFd =
        rustix::fs::openat(parent, name, EXISTING_FILE, Mode::empty()).map_err(failed)?;
    Ok(existing.into())
}

/// Returns the error of an entry whose path is used by another kind of entry.
pub(super) fn conflict(
    parent: BorrowedFd<'_>,
    name: &str,
    expected: &str,
    location: &str,
) -> Error {
    invalid(
        format!("a free path for {expected}"),
        existing_entry(parent, name).unwrap_or("nothing"),
        location,
    )
}
