//! Where in an unpacked tree the headers of a kernel lie.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use sqern_model::KernelVersion;

use crate::Failure;

/// Where header packages put their folders; `*` is any name, and `*-obj` one that ends so.
///
/// Debian, Ubuntu, Proxmox and Astra: `usr/src/linux-headers-VERSION`; the EL family, Fedora, Amazon: `usr/src/kernels/VERSION`;
/// SUSE: `usr/src/linux-VERSION-obj/ARCHITECTURE/FLAVOUR`; a real folder instead of a link where modules lie: Arch and others.
const PLACES: [&str; 5] =
    ["usr/src/*", "usr/src/kernels/*", "usr/src/*-obj/*/*", "lib/modules/*/build", "usr/lib/modules/*/build"];
/// What is looked through before it is given up.
const MOST_FOLDERS: usize = 20_000;
/// A release is one line.
const RELEASE_BYTES: u64 = 64 * 1024;

/// The folder, below the root, that states the kernel's release as its own.
pub(super) fn headers(root: &Path, kernel: &KernelVersion) -> Result<String, Failure> {
    let place = root.display();
    let mut budget = MOST_FOLDERS;
    let mut folders = Vec::new();
    for pattern in PLACES {
        expand(root, "", pattern, &mut folders, &mut budget)
            .map_err(|error| Failure::operation("could not read", error.to_string(), root.join(pattern).display()))?;
    }
    let stated: Vec<(String, String)> =
        folders.into_iter().filter_map(|folder| release(&root.join(&folder)).map(|release| (folder, release))).collect();
    choose(&stated, kernel).map_err(|got| {
        let hint = "Unpack the header package of this kernel (linux-headers-VERSION, kernel-devel) into this directory.";
        Failure::new(format!("the headers of {kernel}"), got, place).hint(hint)
    })
}

/// The one folder whose release is the kernel's, or what there is instead.
fn choose(stated: &[(String, String)], kernel: &KernelVersion) -> Result<String, String> {
    let mut right = stated.iter().filter(|(_, release)| release == kernel.as_str()).map(|(folder, _)| folder);
    match (right.next(), right.next()) {
        (Some(folder), None) => Ok(folder.clone()),
        (Some(one), Some(other)) => Err(format!("two trees, {one} and {other}")),
        (None, _) if stated.is_empty() => Err("no kernel headers".to_owned()),
        (None, _) => {
            let others: Vec<&str> = stated.iter().take(5).map(|(_, release)| release.as_str()).collect();
            Err(format!("the headers of {}", others.join(", ")))
        }
    }
}

/// Collects the real folders that a pattern names, sorted; links are passed over, for they lead to one of those.
fn expand(root: &Path, at: &str, pattern: &str, found: &mut Vec<String>, budget: &mut usize) -> std::io::Result<()> {
    let (name, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    let mut names = Vec::new();
    if let Some(suffix) = name.strip_prefix('*') {
        for entry in fs::read_dir(root.join(at))? {
            let entry = entry?;
            // The walk ends rather than fails: what was found so far may be enough.
            if *budget > 0 && entry.file_type()?.is_dir() {
                *budget -= 1;
                names.extend(entry.file_name().into_string().ok().filter(|name| name.ends_with(suffix)));
            }
        }
        names.sort();
    } else if fs::symlink_metadata(root.join(at).join(name)).is_ok_and(|metadata| metadata.is_dir()) {
        names.push(name.to_owned());
    }
    for name in names {
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        if rest.is_empty() {
            found.push(path);
        } else {
            expand(root, &path, rest, found, budget)?;
        }
    }
    Ok(())
}

/// The release that a folder of headers states: the header that vermagic is made of, else the line that kbuild takes. In Debian's
/// packages that line is the upstream version (`6.1.172` beside `6.1.0-48-amd64`).
fn release(folder: &Path) -> Option<String> {
    let headers = ["include/generated/utsrelease.h", "include/linux/utsrelease.h"];
    let stated = headers.iter().find_map(|header| uts_release(&read(&folder.join(header))?));
    stated.or_else(|| Some(read(&folder.join("include/config/kernel.release"))?.trim().to_owned()))
}

/// `UTS_RELEASE` of `utsrelease.h`.
fn uts_release(text: &str) -> Option<String> {
    let stated = text.lines().find_map(|line| line.strip_prefix("#define UTS_RELEASE "))?;
    Some(stated.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn read(file: &Path) -> Option<String> {
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(file).ok()?.take(RELEASE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> KernelVersion {
        KernelVersion::new("6.1.0-25-amd64").unwrap()
    }

    fn stated(folders: &[(&str, &str)]) -> Vec<(String, String)> {
        folders.iter().map(|(folder, release)| ((*folder).to_owned(), (*release).to_owned())).collect()
    }

    #[test]
    fn the_folder_of_this_release_is_taken_whatever_its_name() {
        let folders = stated(&[("usr/src/a", "6.1.0-25-rt-amd64"), ("usr/src/b", "6.1.0-25-amd64")]);
        assert_eq!(choose(&folders, &kernel()).as_deref(), Ok("usr/src/b"));
    }

    #[test]
    fn another_kernels_headers_are_named() {
        let got = choose(&stated(&[("usr/src/a", "6.1.0-26-amd64")]), &kernel());
        assert_eq!(got.unwrap_err(), "the headers of 6.1.0-26-amd64");
        assert_eq!(choose(&[], &kernel()).unwrap_err(), "no kernel headers");
        let twice = stated(&[("usr/src/a", "6.1.0-25-amd64"), ("usr/src/b", "6.1.0-25-amd64")]);
        assert_eq!(choose(&twice, &kernel()).unwrap_err(), "two trees, usr/src/a and usr/src/b");
    }

    #[test]
    fn a_release_is_read_from_the_header_that_modules_take() {
        assert_eq!(uts_release("#define UTS_RELEASE \"6.1.0-25-amd64\"\n").as_deref(), Some("6.1.0-25-amd64"));
        assert_eq!(
            uts_release("#define UTS_UBUNTU_RELEASE_ABI 40\n#define UTS_RELEASE \"6.8.0-40-generic\"").unwrap(),
            "6.8.0-40-generic"
        );
        assert_eq!(uts_release("#define UTS_RELEASE 6\n"), None);
    }
}
