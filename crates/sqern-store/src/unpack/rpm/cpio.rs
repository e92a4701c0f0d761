//! The payload of an rpm: cpio in the format "newc" (cpio(5)), or in the "stripped" format of rpm.
//!
//! Entries of the stripped format refer to files of the header by their index. rpm 4 uses it for
//! packages with files above 4 GiB, and rpm 6 uses it always.

use std::collections::HashMap;
use std::io::Read as _;

use sqern_model::counted;

use super::super::archive::ArchiveReader;
use super::super::entry::{Entry, EntryKind, TYPE_BITS};
use super::super::error::{damaged, invalid};
use super::super::path::{EntryPath, escape};
use super::super::staging::Staging;
use super::files::{FileInfo, Files};
use crate::Error;

const NEWC: &[u8] = b"070701";
/// The format newc with a checksum, which rpm writes as 0 and ignores.
const NEWC_CRC: &[u8] = b"070702";
const STRIPPED: &[u8] = b"07070X";
const TRAILER: &[u8] = b"TRAILER!!!";

/// The part of an entry before its data.
struct EntryHead<'a> {
    name: Vec<u8>,
    file: &'a FileInfo,
    /// The size of the data, which follows only the last hard link of a file.
    data_bytes: u64,
    /// Whether the file might have other hard links.
    is_linked: bool,
    inode: (u32, u32),
}

/// Hard links whose data follows later.
#[derive(Default)]
struct PendingLinks {
    by_inode: HashMap<(u32, u32), Vec<Entry>>,
    names_bytes: usize,
}

/// Writes the entries until the trailer.
pub(super) fn unpack(
    reader: &mut ArchiveReader,
    files: &Files,
    staging: &mut Staging<'_>,
) -> Result<(), Error> {
    let mut pending = PendingLinks::default();
    while let Some(head) = next(reader, files, staging)? {
        let entry = entry(&head, staging)?;
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
            EntryKind::File if head.is_linked && head.data_bytes == 0 => {
                pending.add(head.inode, entry, staging)?;
            }
            EntryKind::File => write_file(reader, &entry, &head, &mut pending, staging)?,
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
    pending.finish(staging)
}

/// Writes a file and its hard links.
fn write_file(
    reader: &mut ArchiveReader,
    entry: &Entry,
    head: &EntryHead<'_>,
    pending: &mut PendingLinks,
    staging: &mut Staging<'_>,
) -> Result<(), Error> {
    let names = if head.is_linked {
        pending.by_inode.remove(&head.inode).unwrap_or_default()
    } else {
        Vec::new()
    };
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
    staging.file(
        &Entry {
            size_bytes: entry.size_bytes,
            ..first.clone()
        },
        reader,
    )?;
    link_all(others, &first.path, staging)
}

fn link_all(names: &[Entry], to: &EntryPath, staging: &mut Staging<'_>) -> Result<(), Error> {
    names
        .iter()
        .try_for_each(|name| staging.hard_link(name, to))
}

impl PendingLinks {
    fn add(
        &mut self,
        inode: (u32, u32),
        entry: Entry,
        staging: &mut Staging<'_>,
    ) -> Result<(), Error> {
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

    /// Writes the remaining files, which are empty.
    fn finish(self, staging: &mut Staging<'_>) -> Result<(), Error> {
        for names in self.by_inode.into_values() {
            if let Some((first, others)) = names.split_first() {
                staging.file(
                    &Entry {
                        size_bytes: 0,
                        ..first.clone()
                    },
                    &mut std::io::empty(),
                )?;
                link_all(others, &first.path, staging)?;
            }
        }
        Ok(())
    }
}

/// Returns the entry with the attributes in the header.
fn entry(head: &EntryHead<'_>, staging: &mut Staging<'_>) -> Result<Entry, Error> {
    staging.count(&head.name)?;
    let kind = EntryKind::from_mode(head.file.mode, &head.name)?;
    let mut entry = Entry::new(&head.name, kind, head.file.mode, staging.limits)?;
    entry.mtime_s = head.file.mtime_s;
    entry.size_bytes = head.data_bytes;
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
                .and_then(|index| files.get(index));
            let Some(file) = file else {
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
                file,
                data_bytes,
                is_linked: true,
                inode: file.inode,
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
        inode,
        mode,
        _,
        _,
        names,
        _,
        data_bytes,
        major,
        minor,
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
    let Some(file) = files.find(path.as_str()) else {
        return Err(invalid(
            "a file that the header lists",
            "another file",
            escape(&name),
        ));
    };
    if file.mode & TYPE_BITS != mode & TYPE_BITS {
        let expected = format!("an entry of mode {:06o} as in the header", file.mode);
        return Err(invalid(expected, format!("{mode:06o}"), escape(&name)));
    }
    let head = EntryHead {
        name,
        file,
        data_bytes: u64::from(data_bytes),
        is_linked: names > 1,
        inode: (major << 8 | minor & 0xff, inode),
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
