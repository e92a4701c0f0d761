//! The payload of an rpm: cpio in the format "newc" (cpio(5)), or in the "stripped" format of rpm.
//!
//! Entries of the stripped format refer to files of the header by their index. rpm 4 uses it for
//! packages with files above 4 GiB, and rpm 6 uses it always.
//!
//! The header determines all properties of the files, and the payload must agree with it: it contains
//! each file exactly once, except ghost files, which are not written, and the content of a file has the size and the SHA-256
//! of each of its hard links.

use std::collections::HashMap;
use std::io::Read as _;

use sqern_model::counted;

use super::super::archive::ArchiveReader;
use super::super::entry::{Entry, EntryKind, TYPE_BITS};
use super::super::error::{damaged, invalid, rejected};
use super::super::path::{EntryPath, escape};
use super::super::staging::Staging;
use super::files::{FileInfo, Files, Inode};
use crate::Error;

const NEWC: &[u8] = b"070701";
/// The format newc with a checksum, which rpm writes as 0 and ignores.
const NEWC_CRC: &[u8] = b"070702";
const STRIPPED: &[u8] = b"07070X";
const TRAILER: &[u8] = b"TRAILER!!!";

/// The part of an entry before its data.
struct EntryHead<'a> {
    name: Vec<u8>,
    /// The index of the file in the header.
    index: usize,
    file: &'a FileInfo,
    /// The size of the data, which follows only one hard link of a file.
    data_bytes: u64,
    /// The inode of the file in the header, if it has other hard links.
    shared_inode: Option<Inode>,
}

/// Hard links whose data follows later.
#[derive(Default)]
struct PendingLinks {
    by_inode: HashMap<Inode, Vec<Entry>>,
    names_bytes: usize,
}

/// Writes the entries until the trailer.
pub(super) fn unpack(
    reader: &mut ArchiveReader,
    files: &Files,
    staging: &mut Staging<'_>,
) -> Result<(), Error> {
    let mut pending = PendingLinks::default();
    let mut is_contained = vec![false; files.all().len()];
    while let Some(head) = next(reader, files, staging)? {
        staging.count(&head.name)?;
        // Some payloads of rpm before 4.11 contain ghost files, which rpm skips. The header does not
        // determine their content.
        if head.file.is_ghost {
            reader
                .skip(head.data_bytes)
                .and_then(|()| skip_padding(reader))
                .map_err(|error| damaged(&error, escape(&head.name)))?;
            continue;
        }
        let entry = entry(&head, staging)?;
        if std::mem::replace(&mut is_contained[head.index], true) {
            let reason = "the package contains the path twice";
            return Err(rejected("cannot unpack", reason, entry.path.as_str()));
        }
        let location = || escape(&head.name);
        match entry.kind {
            EntryKind::Symlink => {
                let limit = staging.limits.link_bytes;
                let Some(size) = usize::try_from(head.data_bytes)
                    .ok()
                    .filter(|size| *size <= limit)
                else {
                    let found = counted(head.data_bytes, "byte");
                    return Err(invalid(
                        format!("a link target of at most {limit} bytes"),
                        found,
                        location(),
                    ));
                };
                let to = reader
                    .read_bytes(size)
                    .map_err(|error| damaged(&error, location()))?;
                if head
                    .file
                    .link_target
                    .as_ref()
                    .is_some_and(|target| *target != to)
                {
                    return Err(invalid(
                        format!(
                            "the link target {:?} of the header",
                            escape(head.file.link_target.as_deref().unwrap_or_default())
                        ),
                        format!("{:?}", escape(&to)),
                        location(),
                    ));
                }
                if !staging.skips(&entry) {
                    staging.symlink(&entry, &to)?;
                }
            }
            EntryKind::File => match head.shared_inode {
                Some(inode) if head.data_bytes == 0 => pending.add(inode, entry, staging)?,
                _ => write_file(reader, &entry, &head, &mut pending, staging)?,
            },
            _ if head.data_bytes != 0 => {
                return Err(invalid(
                    "data only after the header of a file or symbolic link",
                    counted(head.data_bytes, "byte"),
                    location(),
                ));
            }
            _ if staging.skips(&entry) => {}
            _ => staging.directory(&entry)?,
        }
        skip_padding(reader).map_err(|error| damaged(&error, location()))?;
    }
    pending.finish(staging)?;
    let mut listed = files.all().iter().zip(is_contained);
    match listed.find(|(file, is_contained)| !file.is_ghost && !is_contained) {
        None => Ok(()),
        Some((file, _)) => Err(invalid(
            "all files that the header lists",
            "no such entry in the payload",
            escape(&file.path),
        )),
    }
}

/// Writes a file and its hard links.
fn write_file(
    reader: &mut ArchiveReader,
    entry: &Entry,
    head: &EntryHead<'_>,
    pending: &mut PendingLinks,
    staging: &mut Staging<'_>,
) -> Result<(), Error> {
    if head.data_bytes != entry.size_bytes {
        return Err(invalid(
            format!("{} as in the header", counted(entry.size_bytes, "byte")),
            counted(head.data_bytes, "byte"),
            escape(&head.name),
        ));
    }
    let names = head
        .shared_inode
        .and_then(|inode| pending.by_inode.remove(&inode))
        .unwrap_or_default();
    for name in &names {
        require_same_content(entry, name)?;
    }
    if !staging.skips(entry) {
        staging.file(entry, reader)?;
        return link_all(&names, &entry.path, staging);
    }
    // This link is skipped, but another one might be required.
    let Some((first, others)) = names.split_first() else {
        return reader
            .skip(entry.size_bytes)
            .map_err(|error| damaged(&error, escape(&head.name)));
    };
    staging.file(first, reader)?;
    link_all(others, &first.path, staging)
}

/// Returns an error if two hard links of a file have different sizes or checksums in the header.
fn require_same_content(entry: &Entry, name: &Entry) -> Result<(), Error> {
    if (name.size_bytes, name.sha256) == (entry.size_bytes, entry.sha256) {
        return Ok(());
    }
    let path = entry.path.as_str();
    Err(invalid(
        format!("size and SHA-256 of its hard link {path} in the header"),
        "another size or SHA-256",
        name.path.as_str(),
    ))
}

fn link_all(names: &[Entry], to: &EntryPath, staging: &mut Staging<'_>) -> Result<(), Error> {
    names
        .iter()
        .try_for_each(|name| staging.hard_link(name, to))
}

impl PendingLinks {
    fn add(&mut self, inode: Inode, entry: Entry, staging: &mut Staging<'_>) -> Result<(), Error> {
        if staging.skips(&entry) {
            return Ok(());
        }
        self.names_bytes += entry.path.as_str().len();
        if self.names_bytes > staging.limits.metadata_bytes {
            let expected = format!(
                "at most {} bytes of hard link names",
                staging.limits.metadata_bytes
            );
            return Err(invalid(expected, "more", entry.path.as_str()));
        }
        self.by_inode.entry(inode).or_default().push(entry);
        Ok(())
    }

    /// Writes the remaining files, which must be empty.
    fn finish(self, staging: &mut Staging<'_>) -> Result<(), Error> {
        for names in self.by_inode.into_values() {
            if let Some(name) = names.iter().find(|name| name.size_bytes != 0) {
                return Err(invalid(
                    format!("{} as in the header", counted(name.size_bytes, "byte")),
                    "no data after any hard link",
                    name.path.as_str(),
                ));
            }
            if let Some((first, others)) = names.split_first() {
                for name in others {
                    require_same_content(first, name)?;
                }
                staging.file(first, &mut std::io::empty())?;
                link_all(others, &first.path, staging)?;
            }
        }
        Ok(())
    }
}

/// Returns the entry with the attributes in the header.
fn entry(head: &EntryHead<'_>, staging: &Staging<'_>) -> Result<Entry, Error> {
    let kind = EntryKind::from_mode(head.file.mode, &head.name)?;
    let mut entry = Entry::new(&head.name, kind, head.file.mode, staging.limits)?;
    entry.mtime_s = head.file.mtime_s;
    entry.size_bytes = head.file.size_bytes;
    entry.sha256 = head.file.sha256.filter(|_| kind == EntryKind::File);
    Ok(entry)
}

/// Returns the next entry, or `None` for the trailer.
fn next<'a>(
    reader: &mut ArchiveReader,
    files: &'a Files,
    staging: &Staging<'_>,
) -> Result<Option<EntryHead<'a>>, Error> {
    let location = format!("offset {}", reader.position());
    let failed = |error: std::io::Error| damaged(&error, &location);
    let mut magic = [0; 6];
    reader.read_exact(&mut magic).map_err(failed)?;
    match &magic[..] {
        STRIPPED => {
            let [index] = fields(reader, &location)?;
            skip_padding(reader).map_err(failed)?;
            let file = usize::try_from(index)
                .ok()
                .and_then(|index| Some((index, files.all().get(index)?)))
                .filter(|(_, file)| !file.is_ghost);
            let Some((index, file)) = file else {
                return Err(invalid(
                    "a file that the header lists",
                    format!("number {index}"),
                    location,
                ));
            };
            let is_directory = file.mode & TYPE_BITS == 0o040_000;
            let data_bytes = if is_directory || !file.is_last_name {
                0
            } else {
                file.size_bytes
            };
            Ok(Some(EntryHead {
                name: file.path.clone(),
                index,
                file,
                data_bytes,
                shared_inode: file.shared_inode,
            }))
        }
        NEWC | NEWC_CRC => newc(reader, files, staging, &location),
        _ => {
            let found = format!("{:?}", escape(&magic));
            Err(invalid(
                "a cpio entry of magic 070701, 070702 or 07070X",
                found,
                location,
            ))
        }
    }
}

fn newc<'a>(
    reader: &mut ArchiveReader,
    files: &'a Files,
    staging: &Staging<'_>,
    location: &str,
) -> Result<Option<EntryHead<'a>>, Error> {
    let fields: [u32; 13] = fields(reader, location)?;
    let [
        _,
        mode,
        _,
        _,
        names,
        _,
        data_bytes,
        _,
        _,
        _,
        _,
        name_bytes,
        _,
    ] = fields;
    let limit = staging.limits.path_bytes;
    // The name has a prefix "./" and a terminating null byte.
    let Some(size) = usize::try_from(name_bytes)
        .ok()
        .filter(|size| *size <= limit.saturating_add(3))
    else {
        return Err(invalid(
            format!("a path of at most {limit} bytes"),
            format!("{name_bytes} bytes"),
            location,
        ));
    };
    let mut name = reader
        .read_bytes(size)
        .map_err(|error| damaged(&error, location))?;
    if name.pop() != Some(0) {
        return Err(invalid("a null-terminated name", "none", escape(&name)));
    }
    if name == TRAILER {
        return Ok(None);
    }
    skip_padding(reader).map_err(|error| damaged(&error, location))?;
    let path = EntryPath::new(&name, staging.limits)?;
    let Some(index) = files.find(path.as_str()) else {
        return Err(invalid(
            "a file that the header lists",
            "another file",
            escape(&name),
        ));
    };
    let file = &files.all()[index];
    if file.mode & TYPE_BITS != mode & TYPE_BITS {
        let expected = format!("an entry of mode {:06o} as in the header", file.mode);
        return Err(invalid(expected, format!("{mode:06o}"), escape(&name)));
    }
    let head = EntryHead {
        name,
        index,
        file,
        data_bytes: u64::from(data_bytes),
        // Old versions of rpm shortened inode numbers in the header, so that different files can have
        // the same one.
        shared_inode: file.shared_inode.filter(|_| names > 1),
    };
    Ok(Some(head))
}

/// Reads numbers of 8 hexadecimal digits.
fn fields<const COUNT: usize>(
    reader: &mut ArchiveReader,
    location: &str,
) -> Result<[u32; COUNT], Error> {
    let bytes = reader
        .read_bytes(COUNT * 8)
        .map_err(|error| damaged(&error, location))?;
    let mut fields = [0; COUNT];
    for (field, digits) in fields.iter_mut().zip(bytes.chunks_exact(8)) {
        // `from_str_radix` would accept a sign.
        let text = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        *field = text
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or_else(|| {
                invalid(
                    "eight hexadecimal digits in a cpio header",
                    format!("{:?}", escape(digits)),
                    location,
                )
            })?;
    }
    Ok(fields)
}

/// Skips the padding of headers and data to a multiple of 4 bytes.
fn skip_padding(reader: &mut ArchiveReader) -> std::io::Result<()> {
    let offset = reader.position();
    reader.skip(offset.next_multiple_of(4) - offset)
}
