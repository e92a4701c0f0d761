//! tar, in the forms that deb(5) allows: v7, POSIX.1 ustar, and of GNU's only long names and links. "Unrecognized tar
//! typeflags are considered an error", and so are pax headers, as they are to dpkg: a second way to state a name or a size is a
//! second way to be read.

use std::io::Read as _;

use sqern_model::counted;
use tar::{EntryType, Header};

use super::entry::{Entry, EntryKind, no_kind};
use super::error::{UnpackError, refused, unreadable};
use super::input::Input;
use super::name::{EntryPath, shown};
use super::staging::Staging;

const BLOCK_BYTES: usize = 512;

/// Long names that came before the entry that they are for.
#[derive(Default)]
struct Long {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Writes each entry up to the block of zeros that ends an archive; a second such block is not asked for, as dpkg does not.
pub(super) fn unpack(input: &mut Input, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    let mut long = Long::default();
    while let Some(header) = next(input)? {
        let size_bytes = header.entry_size().map_err(|error| broken(&error, &header))?;
        let limits = staging.limits;
        match header.entry_type() {
            EntryType::GNULongName => long.name = Some(long_text(input, size_bytes, limits.path_bytes, "a path")?),
            EntryType::GNULongLink => long.link = Some(long_text(input, size_bytes, limits.link_bytes, "a link target")?),
            _ => take(input, &header, size_bytes, std::mem::take(&mut long), staging)?,
        }
    }
    if long.name.is_some() || long.link.is_some() {
        return Err(refused("an entry after the long name", "the end of the archive", "the last entry"));
    }
    Ok(())
}

/// Returns the content of the first regular file named `name` or `./name`, if there is one of at most `max_bytes`.
pub(super) fn file(input: &mut Input, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, UnpackError> {
    while let Some(header) = next(input)? {
        let size_bytes = header.entry_size().map_err(|error| broken(&error, &header))?;
        let path = header.path_bytes();
        let is_wanted = header.entry_type() == EntryType::Regular && path.strip_prefix(b"./").unwrap_or(&path) == name.as_bytes();
        let place = shown(&path);
        let read_error = |error: std::io::Error| unreadable(&error, &place);
        match usize::try_from(size_bytes) {
            Ok(size) if is_wanted && size_bytes <= max_bytes => return input.bytes(size).map(Some).map_err(read_error),
            _ => input.skip(size_bytes.next_multiple_of(BLOCK_BYTES as u64)).map_err(read_error)?,
        }
    }
    Ok(None)
}

/// The next header, if it is not the end.
fn next(input: &mut Input) -> Result<Option<Header>, UnpackError> {
    let place = format!("offset {}", input.offset());
    let mut header = Header::new_old();
    input.read_exact(header.as_mut_bytes()).map_err(|error| unreadable(&error, &place))?;
    if header.as_bytes().iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    // The sum of the header's bytes, its own field taken as blanks (POSIX.1, pax, "ustar Interchange Format").
    let bytes = header.as_bytes();
    let sum = bytes[..148].iter().chain(&bytes[156..]).fold(8 * u32::from(b' '), |sum, byte| sum + u32::from(*byte));
    if header.cksum().ok() != Some(sum) {
        return Err(refused("a tar header with a valid checksum", "another checksum", place));
    }
    Ok(Some(header))
}

fn take(input: &mut Input, header: &Header, size_bytes: u64, long: Long, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    let name = long.name.unwrap_or_else(|| header.path_bytes().into_owned());
    staging.count(&name)?;
    let kind = kind(header.entry_type(), &name)?;
    let mode = header.mode().map_err(|error| broken(&error, header))?;
    let mut entry = Entry::new(&name, kind, mode, staging.limits)?;
    entry.mtime_s = header.mtime().map_err(|error| broken(&error, header))?;
    if kind != EntryKind::File && size_bytes != 0 {
        return Err(refused("data behind files only", counted(size_bytes, "byte"), entry.path.as_str()));
    }
    entry.size_bytes = size_bytes;
    let link = || long.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default();
    let skips = staging.skips(&entry);
    match kind {
        EntryKind::Folder if !skips => staging.folder(&entry)?,
        EntryKind::Symlink if !skips => staging.symlink(&entry, &link())?,
        EntryKind::HardLink if !skips => staging.hard_link(&entry, &EntryPath::new(&link(), staging.limits)?)?,
        EntryKind::File => {
            if skips {
                input.skip(size_bytes).map_err(|error| unreadable(&error, entry.path.as_str()))?;
            } else {
                staging.file(&entry, input)?;
            }
            let padding = size_bytes.next_multiple_of(BLOCK_BYTES as u64) - size_bytes;
            input.skip(padding).map_err(|error| unreadable(&error, entry.path.as_str()))?;
        }
        _ => {}
    }
    Ok(())
}

fn kind(entry_type: EntryType, name: &[u8]) -> Result<EntryKind, UnpackError> {
    Ok(match entry_type {
        // v7 has no type for folders: their names end in a slash.
        EntryType::Regular if name.ends_with(b"/") => EntryKind::Folder,
        EntryType::Regular => EntryKind::File,
        EntryType::Directory => EntryKind::Folder,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::HardLink,
        EntryType::Char => return Err(no_kind("a character device", name)),
        EntryType::Block => return Err(no_kind("a block device", name)),
        EntryType::Fifo => return Err(no_kind("a FIFO", name)),
        EntryType::XHeader | EntryType::XGlobalHeader => return Err(no_kind("a pax header", name)),
        other => return Err(no_kind(&format!("an entry of type {:?}", char::from(other.as_byte())), name)),
    })
}

/// The text of a GNU long name: the data of an entry of its own, ended by a zero byte.
fn long_text(input: &mut Input, size_bytes: u64, most: usize, what: &str) -> Result<Vec<u8>, UnpackError> {
    let place = format!("offset {}", input.offset());
    let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    if size > most.saturating_add(1) {
        return Err(refused(format!("{what} of at most {most} bytes"), counted(size_bytes, "byte"), place));
    }
    let mut text = input.bytes(size.next_multiple_of(BLOCK_BYTES)).map_err(|error| unreadable(&error, &place))?;
    text.truncate(size);
    if text.last() == Some(&0) {
        text.pop();
    }
    Ok(text)
}

fn broken(error: &std::io::Error, header: &Header) -> UnpackError {
    refused("a number in each field of a tar header", error.to_string(), shown(&header.path_bytes()))
}
