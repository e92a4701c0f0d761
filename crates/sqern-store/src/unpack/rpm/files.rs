//! The files that an rpm's header lists.

use std::collections::HashSet;

use sqern_model::counted;

use super::super::Limits;
use super::super::entry::TYPE_BITS;
use super::super::error::{UnpackError, refused};
use super::super::name::shown;
use super::header::Header;

// rpmtag.h
const FILE_SIZES: u32 = 1028;
const FILE_MODES: u32 = 1030;
const FILE_MTIMES: u32 = 1034;
const FILE_DIGESTS: u32 = 1035;
const FILE_DEVICES: u32 = 1095;
const FILE_INODES: u32 = 1096;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const LONG_FILE_SIZES: u32 = 5008;
const FILE_DIGEST_ALGO: u32 = 5011;
const SHA256: u32 = 8;

/// The type bits of a regular file (inode(7)).
const REGULAR: u32 = 0o100_000;

/// One file of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct FileInfo {
    /// Its path without the slash in front, as the payload has it behind `./`.
    pub(in super::super) path: Vec<u8>,
    pub(in super::super) mode: u32,
    pub(in super::super) size_bytes: u64,
    pub(in super::super) mtime_s: u64,
    /// What tells names of the same file.
    pub(in super::super) inode: (u32, u32),
    /// Whether no later file is the same: it is with the last name that the payload has the data.
    pub(in super::super) is_last_name: bool,
    /// Its checksum, where it is a file and the header states SHA-256: older algorithms prove nothing.
    pub(in super::super) sha256: Option<[u8; 32]>,
}

/// All of them, in the header's order, and found by path.
pub(in super::super) struct Files {
    all: Vec<FileInfo>,
    by_path: Vec<usize>,
}

impl Files {
    /// Reads the lists, which must be of one length.
    pub(super) fn read(header: &Header, limits: &Limits) -> Result<Self, UnpackError> {
        let names = header.texts(BASE_NAMES)?.unwrap_or_default();
        let count = names.len();
        if count as u64 > limits.entries {
            return Err(refused(format!("at most {} files", limits.entries), format!("{count}"), "the header"));
        }
        let folders = header.texts(DIR_NAMES)?.unwrap_or_default();
        let folder_of = of_length(header.u32s(DIR_INDEXES)?, count, "folders")?;
        let modes = of_length(header.u16s(FILE_MODES)?, count, "modes")?;
        let mtimes = of_length(header.u32s(FILE_MTIMES)?, count, "times")?;
        let inodes = of_length(header.u32s(FILE_INODES)?, count, "inodes")?;
        let devices = of_length(header.u32s(FILE_DEVICES)?, count, "devices")?;
        let sizes = match header.u64s(LONG_FILE_SIZES)? {
            Some(sizes) => sizes,
            None => header.u32s(FILE_SIZES)?.unwrap_or_default().into_iter().map(u64::from).collect(),
        };
        let sizes = of_length(Some(sizes), count, "sizes")?;
        let algorithm = header.u32s(FILE_DIGEST_ALGO)?.and_then(|list| list.first().copied());
        let digests = header.texts(FILE_DIGESTS)?.filter(|_| algorithm == Some(SHA256));
        let digests = digests.map(|list| of_length(Some(list), count, "digests")).transpose()?;
        let mut all = Vec::with_capacity(count);
        let mut names_bytes = 0;
        for (index, name) in names.iter().enumerate() {
            let folder = usize::try_from(folder_of[index]).ok().and_then(|index| folders.get(index).copied());
            let Some(folder) = folder else {
                return Err(refused("a directory for each file", format!("no directory {}", folder_of[index]), shown(name)));
            };
            let path = [folder, name].concat();
            let path = path.strip_prefix(b"/").unwrap_or(&path).to_vec();
            // A long folder's name may stand for each of many files: what is kept is bounded as it grows.
            names_bytes += path.len();
            if names_bytes > limits.metadata_bytes {
                return Err(refused(format!("paths of at most {} bytes", limits.metadata_bytes), "more", shown(&path)));
            }
            let digest = digests.as_ref().map_or(&b""[..], |list| list[index]);
            all.push(FileInfo {
                sha256: parse_digest(digest, &path)?,
                path,
                mode: u32::from(modes[index]),
                size_bytes: sizes[index],
                mtime_s: u64::from(mtimes[index]),
                inode: (devices[index], inodes[index]),
                is_last_name: true,
            });
        }
        mark_last_names(&mut all);
        let mut by_path: Vec<usize> = (0..all.len()).collect();
        by_path.sort_by(|a, b| all[*a].path.cmp(&all[*b].path));
        Ok(Self { all, by_path })
    }

    /// The file of a number in the header's order.
    pub(in super::super) fn get(&self, index: usize) -> Option<&FileInfo> {
        self.all.get(index)
    }

    /// The file of a path.
    pub(in super::super) fn find(&self, path: &str) -> Option<&FileInfo> {
        let found = self.by_path.binary_search_by(|index| self.all[*index].path.as_slice().cmp(path.as_bytes())).ok()?;
        Some(&self.all[self.by_path[found]])
    }
}

/// Marks of each file the last of its names.
fn mark_last_names(all: &mut [FileInfo]) {
    let mut seen = HashSet::new();
    for file in all.iter_mut().rev() {
        file.is_last_name = file.mode & TYPE_BITS != REGULAR || seen.insert(file.inode);
    }
}

fn of_length<T>(list: Option<Vec<T>>, count: usize, what: &str) -> Result<Vec<T>, UnpackError> {
    let list = list.unwrap_or_default();
    if list.len() == count {
        return Ok(list);
    }
    Err(refused(format!("{what} of {}", counted(count, "file")), format!("{}", list.len()), "the header"))
}

/// A checksum in hexadecimal; an empty one is that of a folder or a link.
fn parse_digest(text: &[u8], path: &[u8]) -> Result<Option<[u8; 32]>, UnpackError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = text.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
    match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        Some(digest) => Ok(Some(digest)),
        None => Err(refused("a sha256 of 64 digits", format!("{:?}", shown(text)), shown(path))),
    }
}
