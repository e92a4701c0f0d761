//! What is in a file: copied, checked, compared with what another package brought.

use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};
use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::error::{UnpackError, machine, refused, unreadable};
use super::folders::what_stands;

/// How a file is opened that should be there: no link is followed, and no FIFO waited for.
pub(super) const OLD_FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// An entry's content, no byte more, with its checksum where there is one to compare it with.
pub(super) struct Content<'a> {
    inner: &'a mut dyn Read,
    left_bytes: u64,
    expected: Option<([u8; 32], Sha256)>,
    place: &'a str,
}

impl<'a> Content<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, size_bytes: u64, sha256: Option<[u8; 32]>, place: &'a str) -> Self {
        Self { inner, left_bytes: size_bytes, expected: sha256.map(|sha256| (sha256, Sha256::new())), place }
    }

    /// The next part of it; nothing at its end.
    fn next<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], UnpackError> {
        let most = usize::try_from(self.left_bytes).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(&[]);
        }
        let count = loop {
            match self.inner.read(&mut buffer[..most]) {
                Ok(0) => return Err(unreadable(&std::io::ErrorKind::UnexpectedEof.into(), self.place)),
                Ok(count) => break count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error, self.place)),
            }
        };
        self.left_bytes -= count as u64;
        if let Some((_, hasher)) = &mut self.expected {
            hasher.update(&buffer[..count]);
        }
        Ok(&buffer[..count])
    }

    /// Writes all of it to a new file, and compares it with its checksum.
    pub(super) fn copy(mut self, to: &mut File, buffer: &mut [u8]) -> Result<(), UnpackError> {
        loop {
            let part = self.next(buffer)?;
            if part.is_empty() {
                return self.check();
            }
            to.write_all(part).map_err(|error| machine("could not write", &error, self.place))?;
        }
    }

    /// Compares all of it with a file that another package brought.
    pub(super) fn compare(mut self, old: &mut File, buffer: &mut [u8]) -> Result<(), UnpackError> {
        let differs = || refused("the same content as in another package", "other content", self.place);
        let differs = differs();
        let mut old_part = vec![0; buffer.len()];
        loop {
            let part = self.next(buffer)?;
            if part.is_empty() {
                let more = old.read(&mut old_part[..1]).map_err(|error| machine("could not read", &error, self.place))?;
                return if more == 0 { self.check() } else { Err(differs) };
            }
            if old.read_exact(&mut old_part[..part.len()]).is_err() || old_part[..part.len()] != *part {
                return Err(differs);
            }
        }
    }

    fn check(self) -> Result<(), UnpackError> {
        let Some((expected, hasher)) = self.expected else { return Ok(()) };
        let got: [u8; 32] = hasher.finalize().into();
        if got == expected {
            return Ok(());
        }
        Err(refused(format!("sha256 {} as in the package header", hex(&expected)), hex(&got), self.place))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives a new file its mode and age. The age is kept for make, which compares it.
pub(super) fn dress(new: &File, entry: &Entry) -> Result<(), UnpackError> {
    let failed = |error: rustix::io::Errno| machine("could not open", &error.into(), entry.path.as_str());
    let seconds = Timespec { tv_sec: i64::try_from(entry.mtime_s).unwrap_or(i64::MAX), tv_nsec: 0 };
    // A file system may not hold it; no build depends on a date that far away.
    let _ = rustix::fs::futimens(new, &Timestamps { last_access: seconds, last_modification: seconds });
    rustix::fs::fchmod(new, mode_of(entry.executable)).map_err(failed)
}

fn mode_of(executable: bool) -> Mode {
    Mode::from_raw_mode(if executable { 0o755 } else { 0o644 })
}

/// The file of another package that stands where an entry is to come, if it is of the same size and mode.
pub(super) fn shared_file(parent: BorrowedFd<'_>, name: &str, entry: &Entry) -> Result<File, UnpackError> {
    let place = entry.path.as_str();
    let failed = |error: rustix::io::Errno| machine("could not read", &error.into(), place);
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(taken(parent, name, "a new file", place));
    }
    let same_mode = Mode::from_raw_mode(stat.st_mode) == mode_of(entry.executable);
    if !same_mode || u64::try_from(stat.st_size) != Ok(entry.size_bytes) {
        return Err(refused("the same size and mode as in another package", "another size or mode", place));
    }
    let old: OwnedFd = rustix::fs::openat(parent, name, OLD_FILE, Mode::empty()).map_err(failed)?;
    Ok(old.into())
}

/// Something else stands at the path.
pub(super) fn taken(parent: BorrowedFd<'_>, name: &str, expected: &str, place: &str) -> UnpackError {
    refused(format!("a free path for {expected}"), what_stands(parent, name).unwrap_or("nothing"), place)
}
