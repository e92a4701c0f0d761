//! The list of files in the header of an rpm.

use std::collections::HashMap;

use sqern_model::counted;

use super::super::Limits;
use super::super::entry::TYPE_BITS;
use super::super::error::invalid;
use super::super::path::escape;
use super::header::Header;
use crate::Error;

// Tags of rpmtag.h.
const FILE_SIZES: u32 = 1028;
const FILE_MODES: u32 = 1030;
const FILE_MTIMES: u32 = 1034;
const FILE_DIGESTS: u32 = 1035;
const FILE_LINK_TARGETS: u32 = 1036;
const FILE_FLAGS: u32 = 1037;
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
/// The flag of a file that the package owns, but does not contain (`RPMFILE_GHOST` of rpm).
const GHOST: u32 = 1 << 6;

/// The device and inode number of a file in the header.
pub(super) type Inode = (u32, u32);

/// A file in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileInfo {
    /// The path without a leading slash, as in the payload after `./`.
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size_bytes: u64,
    pub(super) mtime_s: u64,
    /// Whether the payload does not contain the file.
    pub(super) is_ghost: bool,
    /// The inode that this file shares with its other hard links; `None` without further links.
    pub(super) shared_inode: Option<Inode>,
    /// Whether this is the last hard link of the file, or its only name. A payload in the stripped
    /// format contains the data of a file with its last link.
    pub(super) is_last_name: bool,
    /// The checksum of a regular file, if it is a SHA-256. Older algorithms are not secure.
    pub(super) sha256: Option<[u8; 32]>,
    /// The target of a symbolic link; `None` if the header contains no targets.
    pub(super) link_target: Option<Vec<u8>>,
}

/// All files in the order of the header, and an index by path.
pub(super) struct Files {
    all: Vec<FileInfo>,
    by_path: Vec<usize>,
}

impl Files {
    /// Reads the lists of the header, which must have the same length.
    pub(super) fn read(header: &Header, limits: &Limits) -> Result<Self, Error> {
        let names = header.texts(BASE_NAMES)?.unwrap_or_default();
        let count = names.len();
        if count as u64 > limits.entries {
            return Err(invalid(
                format!("at most {} files", limits.entries),
                format!("{count}"),
                "the header",
            ));
        }
        let directories = header.texts(DIR_NAMES)?.unwrap_or_default();
        let directory_indexes = of_length(header.u32s(DIR_INDEXES)?, count, "directories")?;
        let modes = of_length(header.u16s(FILE_MODES)?, count, "modes")?;
        let mtimes = of_length(header.u32s(FILE_MTIMES)?, count, "times")?;
        let inodes = of_length(header.u32s(FILE_INODES)?, count, "inodes")?;
        let devices = of_length(header.u32s(FILE_DEVICES)?, count, "devices")?;
        let flags = header
            .u32s(FILE_FLAGS)?
            .map(|list| of_length(Some(list), count, "flags"))
            .transpose()?;
        let sizes = match header.u64s(LONG_FILE_SIZES)? {
            Some(sizes) => sizes,
            None => header
                .u32s(FILE_SIZES)?
                .unwrap_or_default()
                .into_iter()
                .map(u64::from)
                .collect(),
        };
        let sizes = of_length(Some(sizes), count, "sizes")?;
        let algorithm = header
            .u32s(FILE_DIGEST_ALGO)?
            .and_then(|list| list.first().copied());
        let digests = header
            .texts(FILE_DIGESTS)?
            .filter(|_| algorithm == Some(SHA256));
        let digests = digests
            .map(|list| of_length(Some(list), count, "digests"))
            .transpose()?;
        let link_targets = header
            .texts(FILE_LINK_TARGETS)?
            .map(|list| of_length(Some(list), count, "link targets"))
            .transpose()?;
        let mut all = Vec::with_capacity(count);
        let mut names_bytes = 0;
        for (index, name) in names.iter().enumerate() {
            let directory = usize::try_from(directory_indexes[index])
                .ok()
                .and_then(|index| directories.get(index).copied());
            let Some(directory) = directory else {
                let found = format!("no directory {}", directory_indexes[index]);
                return Err(invalid("a directory for each file", found, escape(name)));
            };
            let path = [directory, name].concat();
            let path = path.strip_prefix(b"/").unwrap_or(&path).to_vec();
            // Many files can share a long directory name, so the total size is limited while it
            // grows.
            names_bytes += path.len();
            if names_bytes > limits.metadata_bytes {
                return Err(invalid(
                    format!("paths of at most {} bytes", limits.metadata_bytes),
                    "more",
                    escape(&path),
                ));
            }
            let digest = digests.as_ref().map_or(&b""[..], |list| list[index]);
            all.push(FileInfo {
                sha256: parse_digest(digest, &path)?,
                link_target: link_targets.as_ref().map(|list| list[index].to_vec()),
                path,
                mode: u32::from(modes[index]),
                size_bytes: sizes[index],
                mtime_s: u64::from(mtimes[index]),
                is_ghost: flags.as_ref().is_some_and(|list| list[index] & GHOST != 0),
                shared_inode: None,
                is_last_name: true,
            });
        }
        mark_hard_links(&mut all, devices.into_iter().zip(inodes));
        let mut by_path: Vec<usize> = (0..all.len()).collect();
        by_path.sort_by(|a, b| all[*a].path.cmp(&all[*b].path));
        Ok(Self { all, by_path })
    }

    /// Returns whether the header determines the content of all files of the payload: it contains a
    /// SHA-256 of each regular file that is not empty, and the targets of symbolic links.
    pub(super) fn have_digests(&self) -> bool {
        let mut contained = self.all.iter().filter(|file| !file.is_ghost);
        contained.all(|file| {
            let is_regular = file.mode & TYPE_BITS == REGULAR;
            file.link_target.is_some()
                && (!is_regular || file.size_bytes == 0 || file.sha256.is_some())
        })
    }

    /// Returns all files, in the order of the header.
    pub(super) fn all(&self) -> &[FileInfo] {
        &self.all
    }

    /// Returns the index of the file with a path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.by_path
            .binary_search_by(|index| self.all[*index].path.as_slice().cmp(path.as_bytes()))
            .ok()
            .map(|found| self.by_path[found])
    }
}

/// Marks the hard links of each file. As in rpm (`rpmfilesBuildNLink`), they are the regular files of
/// the payload with the same device and inode number, which is not 0.
fn mark_hard_links(all: &mut [FileInfo], inodes: impl Iterator<Item = Inode>) {
    let mut names: HashMap<Inode, Vec<usize>> = HashMap::new();
    for (index, (file, inode)) in all.iter().zip(inodes).enumerate() {
        let (_, number) = inode;
        if file.mode & TYPE_BITS == REGULAR && !file.is_ghost && number != 0 {
            names.entry(inode).or_default().push(index);
        }
    }
    for (inode, names) in names {
        let Some((last, others)) = names.split_last().filter(|(_, others)| !others.is_empty())
        else {
            continue;
        };
        all[*last].shared_inode = Some(inode);
        for index in others {
            all[*index].shared_inode = Some(inode);
            all[*index].is_last_name = false;
        }
    }
}

fn of_length<T>(list: Option<Vec<T>>, count: usize, what: &str) -> Result<Vec<T>, Error> {
    let list = list.unwrap_or_default();
    if list.len() == count {
        return Ok(list);
    }
    Err(invalid(
        format!("{what} of {}", counted(count, "file")),
        format!("{}", list.len()),
        "the header",
    ))
}

/// Parses a checksum in hexadecimal digits. Directories and links have an empty one.
fn parse_digest(text: &[u8], path: &[u8]) -> Result<Option<[u8; 32]>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?))
        .collect();
    match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        Some(digest) => Ok(Some(digest)),
        None => Err(invalid(
            "a sha256 of 64 digits",
            format!("{:?}", escape(text)),
            escape(path),
        )),
    }
}
