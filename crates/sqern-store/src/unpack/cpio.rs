//! An rpm's payload: cpio in the form "newc" (cpio(5)), or rpm's own "stripped" one, whose entries are numbers of the
//! header's files. rpm 4 takes that for packages with files above 4 GiB, rpm 6 always.

use std::collections::HashMap;
use std::io::Read as _;

use sqern_model::counted;

use super::entry::{Entry, EntryKind, TYPE_BITS};
use super::error::{UnpackError, refused, unreadable};
use super::input::Input;
use super::name::{EntryPath, shown};
use super::rpm::{FileInfo, Files};
use super::staging::Staging;

const NEWC: &[u8] = b"070701";
/// newc with a sum of the data, which rpm's writer leaves at zero and its reader does not look at.
const NEWC_CRC: &[u8] = b"070702";
const STRIPPED: &[u8] = b"07070X";
const TRAILER: &[u8] = b"TRAILER!!!";

/// What stands before an entry's data.
struct Head<'a> {
    name: Vec<u8>,
    file: &'a FileInfo,
    /// How much data follows here: nothing with all but the last name of a file.
    data_bytes: u64,
    /// Whether the file may have further names.
    is_linked: bool,
    inode: (u32, u32),
}

/// Names of files whose data is still to come.
#[derive(Default)]
struct Pending {
    by_inode: HashMap<(u32, u32), Vec<Entry>>,
    names_bytes: usize,
}

/// Writes each entry up to the trailer.
pub(super) fn unpack(input: &mut Input, files: &Files, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    let mut pending = Pending::default();
    while let Some(head) = next(input, files, staging)? {
        let entry = entry(&head, staging)?;
        let place = || shown(&head.name);
        match entry.kind {
            EntryKind::Symlink => {
                let most = staging.limits.link_bytes;
                let Some(size) = usize::try_from(head.data_bytes).ok().filter(|size| *size <= most) else {
                    let got = counted(head.data_bytes, "byte");
                    return Err(refused(format!("a link target of at most {most} bytes"), got, place()));
                };
                let to = input.bytes(size).map_err(|error| unreadable(&error, place()))?;
                if !staging.skips(&entry) {
                    staging.symlink(&entry, &to)?;
                }
            }
            EntryKind::File if head.is_linked && head.data_bytes == 0 => pending.add(head.inode, entry, staging)?,
            EntryKind::File => file(input, &entry, &head, &mut pending, staging)?,
            _ if head.data_bytes != 0 => {
                return Err(refused("data behind files and links only", counted(head.data_bytes, "byte"), place()));
            }
            _ if staging.skips(&entry) => {}
            _ => staging.folder(&entry)?,
        }
        pad(input).map_err(|error| unreadable(&error, place()))?;
    }
    pending.finish(staging)
}

/// Writes a file, and its further names.
fn file(
    input: &mut Input,
    entry: &Entry,
    head: &Head<'_>,
    pending: &mut Pending,
    staging: &mut Staging<'_>,
) -> Result<(), UnpackError> {
    let names = if head.is_linked { pending.by_inode.remove(&head.inode).unwrap_or_default() } else { Vec::new() };
    if !staging.skips(entry) {
        staging.file(entry, input)?;
        return link_all(&names, &entry.path, staging);
    }
    // This name is not written, but another one may be.
    let Some((first, others)) = names.split_first() else {
        return input.skip(entry.size_bytes).map_err(|error| unreadable(&error, shown(&head.name)));
    };
    staging.file(&Entry { size_bytes: entry.size_bytes, ..first.clone() }, input)?;
    link_all(others, &first.path, staging)
}

fn link_all(names: &[Entry], to: &EntryPath, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    names.iter().try_for_each(|name| staging.hard_link(name, to))
}

impl Pending {
    fn add(&mut self, inode: (u32, u32), entry: Entry, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
        if staging.skips(&entry) {
            return Ok(());
        }
        self.names_bytes += entry.path.as_str().len();
        if self.names_bytes > staging.limits.metadata_bytes {
            let expected = format!("names of linked files of at most {} bytes", staging.limits.metadata_bytes);
            return Err(refused(expected, "more", entry.path.as_str()));
        }
        self.by_inode.entry(inode).or_default().push(entry);
        Ok(())
    }

    /// What is left had no data at all: empty files.
    fn finish(self, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
        for names in self.by_inode.into_values() {
            if let Some((first, others)) = names.split_first() {
                staging.file(&Entry { size_bytes: 0, ..first.clone() }, &mut std::io::empty())?;
                link_all(others, &first.path, staging)?;
            }
        }
        Ok(())
    }
}

/// The entry, with what the header says of it.
fn entry(head: &Head<'_>, staging: &mut Staging<'_>) -> Result<Entry, UnpackError> {
    staging.count(&head.name)?;
    let kind = EntryKind::by_mode(head.file.mode, &head.name)?;
    let mut entry = Entry::new(&head.name, kind, head.file.mode, staging.limits)?;
    entry.mtime_s = head.file.mtime_s;
    entry.size_bytes = head.data_bytes;
    entry.sha256 = head.file.sha256.filter(|_| kind == EntryKind::File);
    Ok(entry)
}

/// The next entry, if it is not the trailer.
fn next<'a>(input: &mut Input, files: &'a Files, staging: &Staging<'_>) -> Result<Option<Head<'a>>, UnpackError> {
    let place = format!("offset {}", input.offset());
    let broken = |error: std::io::Error| unreadable(&error, &place);
    let mut magic = [0; 6];
    input.read_exact(&mut magic).map_err(broken)?;
    match &magic[..] {
        STRIPPED => {
            let [index] = fields(input, &place)?;
            pad(input).map_err(broken)?;
            let file = usize::try_from(index).ok().and_then(|index| files.get(index));
            let Some(file) = file else {
                return Err(refused("a file that the header lists", format!("number {index}"), place));
            };
            let is_folder = file.mode & TYPE_BITS == 0o040_000;
            let data_bytes = if is_folder || !file.is_last_name { 0 } else { file.size_bytes };
            Ok(Some(Head { name: file.path.clone(), file, data_bytes, is_linked: true, inode: file.inode }))
        }
        NEWC | NEWC_CRC => newc(input, files, staging, &place),
        _ => {
            let got = format!("{:?}", shown(&magic));
            Err(refused("a cpio entry of magic 070701, 070702 or 07070X", got, place))
        }
    }
}

fn newc<'a>(input: &mut Input, files: &'a Files, staging: &Staging<'_>, place: &str) -> Result<Option<Head<'a>>, UnpackError> {
    let fields: [u32; 13] = fields(input, place)?;
    let [inode, mode, _, _, names, _, data_bytes, major, minor, _, _, name_bytes, _] = fields;
    let most = staging.limits.path_bytes;
    // With "./" in front and a zero byte behind.
    let Some(size) = usize::try_from(name_bytes).ok().filter(|size| *size <= most.saturating_add(3)) else {
        return Err(refused(format!("a path of at most {most} bytes"), counted(name_bytes, "byte"), place));
    };
    let mut name = input.bytes(size).map_err(|error| unreadable(&error, place))?;
    if name.pop() != Some(0) {
        return Err(refused("a null-terminated name", "none", shown(&name)));
    }
    if name == TRAILER {
        return Ok(None);
    }
    pad(input).map_err(|error| unreadable(&error, place))?;
    let path = EntryPath::new(&name, staging.limits)?;
    let Some(file) = files.find(path.as_str()) else {
        return Err(refused("a file that the header lists", "another file", shown(&name)));
    };
    if file.mode & TYPE_BITS != mode & TYPE_BITS {
        let expected = format!("an entry of mode {:06o} as in the header", file.mode);
        return Err(refused(expected, format!("{mode:06o}"), shown(&name)));
    }
    let head =
        Head { name, file, data_bytes: u64::from(data_bytes), is_linked: names > 1, inode: (major << 8 | minor & 0xff, inode) };
    Ok(Some(head))
}

/// Numbers of eight hexadecimal digits each.
fn fields<const COUNT: usize>(input: &mut Input, place: &str) -> Result<[u32; COUNT], UnpackError> {
    let bytes = input.bytes(COUNT * 8).map_err(|error| unreadable(&error, place))?;
    let mut fields = [0; COUNT];
    for (field, digits) in fields.iter_mut().zip(bytes.chunks_exact(8)) {
        // Not `from_str_radix` alone: that takes a sign too.
        let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        *field = text
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or_else(|| refused("eight hexadecimal digits in a cpio header", format!("{:?}", shown(digits)), place))?;
    }
    Ok(fields)
}

/// Headers and data are filled up to a multiple of four bytes.
fn pad(input: &mut Input) -> std::io::Result<()> {
    let offset = input.offset();
    input.skip(offset.next_multiple_of(4) - offset)
}
