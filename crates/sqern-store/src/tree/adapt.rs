//! An unpacked tree is made to build where it lies.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use sqern_model::KernelVersion;

use super::{find, makefile};
use crate::Failure;
use crate::unpack::relative;

/// The kernel's own Makefile has 80 KiB.
const MAKEFILE_BYTES: u64 = 1 << 20;
/// The link that `make -C` is given.
const BUILD: &str = "build";

/// What [`adapt`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The name of the link below the root, for `make -C`.
    pub build: &'static str,
    /// The headers' folder below the root, which it leads to.
    pub headers: String,
    /// Files that are not as their packages have them. Links that differ are in [`crate::Unpacked::relinked`].
    pub changed: Vec<Changed>,
}

/// A file that was rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its path below the root.
    pub path: String,
    /// Why.
    pub why: &'static str,
}

/// Makes the tree below `root`, of which all packages are unpacked, build modules for `kernel` where it lies and wherever it is
/// moved: `root/build` leads to the headers, and no Makefile of theirs names an absolute path of the tree. What is adapted
/// already stays as it is.
pub fn adapt(root: &Path, kernel: &KernelVersion) -> Result<Adapted, Failure> {
    let headers = find::headers(root, kernel)?;
    let changed = fit_makefile(root, &headers)?;
    link_build(root, &headers)?;
    Ok(Adapted { build: BUILD, headers, changed: changed.into_iter().collect() })
}

/// Rewrites the headers' Makefile where it needs it. One that is a link is another folder's, and is the kernel's own.
fn fit_makefile(root: &Path, headers: &str) -> Result<Option<Changed>, Failure> {
    let path = format!("{headers}/Makefile");
    let file = root.join(&path);
    let failed = |error: std::io::Error| Failure::operation("could not read", error.to_string(), file.display());
    let metadata = fs::symlink_metadata(&file).map_err(failed)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    fs::File::open(&file).and_then(|open| open.take(MAKEFILE_BYTES + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > MAKEFILE_BYTES {
        return Err(Failure::new(format!("a Makefile of at most {MAKEFILE_BYTES} bytes"), "a larger file", file.display()));
    }
    // No link of the tree leads out of it, so that what is there may be asked for by its path.
    let way = |to: &str| root.join(to).exists().then(|| relative(headers, to));
    let Some(fitted) = makefile::fit(&text, way).map_err(|failure| failure.within(file.display()))? else { return Ok(None) };
    replace(&file, &fitted, &metadata)?;
    Ok(Some(Changed { path, why: "absolute paths of files in the tree were replaced by relative paths" }))
}

/// Puts a new file in the place of an old one, which may have other names (hard links) that keep what they have.
fn replace(file: &Path, text: &str, old: &fs::Metadata) -> Result<(), Failure> {
    let new = file.with_extension("sqern-new");
    let write = || {
        let mut open = fs::File::create_new(&new)?;
        open.write_all(text.as_bytes())?;
        open.set_permissions(old.permissions())?;
        // Newer than what was made by it, it could make kbuild build again what it has.
        open.set_modified(old.modified()?)?;
        fs::rename(&new, file)
    };
    write().map_err(|error| Failure::operation("could not replace", error.to_string(), file.display()))
}

/// Makes the relative link that `make -C` takes.
fn link_build(root: &Path, headers: &str) -> Result<(), Failure> {
    let link = root.join(BUILD);
    match std::os::unix::fs::symlink(headers, &link) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::read_link(&link) {
            Ok(to) if to == Path::new(headers) => Ok(()),
            Ok(to) => Err(Failure::new(format!("a link to {headers}"), format!("a link to {}", to.display()), link.display())),
            Err(_) => Err(Failure::new(format!("a link to {headers}"), "no link", link.display())),
        },
        made => made.map_err(|error| Failure::operation("could not create link", error.to_string(), link.display())),
    }
}
