//! Packages become files: `.deb` and `.rpm`, read as a stream, without dpkg or rpm.
//!
//! Whatever a package holds, nothing is written outside of the folder, and nothing in it is followed: each path is walked
//! from the folder's own descriptor, a name at a time, and a symlink on the way ends the walk (openat(2), `O_NOFOLLOW`).
//! That holds without trust in what was checked before, so no order of entries can lead around it.

mod ar;
mod content;
mod cpio;
mod deb;
mod decode;
mod entry;
mod error;
mod folders;
mod input;
mod limits;
mod link;
mod name;
mod rpm;
mod staging;
mod tar;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;

use sqern_model::counted;

pub use error::UnpackError;
pub use limits::Limits;
pub(crate) use link::relative;

use error::{machine, refused};
use staging::Staging;

/// What [`unpack()`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Regular files written; those that another package had written before, alike, are in `shared`.
    pub files: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Further names of files that were written.
    pub hard_links: u64,
    /// Files and links that another package had brought before, and that were the same.
    pub shared: u64,
    /// Entries that no build reads, and that were not written (below `usr/share`, and `usr/lib/.build-id`).
    pub skipped: u64,
    /// Files whose SHA-256 was compared with the one that the package's header states (`.rpm` only).
    pub checked: u64,
    /// Bytes of the archive after decompression.
    pub plain_bytes: u64,
    /// Links that had to be changed or left out.
    pub relinked: Vec<Relinked>,
    /// The names in the package's dependencies, in their order: packages, and for `.rpm` also paths.
    pub depends: Vec<String>,
}

/// A symbolic link that is not in the tree as the package has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relinked {
    /// Its path below the folder.
    pub path: String,
    /// Where it leads in the package.
    pub was: String,
    /// Where it leads in the tree; nothing where it was left out, because it leads out of the tree.
    pub now: Option<String>,
}

/// The first bytes of an ar archive (ar(5)), which a `.deb` is (deb(5)).
const AR_MAGIC: &[u8] = b"!<arch>\n";
/// The first bytes of an rpm's lead (rpm.org, "RPM V4 Package format").
const RPM_MAGIC: &[u8] = b"\xed\xab\xee\xdb";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deb,
    Rpm,
}

/// Writes the files of `package` into the folder `into`, by their own paths (`usr/src/linux-headers-…`).
///
/// `into` exists, and only we write into it; several packages of one kernel go into the same. Files are made with mode 0644
/// or 0755, folders with 0755, all by whoever runs this; the age of a file is kept, for make compares it. Nothing is synced to
/// disk. After an error the folder holds a part of the package, and is to be thrown away as a whole.
///
/// An absolute link into the places of kernel headers (`/usr/src`, `/usr/lib`, `/lib`) becomes a relative one in the tree; any
/// other absolute link is left out, and told. See [`Unpacked::relinked`].
pub fn unpack(package: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, UnpackError> {
    unpack_at(package, into, limits).map_err(|error| error.within(package.display()))
}

fn unpack_at(package: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let mut file = open(package, limits)?;
    let kind = kind(&mut file, package.file_name().unwrap_or_default())?;
    let mut staging = Staging::open(into, limits)?;
    let file = BufReader::with_capacity(128 * 1024, file);
    match kind {
        Kind::Deb => deb::unpack(file, &mut staging)?,
        Kind::Rpm => rpm::unpack(file, &mut staging)?,
    }
    Ok(staging.done())
}

/// Opens a package where it is a file of a size that is allowed.
fn open(package: &Path, limits: &Limits) -> Result<File, UnpackError> {
    let unreadable = |error: std::io::Error| machine("could not read", &error, "");
    // Asked before it is opened: to open a FIFO would wait for ever.
    let metadata = std::fs::metadata(package).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refused("a package", "no regular file", ""));
    }
    if metadata.len() > limits.package_bytes {
        return Err(refused(format!("a package of at most {} bytes", limits.package_bytes), counted(metadata.len(), "byte"), ""));
    }
    File::open(package).map_err(unreadable)
}

/// What a package is by its first bytes, which its name must agree with.
fn kind(file: &mut File, name: &OsStr) -> Result<Kind, UnpackError> {
    let unreadable = |error: std::io::Error| machine("could not read", &error, "");
    let mut head = Vec::new();
    Read::by_ref(file).take(8).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let by_name = match Path::new(name).extension().and_then(OsStr::to_str) {
        Some("deb") => Kind::Deb,
        Some("rpm") => Kind::Rpm,
        _ => return Err(refused("a package whose name ends in .deb or .rpm", format!("{:?}", name.display().to_string()), "")),
    };
    let (suffix, magic) = match by_name {
        Kind::Deb => (".deb", AR_MAGIC),
        Kind::Rpm => (".rpm", RPM_MAGIC),
    };
    if head.starts_with(magic) {
        return Ok(by_name);
    }
    Err(refused(format!("a {suffix} package"), what_begins(&head), ""))
}

/// What a file is by its first bytes, for an error.
fn what_begins(head: &[u8]) -> String {
    match head {
        [] => "an empty file".into(),
        _ if head.starts_with(AR_MAGIC) => "an ar archive".into(),
        _ if head.starts_with(RPM_MAGIC) => "an rpm".into(),
        [b'<', ..] => "a file that starts with \"<\", like an HTML page".into(),
        _ => format!("a file that starts with {:02x?}", &head[..head.len().min(8)]),
    }
}
