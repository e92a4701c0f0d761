//! Entries become files: the only code of this room that writes.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::Read;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::content::{Content, OLD_FILE, dress, shared_file, taken};
use super::entry::Entry;
use super::error::{UnpackError, machine, refused};
use super::folders::Folders;
use super::link::{Target, target};
use super::name::{EntryPath, shown};
use super::{Limits, Relinked, Unpacked};

const BUFFER_BYTES: usize = 64 * 1024;
/// A new file is nobody's but ours until it is whole.
const NEW_FILE: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The folder that one package's entries are written into.
pub(super) struct Staging<'a> {
    pub(super) limits: &'a Limits,
    folders: Folders,
    /// The paths of this package's own files and links, as numbers: names of any length are not to be kept. Two that came to
    /// one number, among many million times as many, would refuse the package for nothing, and do no harm.
    own: HashSet<u64>,
    numbers: RandomState,
    entries: u64,
    buffer: Vec<u8>,
    done: Unpacked,
}

impl<'a> Staging<'a> {
    pub(super) fn open(into: &Path, limits: &'a Limits) -> Result<Self, UnpackError> {
        Ok(Self {
            limits,
            folders: Folders::open(into)?,
            own: HashSet::new(),
            numbers: RandomState::new(),
            entries: 0,
            buffer: vec![0; BUFFER_BYTES],
            done: Unpacked::default(),
        })
    }

    pub(super) fn done(self) -> Unpacked {
        self.done
    }

    /// Records the names in the package's dependencies.
    pub(super) fn depends(&mut self, names: Vec<String>) {
        self.done.depends = names;
    }

    /// Notes how long the archive was.
    pub(super) fn read_whole(&mut self, plain_bytes: u64) {
        self.done.plain_bytes = plain_bytes;
    }

    /// Counts one more entry, whatever becomes of it.
    pub(super) fn count(&mut self, name: &[u8]) -> Result<(), UnpackError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refused(format!("at most {} entries", self.limits.entries), "one more", shown(name)));
        }
        Ok(())
    }

    /// Whether no build reads the entry, so that it is not written.
    pub(super) fn skips(&mut self, entry: &Entry) -> bool {
        let skips = !entry.path.is_needed();
        self.done.skipped += u64::from(skips);
        skips
    }

    pub(super) fn folder(&mut self, entry: &Entry) -> Result<(), UnpackError> {
        self.folders.reach(entry.path.as_str(), entry.path.as_str()).map(drop)
    }

    /// Writes a file of `entry.size_bytes` from `data`, of which no byte more is read.
    pub(super) fn file(&mut self, entry: &Entry, data: &mut dyn Read) -> Result<(), UnpackError> {
        let place = entry.path.as_str();
        let (folder, name) = entry.path.split();
        self.own(&entry.path)?;
        let parent = self.folders.reach(folder, place)?;
        let content = Content::new(data, entry.size_bytes, entry.sha256, place);
        match rustix::fs::openat(parent, name, NEW_FILE, Mode::RUSR | Mode::WUSR) {
            Ok(new) => {
                let mut new = File::from(new);
                content.copy(&mut new, &mut self.buffer)?;
                dress(&new, entry)?;
                self.done.files += 1;
            }
            Err(Errno::EXIST) => {
                content.compare(&mut shared_file(parent, name, entry)?, &mut self.buffer)?;
                self.done.shared += 1;
            }
            Err(error) => return Err(machine("could not create", &error.into(), place)),
        }
        self.done.checked += u64::from(entry.sha256.is_some());
        Ok(())
    }

    /// Makes a symbolic link, if it stays in the tree.
    pub(super) fn symlink(&mut self, entry: &Entry, raw: &[u8]) -> Result<(), UnpackError> {
        let now = match target(&entry.path, raw, self.limits)? {
            Target::AsIs(now) => Some(now),
            Target::Instead(now) => {
                self.relinked(&entry.path, raw, Some(&now))?;
                Some(now)
            }
            Target::LeftOut => {
                self.relinked(&entry.path, raw, None)?;
                None
            }
        };
        let Some(now) = now else { return Ok(()) };
        let place = entry.path.as_str();
        let (folder, name) = entry.path.split();
        self.own(&entry.path)?;
        let parent = self.folders.reach(folder, place)?;
        match rustix::fs::symlinkat(&now, parent, name) {
            Ok(()) => self.done.symlinks += 1,
            Err(Errno::EXIST) => {
                let old = rustix::fs::readlinkat(parent, name, Vec::new());
                if !old.is_ok_and(|old| old.as_bytes() == now.as_bytes()) {
                    return Err(taken(parent, name, "another link", place));
                }
                self.done.shared += 1;
            }
            Err(error) => return Err(machine("could not create link", &error.into(), place)),
        }
        Ok(())
    }

    /// Makes a further name of the file at `to`, which this package has brought before.
    pub(super) fn hard_link(&mut self, entry: &Entry, to: &EntryPath) -> Result<(), UnpackError> {
        let place = format!("{} link to {}", entry.path.as_str(), to.as_str());
        let (to_folder, to_name) = to.split();
        let from = self.folders.reach(to_folder, &place)?.try_clone_to_owned();
        let from = from.map_err(|error| machine("could not open", &error, &place))?;
        // A link of this package is not linked to either, for it is not opened.
        let file = rustix::fs::openat(&from, to_name, OLD_FILE, Mode::empty()).ok();
        let stat = file.as_ref().and_then(|file| rustix::fs::fstat(file).ok());
        let Some((file, stat)) = file.zip(stat).filter(|_| self.own.contains(&self.number(to))) else {
            return Err(refused("a hard link to an earlier file of the package", "none", place));
        };
        let (folder, name) = entry.path.split();
        self.own(&entry.path)?;
        let parent = self.folders.reach(folder, &place)?;
        match rustix::fs::linkat(&from, to_name, parent, name, AtFlags::empty()) {
            Ok(()) => self.done.hard_links += 1,
            Err(Errno::EXIST) => {
                let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
                let entry = Entry { size_bytes, executable: stat.st_mode & 0o111 != 0, ..entry.clone() };
                let mut old = shared_file(parent, name, &entry)?;
                Content::new(&mut File::from(file), size_bytes, None, &place).compare(&mut old, &mut self.buffer)?;
                self.done.shared += 1;
            }
            Err(error) => return Err(machine("could not create hard link", &error.into(), place)),
        }
        Ok(())
    }

    /// Notes a path that is this package's. What stands there already must then be another's.
    fn own(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        if self.own.insert(self.number(path)) {
            return Ok(());
        }
        Err(refused("each path once", "a duplicate", path.as_str()))
    }

    fn number(&self, path: &EntryPath) -> u64 {
        self.numbers.hash_one(path.as_str())
    }

    fn relinked(&mut self, path: &EntryPath, was: &[u8], now: Option<&str>) -> Result<(), UnpackError> {
        if self.done.relinked.len() >= self.limits.relinked {
            let expected = format!("at most {} links that must be changed", self.limits.relinked);
            return Err(refused(expected, "one more", path.as_str()));
        }
        let (path, now) = (path.as_str().to_owned(), now.map(str::to_owned));
        self.done.relinked.push(Relinked { path, was: shown(was), now });
        Ok(())
    }
}
