//! Unpacks `.deb` and `.rpm` packages, which are read as a stream, without dpkg or rpm.
//!
//! No package can write outside the target directory. Each path is opened from the descriptor of
//! that directory, one name at a time, and a symbolic link in a path is an error (openat(2),
//! `O_NOFOLLOW`). This does not depend on earlier checks, so no order of entries can evade it.

mod ar;
mod archive;
mod content;
mod deb;
mod directories;
mod entry;
mod error;
mod identity;
mod limits;
mod link;
mod path;
mod rpm;
mod staging;
mod tar;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;

pub use identity::PackageIdentity;
pub use limits::Limits;
pub(crate) use link::relative;
pub use rpm::RpmSignature;

use sqern_model::counted;

use crate::Error;
use archive::{AR_MAGIC, RPM_MAGIC, describe_head};
use error::invalid;
use staging::Staging;

/// The size of the buffer of a package file.
const BUFFER_BYTES: usize = 128 * 1024;

/// The result of [`unpack()`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// The number of regular files written.
    pub files: u64,
    /// The number of symbolic links created.
    pub symlinks: u64,
    /// The number of hard links created.
    pub hard_links: u64,
    /// The number of files and links that already existed with the same content, from another
    /// package.
    pub shared: u64,
    /// The number of entries that no build requires and that were not written (below `usr/share`
    /// and `usr/lib/.build-id`).
    pub skipped: u64,
    /// The number of files whose SHA-256 was compared with the header of the package (`.rpm` only).
    pub checked: u64,
    /// The size of the archive after decompression in bytes.
    pub plain_bytes: u64,
    /// The links that were changed or omitted.
    pub relinked: Vec<Relinked>,
    /// The names in the dependencies of the package: packages, and for `.rpm` also paths.
    pub depends: Vec<String>,
}

/// A symbolic link that differs from the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relinked {
    /// The path below the target directory.
    pub path: String,
    /// The target in the package.
    pub was: String,
    /// The target in the tree; `None` if the link was omitted because it leads out of the tree.
    pub now: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PackageFormat {
    Deb,
    Rpm,
}

/// Writes the files of `package` below the directory `into`, by their paths in the package
/// (`usr/src/linux-headers-…`).
///
/// `into` must exist, and only this process may write to it. All packages of a kernel are unpacked
/// into the same directory. Files have mode 0644 or 0755, directories 0755, and all belong to the
/// current user. Modification times are kept, because make compares them. Nothing is synced to
/// disk.
///
/// An absolute link to a location of kernel headers (`/usr/src`, `/usr/lib`, `/lib`) becomes
/// relative. Other absolute links are omitted. See [`Unpacked::relinked`].
///
/// # Errors
///
/// Returns an error if the package is invalid or a file cannot be written. The directory then
/// contains a part of the package, and must be removed.
pub fn unpack(package: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, Error> {
    unpack_into(package, into, limits, Entries::Needed)
        .map_err(|error| error.within(package.display()))
}

/// Writes all files of `package` below the directory `into`, also those that no build requires.
///
/// # Errors
///
/// Returns the errors of [`unpack()`].
pub fn unpack_all(package: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, Error> {
    unpack_into(package, into, limits, Entries::All)
        .map_err(|error| error.within(package.display()))
}

/// The entries of a package that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entries {
    /// Those that a build might require.
    Needed,
    All,
}

fn unpack_into(
    package: &Path,
    into: &Path,
    limits: &Limits,
    entries: Entries,
) -> Result<Unpacked, Error> {
    let (file, format) = open_package(package, limits)?;
    let mut staging = Staging::open(into, limits, entries)?;
    let file = BufReader::with_capacity(BUFFER_BYTES, file);
    match format {
        PackageFormat::Deb => deb::unpack(file, &mut staging)?,
        PackageFormat::Rpm => rpm::unpack(file, &mut staging)?,
    }
    Ok(staging.finish())
}

/// Opens a package, and returns its format.
fn open_package(package: &Path, limits: &Limits) -> Result<(File, PackageFormat), Error> {
    let mut file = open(package, limits)?;
    let format = format(&mut file, package.file_name().unwrap_or_default())?;
    Ok((file, format))
}

/// Opens a package if it is a regular file within the size limit.
fn open(package: &Path, limits: &Limits) -> Result<File, Error> {
    let unreadable = |error: std::io::Error| Error::io("could not read", error, "");
    // Opening a FIFO would block, so the type is checked first.
    let metadata = std::fs::metadata(package).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(invalid("a package", "no regular file", ""));
    }
    if metadata.len() > limits.package_bytes {
        let expected = format!("a package of at most {} bytes", limits.package_bytes);
        return Err(invalid(expected, counted(metadata.len(), "byte"), ""));
    }
    File::open(package).map_err(unreadable)
}

/// Returns the format of a package, which its name and its first bytes must agree on.
fn format(file: &mut File, name: &OsStr) -> Result<PackageFormat, Error> {
    let unreadable = |error: std::io::Error| Error::io("could not read", error, "");
    let mut head = Vec::new();
    Read::by_ref(file)
        .take(8)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let format = match Path::new(name).extension().and_then(OsStr::to_str) {
        Some("deb") => PackageFormat::Deb,
        Some("rpm") => PackageFormat::Rpm,
        _ => {
            return Err(invalid(
                "a package whose name ends in .deb or .rpm",
                format!("{:?}", name.display().to_string()),
                "",
            ));
        }
    };
    let (suffix, magic) = match format {
        PackageFormat::Deb => (".deb", AR_MAGIC),
        PackageFormat::Rpm => (".rpm", RPM_MAGIC),
    };
    if head.starts_with(magic) {
        return Ok(format);
    }
    Err(invalid(
        format!("a {suffix} package"),
        describe_head(&head),
        "",
    ))
}
