//! tar in the formats that deb(5) allows: v7, POSIX.1 ustar, and long names and links of GNU.
//!
//! "Unrecognized tar typeflags are considered an error". pax headers are errors, too, as in dpkg:
//! tools would disagree about entries with two names or sizes.

use std::io::Read as _;

use sqern_model::counted;
use tar::{EntryType, Header};

use super::archive::ArchiveReader;
use super::entry::{Entry, EntryKind, invalid_kind};
use super::error::{damaged, invalid};
use super::path::{EntryPath, escape};
use super::staging::Staging;
use crate::Error;

const BLOCK_BYTES: usize = 512;

/// Long names, which precede their entry.
#[derive(Default)]
struct LongNames {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Writes the entries of an archive until a block of zeros. Like dpkg, it does not require a second
/// one.
pub(super) fn unpack(reader: &mut ArchiveReader, staging: &mut Staging<'_>) -> Result<(), Error> {
    let mut long = LongNames::default();
    while let Some(header) = next(reader)? {
        let size_bytes = header
            .entry_size()
            .map_err(|error| invalid_number(&error, &header))?;
        let limits = staging.limits;
        match header.entry_type() {
            EntryType::GNULongName => {
                long.name = Some(long_text(reader, size_bytes, limits.path_bytes, "a path")?);
            }
            EntryType::GNULongLink => {
                long.link = Some(long_text(
                    reader,
                    size_bytes,
                    limits.link_bytes,
                    "a link target",
                )?);
            }
            _ => write_entry(
                reader,
                &header,
                size_bytes,
                std::mem::take(&mut long),
                staging,
            )?,
        }
    }
    if long.name.is_some() || long.link.is_some() {
        let location = format!("offset {}", reader.position());
        return Err(invalid(
            "an entry after the GNU long-name header",
            "the end of the archive",
            location,
        ));
    }
    Ok(())
}

/// Returns the content of the regular file named `name` or `./name`. Other files are skipped.
///
/// # Errors
///
/// Returns an error if the archive contains no such file of at most `max_bytes`, or more than one.
pub(super) fn only_file(
    reader: &mut ArchiveReader,
    name: &str,
    max_bytes: u64,
) -> Result<Vec<u8>, Error> {
    let mut content = None;
    while let Some(header) = next(reader)? {
        let size_bytes = header
            .entry_size()
            .map_err(|error| invalid_number(&error, &header))?;
        let path = header.path_bytes();
        let location = escape(&path);
        let failed = |error: std::io::Error| damaged(&error, &location);
        let mut padded_bytes = size_bytes.next_multiple_of(BLOCK_BYTES as u64);
        if path.strip_prefix(b"./").unwrap_or(&path) == name.as_bytes() {
            let size = usize::try_from(size_bytes)
                .ok()
                .filter(|_| header.entry_type() == EntryType::Regular && size_bytes <= max_bytes);
            let Some(size) = size.filter(|_| content.is_none()) else {
                let expected = format!("one file {name} of at most {max_bytes} bytes");
                return Err(invalid(expected, "another entry", location));
            };
            content = Some(reader.read_bytes(size).map_err(failed)?);
            padded_bytes -= size_bytes;
        }
        reader.skip(padded_bytes).map_err(failed)?;
    }
    content.ok_or_else(|| invalid(format!("a file {name}"), "none", "the archive"))
}

/// Returns the next header, or `None` at the end.
fn next(reader: &mut ArchiveReader) -> Result<Option<Header>, Error> {
    let location = format!("offset {}", reader.position());
    let mut header = Header::new_old();
    reader
        .read_exact(header.as_mut_bytes())
        .map_err(|error| damaged(&error, &location))?;
    if header.as_bytes().iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    // The sum of all bytes of the header, with spaces in the field of the sum (POSIX.1, pax, "ustar
    // Interchange Format").
    let bytes = header.as_bytes();
    let sum = bytes[..148]
        .iter()
        .chain(&bytes[156..])
        .fold(8 * u32::from(b' '), |sum, byte| sum + u32::from(*byte));
    if header.cksum().ok() != Some(sum) {
        return Err(invalid(
            "a tar header with a valid checksum",
            "another checksum",
            location,
        ));
    }
    Ok(Some(header))
}

fn write_entry(
    reader: &mut ArchiveReader,
    header: &Header,
    size_bytes: u64,
    long: LongNames,
    staging: &mut Staging<'_>,
) -> Result<(), Error> {
    let name = long
        .name
        .unwrap_or_else(|| header.path_bytes().into_owned());
    staging.count(&name)?;
    let kind = kind(header.entry_type(), &name)?;
    let mode = header
        .mode()
        .map_err(|error| invalid_number(&error, header))?;
    let mut entry = Entry::new(&name, kind, mode, staging.limits)?;
    entry.mtime_s = header
        .mtime()
        .map_err(|error| invalid_number(&error, header))?;
    if kind != EntryKind::File && size_bytes != 0 {
        return Err(invalid(
            "data only after the header of a regular file",
            counted(size_bytes, "byte"),
            entry.path.as_str(),
        ));
    }
    entry.size_bytes = size_bytes;
    let link = || {
        long.link
            .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
            .unwrap_or_default()
    };
    let skips = staging.skips(&entry);
    match kind {
        EntryKind::Directory if !skips => staging.directory(&entry)?,
        EntryKind::Symlink if !skips => staging.symlink(&entry, &link())?,
        EntryKind::HardLink if !skips => {
            staging.hard_link(&entry, &EntryPath::new(&link(), staging.limits)?)?;
        }
        EntryKind::File => {
            if skips {
                reader
                    .skip(size_bytes)
                    .map_err(|error| damaged(&error, entry.path.as_str()))?;
            } else {
                staging.file(&entry, reader)?;
            }
            let padding = size_bytes.next_multiple_of(BLOCK_BYTES as u64) - size_bytes;
            reader
                .skip(padding)
                .map_err(|error| damaged(&error, entry.path.as_str()))?;
        }
        _ => {}
    }
    Ok(())
}

fn kind(entry_type: EntryType, name: &[u8]) -> Result<EntryKind, Error> {
    Ok(match entry_type {
        // v7 has no type for directories. Their names end with a slash.
        EntryType::Regular if name.ends_with(b"/") => EntryKind::Directory,
        EntryType::Regular => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::HardLink,
        EntryType::Char => return Err(invalid_kind("a character device", name)),
        EntryType::Block => return Err(invalid_kind("a block device", name)),
        EntryType::Fifo => return Err(invalid_kind("a FIFO", name)),
        EntryType::XHeader | EntryType::XGlobalHeader => {
            return Err(invalid_kind("a pax header", name));
        }
        other => {
            return Err(invalid_kind(
                &format!("an entry of type {:?}", char::from(other.as_byte())),
                name,
            ));
        }
    })
}

/// Returns a long name of GNU: the null-terminated data of an entry.
fn long_text(
    reader: &mut ArchiveReader,
    size_bytes: u64,
    limit: usize,
    what: &str,
) -> Result<Vec<u8>, Error> {
    let location = format!("offset {}", reader.position());
    let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    if size > limit.saturating_add(1) {
        return Err(invalid(
            format!("{what} of at most {limit} bytes"),
            counted(size_bytes, "byte"),
            location,
        ));
    }
    let mut text = reader
        .read_bytes(size.next_multiple_of(BLOCK_BYTES))
        .map_err(|error| damaged(&error, &location))?;
    text.truncate(size);
    if text.last() == Some(&0) {
        text.pop();
    }
    Ok(text)
}

fn invalid_number(error: &std::io::Error, header: &Header) -> Error {
    invalid(
        "a number in each field of a tar header",
        error.to_string(),
        escape(&header.path_bytes()),
    )
}
