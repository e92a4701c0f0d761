//! The files of an archive: `journal-000001.jsonl.zst` and so on. A file never changes after it
//! was renamed.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sqern_archive::{Algorithm, Hasher, ZstdWriter};
use sqern_db::follow::Position;
use tempfile::TempPath;

use super::ArchiveError;
use super::format::{LineHash, text};
use crate::Error;
use crate::follow::line::Line;

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".jsonl.zst";
/// The name of the next file while it is written. Its lock is that of the archive.
const PARTIAL: &str = ".journal.partial";
/// The size of a read of the text of a line.
const READ_BYTES: usize = 64 * 1024;

/// Returns the name of a file.
pub(super) fn name(number: u32) -> String {
    format!("{PREFIX}{number:06}{SUFFIX}")
}

/// Returns the path of a file.
pub(super) fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(name(number))
}

/// Creates the directory of an archive. Returns false if it exists.
pub(super) fn create_directory(directory: &Path) -> Result<bool, Error> {
    match fs::create_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => {
            let operation = format!("could not create directory {}", directory.display());
            Err(Error::io(operation)(error))
        }
    }
}

/// Returns the numbers of the files of an archive in ascending order.
pub(super) fn list(directory: &Path) -> Result<Vec<u32>, Error> {
    let read = || {
        let mut numbers = vec![];
        for entry in fs::read_dir(directory)? {
            numbers.extend(entry?.file_name().to_str().and_then(number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    };
    read().map_err(Error::io(format!(
        "could not read directory {}",
        directory.display()
    )))
}

/// Returns the number of a file name, if it is that of a file of an archive.
fn number(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let number = digits.parse().ok()?;
    (number > 0 && name(number) == file_name).then_some(number)
}

/// Returns an error if a file before the last one is missing.
pub(super) fn require_complete(directory: &Path, numbers: &[u32]) -> Result<(), ArchiveError> {
    match (1..)
        .zip(numbers)
        .find(|(expected, number)| expected != *number)
    {
        None => Ok(()),
        Some((missing, _)) => Err(ArchiveError::Missing {
            path: path(directory, missing),
        }),
    }
}

/// The lock of an archive, and the file that is written under it. The file is removed on drop,
/// unless it is renamed.
#[derive(Debug)]
pub(super) struct Lock {
    // Removed before the lock is released.
    path: TempPath,
    file: File,
}

/// Acquires the lock of an archive. A process that was killed leaves the file, which is then
/// overwritten.
pub(super) fn lock(directory: &Path) -> Result<Lock, Error> {
    let path = directory.join(PARTIAL);
    let failed = || Error::io(format!("could not create {}", path.display()));
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let directory = directory.to_owned();
                return Err(ArchiveError::Busy { directory }.into());
            }
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
        // The previous owner of the lock might have renamed or removed the file before.
        let locked = file.metadata().map_err(failed())?;
        let is_current = fs::symlink_metadata(&path)
            .is_ok_and(|named| (named.dev(), named.ino()) == (locked.dev(), locked.ino()));
        if is_current {
            file.set_len(0).map_err(failed())?;
            let path = TempPath::try_from_path(&path).map_err(failed())?;
            return Ok(Lock { path, file });
        }
    }
}

/// The next file of an archive, until it is renamed.
pub(super) struct NewFile {
    directory: PathBuf,
    number: u32,
    // Removed before the writer releases the lock.
    path: TempPath,
    writer: ZstdWriter<BufWriter<File>>,
    buffer: Vec<u8>,
    head: LineHash,
    generations: u64,
    events: u64,
}

impl NewFile {
    /// Creates the file. `head` is the hash of the last line of the previous file.
    pub(super) fn new(
        directory: &Path,
        number: u32,
        head: LineHash,
        lock: Lock,
    ) -> Result<Self, Error> {
        let writer = ZstdWriter::new(BufWriter::new(lock.file))
            .map_err(Error::io("could not initialize the compressor"))?;
        Ok(Self {
            directory: directory.to_owned(),
            number,
            path: lock.path,
            writer,
            buffer: vec![0; READ_BYTES],
            head,
            generations: 0,
            events: 0,
        })
    }

    /// Returns the number of generations in the file.
    pub(super) fn generations(&self) -> u64 {
        self.generations
    }

    /// Returns the number of events in the file.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Adds the line of a generation.
    pub(super) fn add(&mut self, line: &mut Line, position: &Position) -> Result<(), Error> {
        let operation = format!("could not write {}", self.path.display());
        self.write(line, position).map_err(Error::io(operation))?;
        self.generations += 1;
        self.events += line.event_count();
        Ok(())
    }

    fn write(&mut self, line: &mut Line, position: &Position) -> io::Result<()> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut text = text(line, self.head, position)?;
        loop {
            let count = text.read(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&self.buffer[..count]);
            self.writer.write_all(&self.buffer[..count])?;
        }
        self.writer.write_all(b"\n")?;
        self.head = LineHash::from(hasher);
        Ok(())
    }

    /// Syncs the file and renames it. Returns its path and the hash of its last line.
    pub(super) fn publish(self) -> Result<(PathBuf, LineHash), Error> {
        let Self {
            directory,
            number,
            path: partial,
            writer,
            head,
            ..
        } = self;
        let path = path(&directory, number);
        let failed = || Error::io(format!("could not write {}", path.display()));
        let file = writer.finish().map_err(failed())?;
        let file = file
            .into_inner()
            .map_err(|error| failed()(error.into_error()))?;
        let mode = file.metadata().map_err(failed())?.permissions().mode();
        file.set_permissions(Permissions::from_mode(mode & !0o222))
            .map_err(failed())?;
        file.sync_all().map_err(failed())?;
        match partial.persist_noclobber(&path) {
            Ok(()) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ArchiveError::Exists { path }.into());
            }
            Err(error) => return Err(failed()(error.error)),
        }
        File::open(&directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed())?;
        Ok((path, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_canonical_form_are_files_of_an_archive() {
        for valid in [1, 999_999, 1_000_000] {
            assert_eq!(number(&name(valid)), Some(valid));
        }
        for other in [
            "journal-000000.jsonl.zst",
            "journal-1.jsonl.zst",
            "journal-0000001.jsonl.zst",
            "journal-+00001.jsonl.zst",
            "journal-000001.jsonl",
            "journal-000001.jsonl.zst.partial",
            PARTIAL,
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn a_second_process_cannot_lock_the_archive() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = lock(directory.path()).expect("the archive is not locked");
        let error = lock(directory.path()).expect_err("the archive is locked");
        assert!(error.to_string().contains("another process"), "{error}");
        drop(first);
        assert!(!directory.path().join(PARTIAL).exists());
        lock(directory.path()).expect("the archive is not locked");
    }

    #[test]
    fn an_existing_file_is_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let lock = lock(directory.path()).expect("the archive is not locked");
        let file = NewFile::new(directory.path(), 1, LineHash::NONE, lock).expect("a new file");
        let path = path(directory.path(), 1);
        fs::write(&path, "x").expect("the file is written");
        let error = file.publish().expect_err("the file exists");
        assert!(error.to_string().contains("already exists"), "{error}");
        assert_eq!(fs::read(&path).expect("the file is readable"), b"x");
        assert!(!directory.path().join(PARTIAL).exists());
    }
}
