//! Finds the headers of a kernel in an unpacked tree.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use sqern_model::KernelVersion;

use crate::{Error, ErrorKind};

/// The locations of headers in packages; `*` matches any name, and `*-obj` a name with this suffix.
///
/// - Debian, Ubuntu, Proxmox and Astra: `usr/src/linux-headers-VERSION`
/// - Enterprise Linux, Fedora and Amazon: `usr/src/kernels/VERSION`
/// - SUSE: `usr/src/linux-VERSION-obj/ARCHITECTURE/FLAVOR`
/// - Arch and others: a directory instead of the usual link below `lib/modules`
const LOCATIONS: [&str; 5] = [
    "usr/src/*",
    "usr/src/kernels/*",
    "usr/src/*-obj/*/*",
    "lib/modules/*/build",
    "usr/lib/modules/*/build",
];
/// The maximum number of directories that are searched.
const MAX_DIRECTORIES: usize = 20_000;
/// The size limit of a file with a release, which is one line.
const MAX_RELEASE_BYTES: u64 = 64 * 1024;

/// A directory of headers and the kernel release in it.
type Candidate = (String, String);

/// A tree that does not contain exactly one directory of headers of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NoHeaders {
    /// Two directories contain headers of the kernel.
    Ambiguous(String, String),
    /// The tree contains no headers.
    None,
    /// The tree contains headers of other kernels.
    Other(Vec<String>),
}

impl std::fmt::Display for NoHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ambiguous(first, second) => write!(
                f,
                "more than one directory contains them: {first}, {second}"
            ),
            Self::None => f.write_str("the directory contains no kernel headers"),
            Self::Other(releases) => write!(
                f,
                "the directory contains only the headers of {}",
                releases.join(", ")
            ),
        }
    }
}

/// Returns the directory, below the root, whose headers have the release of the kernel.
///
/// # Errors
///
/// Returns an error if no directory or several ones have this release.
pub(super) fn headers(root: &Path, kernel: &KernelVersion) -> Result<String, Error> {
    let mut budget = MAX_DIRECTORIES;
    let mut directories = Vec::new();
    for pattern in LOCATIONS {
        expand(root, "", pattern, &mut directories, &mut budget)
            .map_err(|error| Error::io("could not read", error, root.join(pattern).display()))?;
    }
    let with_release =
        |directory: String| release(&root.join(&directory)).map(|release| (directory, release));
    let candidates: Vec<Candidate> = directories.into_iter().filter_map(with_release).collect();
    choose(&candidates, kernel).map_err(|error| {
        let hint = match error {
            NoHeaders::Ambiguous(..) => "Remove all but one of these directories.",
            _ => "Unpack the header package of this kernel (linux-headers-VERSION, kernel-devel) into this directory.",
        };
        let operation = format!("could not find the headers of {kernel} in");
        Error::failed(ErrorKind::InvalidTree, &operation, error.to_string(), root.display()).with_hint(hint)
    })
}

/// Returns the only directory with the release of the kernel.
fn choose(candidates: &[Candidate], kernel: &KernelVersion) -> Result<String, NoHeaders> {
    let mut matching = candidates
        .iter()
        .filter(|(_, release)| release == kernel.as_str())
        .map(|(directory, _)| directory);
    match (matching.next(), matching.next()) {
        (Some(directory), None) => Ok(directory.clone()),
        (Some(first), Some(second)) => Err(NoHeaders::Ambiguous(first.clone(), second.clone())),
        (None, _) if candidates.is_empty() => Err(NoHeaders::None),
        (None, _) => Err(NoHeaders::Other(
            candidates
                .iter()
                .take(5)
                .map(|(_, release)| release.clone())
                .collect(),
        )),
    }
}

/// Collects the directories that match a pattern, sorted. Links are skipped, because their targets
/// match, too.
fn expand(
    root: &Path,
    parent: &str,
    pattern: &str,
    found: &mut Vec<String>,
    budget: &mut usize,
) -> std::io::Result<()> {
    let (name, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    let mut names = Vec::new();
    if let Some(suffix) = name.strip_prefix('*') {
        for entry in fs::read_dir(root.join(parent))? {
            let entry = entry?;
            // The directories found so far might be sufficient, so an exhausted budget is not an
            // error.
            if *budget > 0 && entry.file_type()?.is_dir() {
                *budget -= 1;
                names.extend(
                    entry
                        .file_name()
                        .into_string()
                        .ok()
                        .filter(|name| name.ends_with(suffix)),
                );
            }
        }
        names.sort();
    } else if fs::symlink_metadata(root.join(parent).join(name))
        .is_ok_and(|metadata| metadata.is_dir())
    {
        names.push(name.to_owned());
    }
    for name in names {
        let path = if parent.is_empty() {
            name
        } else {
            format!("{parent}/{name}")
        };
        if rest.is_empty() {
            found.push(path);
        } else {
            expand(root, &path, rest, found, budget)?;
        }
    }
    Ok(())
}

/// Returns the release of a directory of headers: that of the header from which vermagic is
/// compiled, else the line that kbuild reads.
///
/// In packages of Debian, that line contains the upstream version (`6.1.172` instead of
/// `6.1.0-48-amd64`).
fn release(directory: &Path) -> Option<String> {
    let headers = [
        "include/generated/utsrelease.h",
        "include/linux/utsrelease.h",
    ];
    let release = headers
        .iter()
        .find_map(|header| uts_release(&read(&directory.join(header))?));
    release.or_else(|| {
        Some(
            read(&directory.join("include/config/kernel.release"))?
                .trim()
                .to_owned(),
        )
    })
}

/// Returns the value of `UTS_RELEASE` in `utsrelease.h`.
fn uts_release(text: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("#define UTS_RELEASE "))?;
    Some(
        value
            .trim()
            .strip_prefix('"')?
            .strip_suffix('"')?
            .to_owned(),
    )
}

fn read(file: &Path) -> Option<String> {
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(file)
        .ok()?
        .take(MAX_RELEASE_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> KernelVersion {
        KernelVersion::new("6.1.0-25-amd64").unwrap()
    }

    fn candidates(directories: &[(&str, &str)]) -> Vec<Candidate> {
        directories
            .iter()
            .map(|(directory, release)| ((*directory).to_owned(), (*release).to_owned()))
            .collect()
    }

    #[test]
    fn release_determines_the_directory_regardless_of_its_name() {
        let candidates = candidates(&[
            ("usr/src/a", "6.1.0-25-rt-amd64"),
            ("usr/src/b", "6.1.0-25-amd64"),
        ]);
        assert_eq!(choose(&candidates, &kernel()).as_deref(), Ok("usr/src/b"));
    }

    #[test]
    fn errors_name_the_headers_that_were_found() {
        let error = choose(&candidates(&[("usr/src/a", "6.1.0-26-amd64")]), &kernel()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the directory contains only the headers of 6.1.0-26-amd64"
        );
        assert_eq!(
            choose(&[], &kernel()).unwrap_err().to_string(),
            "the directory contains no kernel headers"
        );
        let two = candidates(&[
            ("usr/src/a", "6.1.0-25-amd64"),
            ("usr/src/b", "6.1.0-25-amd64"),
        ]);
        assert_eq!(
            choose(&two, &kernel()).unwrap_err().to_string(),
            "more than one directory contains them: usr/src/a, usr/src/b"
        );
    }

    #[test]
    fn release_is_read_from_the_header_of_vermagic() {
        assert_eq!(
            uts_release("#define UTS_RELEASE \"6.1.0-25-amd64\"\n").as_deref(),
            Some("6.1.0-25-amd64")
        );
        assert_eq!(
            uts_release(
                "#define UTS_UBUNTU_RELEASE_ABI 40\n#define UTS_RELEASE \"6.8.0-40-generic\""
            )
            .unwrap(),
            "6.8.0-40-generic"
        );
        assert_eq!(uts_release("#define UTS_RELEASE 6\n"), None);
    }
}
