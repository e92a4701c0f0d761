//! Writes entries into the target directory. No other module of the unpacker writes files.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::Read;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::content::{Content, EXISTING_FILE, conflict, existing_file, set_attributes};
use super::directories::Directories;
use super::entry::Entry;
use super::error::{invalid, rejected};
use super::link::{Target, target};
use super::path::{EntryPath, escape};
use super::{Entries, Limits, Relinked, Unpacked};
use crate::Error;

const BUFFER_BYTES: usize = 64 * 1024;
/// The flags for a new file, which must not exist.
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The target directory during the unpacking of one package.
pub(super) struct Staging<'a> {
    pub(super) limits: &'a Limits,
    written_entries: Entries,
    directories: Directories,
    /// The hashes of the paths that this package has written. Paths of any length would require
    /// more memory. A collision is extremely unlikely, and would only reject the package.
    written: HashSet<u64>,
    hash_state: RandomState,
    entries: u64,
    buffer: Vec<u8>,
    result: Unpacked,
}

impl<'a> Staging<'a> {
    pub(super) fn open(
        into: &Path,
        limits: &'a Limits,
        written_entries: Entries,
    ) -> Result<Self, Error> {
        Ok(Self {
            limits,
            written_entries,
            directories: Directories::open(into)?,
            written: HashSet::new(),
            hash_state: RandomState::new(),
            entries: 0,
            buffer: vec![0; BUFFER_BYTES],
            result: Unpacked::default(),
        })
    }

    pub(super) fn finish(self) -> Unpacked {
        self.result
    }

    /// Sets the names in the dependencies of the package.
    pub(super) fn set_depends(&mut self, names: Vec<String>) {
        self.result.depends = names;
    }

    /// Sets the size of the archive.
    pub(super) fn set_plain_bytes(&mut self, plain_bytes: u64) {
        self.result.plain_bytes = plain_bytes;
    }

    /// Counts an entry, including those that are not written.
    pub(super) fn count(&mut self, name: &[u8]) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(invalid(
                format!("at most {} entries", self.limits.entries),
                "one more",
                escape(name),
            ));
        }
        Ok(())
    }

    /// Returns whether the entry is not written, because no build requires it, and counts it.
    pub(super) fn skips(&mut self, entry: &Entry) -> bool {
        let skips = self.written_entries == Entries::Needed && !entry.path.is_needed();
        self.result.skipped += u64::from(skips);
        skips
    }

    /// Creates a directory.
    pub(super) fn directory(&mut self, entry: &Entry) -> Result<(), Error> {
        self.directories
            .enter(entry.path.as_str(), entry.path.as_str())
            .map(drop)
    }

    /// Writes a file of `entry.size_bytes` bytes of `data`, and reads no further bytes.
    pub(super) fn file(&mut self, entry: &Entry, data: &mut dyn Read) -> Result<(), Error> {
        let location = entry.path.as_str();
        let (directory, name) = entry.path.split();
        self.add_path(&entry.path)?;
        let parent = self.directories.enter(directory, location)?;
        let content = Content::new(data, entry.size_bytes, entry.sha256, location);
        match rustix::fs::openat(parent, name, NEW_FILE, Mode::RUSR | Mode::WUSR) {
            Ok(new) => {
                let mut new = File::from(new);
                content.copy(&mut new, &mut self.buffer)?;
                set_attributes(&new, entry)?;
                self.result.files += 1;
            }
            Err(Errno::EXIST) => {
                content.compare(&mut existing_file(parent, name, entry)?, &mut self.buffer)?;
                self.result.shared += 1;
            }
            Err(error) => return Err(Error::io("could not create", error.into(), location)),
        }
        self.result.checked += u64::from(entry.sha256.is_some());
        Ok(())
    }

    /// Creates a symbolic link if its target is in the tree.
    pub(super) fn symlink(&mut self, entry: &Entry, raw: &[u8]) -> Result<(), Error> {
        let link_target = match target(&entry.path, raw, self.limits)? {
            Target::Unchanged(link_target) => link_target,
            Target::Changed(link_target) => {
                self.add_relinked(&entry.path, raw, Some(&link_target))?;
                link_target
            }
            Target::Omitted => return self.add_relinked(&entry.path, raw, None),
        };
        let location = entry.path.as_str();
        let (directory, name) = entry.path.split();
        self.add_path(&entry.path)?;
        let parent = self.directories.enter(directory, location)?;
        match rustix::fs::symlinkat(&link_target, parent, name) {
            Ok(()) => self.result.symlinks += 1,
            Err(Errno::EXIST) => {
                let old = rustix::fs::readlinkat(parent, name, Vec::new());
                if !old.is_ok_and(|old| old.as_bytes() == link_target.as_bytes()) {
                    return Err(conflict(parent, name, "another link", location));
                }
                self.result.shared += 1;
            }
            Err(error) => return Err(Error::io("could not create link", error.into(), location)),
        }
        Ok(())
    }

    /// Creates a hard link to the file at `to`, which must be an earlier file of this package.
    pub(super) fn hard_link(&mut self, entry: &Entry, to: &EntryPath) -> Result<(), Error> {
        let location = format!("{} link to {}", entry.path.as_str(), to.as_str());
        let (to_directory, to_name) = to.split();
        let from = self
            .directories
            .enter(to_directory, &location)?
            .try_clone_to_owned();
        let from = from.map_err(|error| Error::io("could not open", error, &location))?;
        // Opening fails for symbolic links, so they cannot be targets.
        let file = rustix::fs::openat(&from, to_name, EXISTING_FILE, Mode::empty()).ok();
        let stat = file.as_ref().and_then(|file| rustix::fs::fstat(file).ok());
        let Some((file, stat)) = file
            .zip(stat)
            .filter(|_| self.written.contains(&self.hash(to)))
        else {
            let reason = format!("no file {} precedes it in the package", to.as_str());
            return Err(rejected(
                "cannot create hard link",
                reason,
                entry.path.as_str(),
            ));
        };
        let (directory, name) = entry.path.split();
        self.add_path(&entry.path)?;
        let parent = self.directories.enter(directory, &location)?;
        match rustix::fs::linkat(&from, to_name, parent, name, AtFlags::empty()) {
            Ok(()) => self.result.hard_links += 1,
            Err(Errno::EXIST) => {
                let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
                let entry = Entry {
                    size_bytes,
                    executable: stat.st_mode & 0o111 != 0,
                    ..entry.clone()
                };
                let mut existing = existing_file(parent, name, &entry)?;
                Content::new(&mut File::from(file), size_bytes, None, &location)
                    .compare(&mut existing, &mut self.buffer)?;
                self.result.shared += 1;
            }
            Err(error) => {
                return Err(Error::io(
                    "could not create hard link",
                    error.into(),
                    location,
                ));
            }
        }
        Ok(())
    }

    /// Records a path of this package. An existing file at the path then belongs to another
    /// package.
    fn add_path(&mut self, path: &EntryPath) -> Result<(), Error> {
        if self.written.insert(self.hash(path)) {
            return Ok(());
        }
        Err(rejected(
            "cannot unpack",
            "the package contains the path twice",
            path.as_str(),
        ))
    }

    fn hash(&self, path: &EntryPath) -> u64 {
        self.hash_state.hash_one(path.as_str())
    }

    fn add_relinked(
        &mut self,
        path: &EntryPath,
        was: &[u8],
        now: Option<&str>,
    ) -> Result<(), Error> {
        if self.result.relinked.len() >= self.limits.relinked {
            let expected = format!(
                "at most {} links that must be changed",
                self.limits.relinked
            );
            return Err(invalid(expected, "one more", path.as_str()));
        }
        let (path, now) = (path.as_str().to_owned(), now.map(str::to_owned));
        self.result.relinked.push(Relinked {
            path,
            was: escape(was),
            now,
        });
        Ok(())
    }
}
