//! Adapts an unpacked tree to its location.

use std::fs;
use std::io::{ErrorKind as IoErrorKind, Read as _, Write as _};
use std::path::Path;

use sqern_model::KernelVersion;

use super::{find, makefile};
use crate::unpack::relative;
use crate::{Error, ErrorKind};

/// The size limit of a Makefile. That of the kernel has 80 KiB.
const MAX_MAKEFILE_BYTES: u64 = 1 << 20;
/// The link for `make -C`.
const BUILD: &str = "build";

/// The result of [`adapt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The name of the link below the root, for `make -C`.
    pub build: &'static str,
    /// The directory of the headers below the root, which is the target of the link.
    pub headers: String,
    /// The files that were changed. Changed links are in [`crate::Unpacked::relinked`].
    pub changed: Vec<Changed>,
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The path below the root.
    pub path: String,
    /// The reason.
    pub why: &'static str,
}

/// Adapts a tree, into which all packages of `kernel` were unpacked, so that modules can be
/// compiled at any location.
///
/// `root/build` becomes a link to the headers, and absolute paths in their Makefile become
/// relative. An adapted tree is not changed.
///
/// # Errors
///
/// Returns an error if the tree does not contain the headers of the kernel or a file that they
/// include.
pub fn adapt(root: &Path, kernel: &KernelVersion) -> Result<Adapted, Error> {
    let headers = find::headers(root, kernel)?;
    let changed = adapt_makefile(root, &headers)?;
    link_build(root, &headers)?;
    Ok(Adapted {
        build: BUILD,
        headers,
        changed: changed.into_iter().collect(),
    })
}

/// Rewrites the Makefile of the headers if necessary. A Makefile that is a link is that of the
/// kernel, which has no absolute paths.
fn adapt_makefile(root: &Path, headers: &str) -> Result<Option<Changed>, Error> {
    let path = format!("{headers}/Makefile");
    let file = root.join(&path);
    let failed = |error: std::io::Error| Error::io("could not read", error, file.display());
    let metadata = fs::symlink_metadata(&file).map_err(failed)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    fs::File::open(&file)
        .and_then(|open| open.take(MAX_MAKEFILE_BYTES + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if text.len() as u64 > MAX_MAKEFILE_BYTES {
        let reason = format!("the file is larger than {MAX_MAKEFILE_BYTES} bytes");
        return Err(Error::failed(
            ErrorKind::InvalidTree,
            "cannot adapt",
            reason,
            file.display(),
        ));
    }
    // No link leads out of the tree, so the existence of a path can be checked directly.
    let relative_path = |to: &str| root.join(to).exists().then(|| relative(headers, to));
    let adapted = makefile::adapt(&text, relative_path).map_err(|missing| {
        let hint = "The header package depends on the package with this file. Unpack both packages into the same directory.";
        let reason = format!("the included file {} is missing", missing.path);
        Error::failed(ErrorKind::InvalidTree, "cannot adapt", reason, format!("{}:{}", file.display(), missing.line))
            .with_hint(hint)
    })?;
    let Some(adapted) = adapted else {
        return Ok(None);
    };
    replace(&file, &adapted, &metadata)?;
    Ok(Some(Changed {
        path,
        why: "absolute paths of files in the tree were replaced by relative paths",
    }))
}

/// Replaces a file. Other names of it (hard links) keep the old content.
fn replace(file: &Path, text: &str, old: &fs::Metadata) -> Result<(), Error> {
    let new = file.with_extension("sqern-new");
    let write = || {
        let mut open = fs::File::create_new(&new)?;
        open.write_all(text.as_bytes())?;
        open.set_permissions(old.permissions())?;
        // kbuild would rebuild targets that are older than the Makefile.
        open.set_modified(old.modified()?)?;
        fs::rename(&new, file)
    };
    write().map_err(|error| Error::io("could not replace", error, file.display()))
}

/// Creates the relative link for `make -C`.
fn link_build(root: &Path, headers: &str) -> Result<(), Error> {
    let link = root.join(BUILD);
    let conflict = |reason: String| {
        Error::failed(
            ErrorKind::InvalidTree,
            "cannot create link",
            reason,
            link.display(),
        )
    };
    match std::os::unix::fs::symlink(headers, &link) {
        Err(error) if error.kind() == IoErrorKind::AlreadyExists => match fs::read_link(&link) {
            Ok(target) if target == Path::new(headers) => Ok(()),
            Ok(target) => Err(conflict(format!(
                "the path is a link to {}",
                target.display()
            ))),
            Err(_) => Err(conflict("the path exists and is not a link".to_owned())),
        },
        created => {
            created.map_err(|error| Error::io("could not create link", error, link.display()))
        }
    }
}
