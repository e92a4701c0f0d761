//! Packages are made to lie at the root of a system; here they lie below a folder.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use sqern_model::KernelVersion;

use crate::Failure;

/// The link to where make is to run, at the top of a tree: as `/lib/modules/VERSION/build` is on a host.
const BUILD: &str = "build";
/// More than any flavour's own Makefile has.
const MAKEFILE_BYTES: u64 = 1024 * 1024;

/// What was made of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// Where make is to run, below the tree: what the link `build` leads to.
    pub headers: PathBuf,
    /// What was changed for it, in words.
    pub changes: Vec<String>,
}

/// Makes an unpacked tree build where it lies: a relative link `build`, and no path in the headers' own Makefile that leads to
/// `/usr/src`.
///
/// Fails where the tree has no folder for that kernel.
pub fn adapt(root: &Path, kernel: &KernelVersion) -> Result<Adapted, Failure> {
    let headers = headers(root, kernel.as_str())?;
    let mut changes = make_relative(root, &headers)?;
    let link = root.join(BUILD);
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(&error, &link)),
        _ => {}
    }
    symlink(&headers, &link).map_err(|error| unusable(&error, &link))?;
    changes.push(format!("{BUILD}: leads to {}", headers.display()));
    Ok(Adapted { headers, changes })
}

/// The folder of a kernel's headers below a tree: where each family puts it, else where its own `build` link leads.
fn headers(root: &Path, version: &str) -> Result<PathBuf, Failure> {
    let mut places = vec![
        // Debian, Ubuntu, Proxmox, Photon OS.
        PathBuf::from(format!("usr/src/linux-headers-{version}")),
        // Enterprise Linux, Oracle's UEK, Amazon Linux, Fedora.
        PathBuf::from(format!("usr/src/kernels/{version}")),
    ];
    // openSUSE: linux-6.4.0-150600.23.25-obj/x86_64/default for 6.4.0-150600.23.25-default.
    if let Some((base, flavour)) = version.rsplit_once('-') {
        let objects = PathBuf::from(format!("usr/src/linux-{base}-obj"));
        places.extend(folders(&root.join(&objects)).into_iter().map(|machine| objects.join(machine).join(flavour)));
    }
    places.extend(["lib/modules", "usr/lib/modules"].map(|modules| Path::new(modules).join(version).join(BUILD)));
    let is_there = |place: &PathBuf| root.join(place).join("Makefile").symlink_metadata().is_ok();
    let found = places.iter().find(|place| is_there(place)).map(|place| resolved(root, place));
    found.flatten().ok_or_else(|| {
        let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        Failure::new(
            format!("a folder with the headers of {version} ({})", looked.join(", ")),
            "none in the packages",
            root.display(),
        )
    })
}

/// The names of the folders in a folder.
fn folders(folder: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.file_name()).collect()
}

/// A place below the root without links on the way; none where it leads out of the root.
fn resolved(root: &Path, place: &Path) -> Option<PathBuf> {
    let (root, full) = (fs::canonicalize(root).ok()?, fs::canonicalize(root.join(place)).ok()?);
    full.strip_prefix(root).ok().map(Path::to_owned)
}

/// Debian's flavours have a Makefile that includes the shared half by its place on a host:
/// `include /usr/src/linux-headers-6.1.0-25-common/Makefile`.
fn make_relative(root: &Path, headers: &Path) -> Result<Vec<String>, Failure> {
    let path = root.join(headers).join("Makefile");
    let metadata = fs::symlink_metadata(&path).map_err(|error| unusable(&error, &path))?;
    if !metadata.is_file() || metadata.len() > MAKEFILE_BYTES {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(|error| unusable(&error, &path))?;
    let up = "../".repeat(headers.components().filter(|part| matches!(part, Component::Normal(_))).count());
    let (fitted, changes) = fit(&text, &up);
    if !changes.is_empty() {
        fs::write(&path, fitted).map_err(|error| unusable(&error, &path))?;
    }
    let shown = |change: String| format!("{}: {change}", headers.join("Makefile").display());
    Ok(changes.into_iter().map(shown).collect())
}

/// The text with each `include /usr/…` made relative to the Makefile itself, from which `up` leads to the root; and what was changed.
fn fit(text: &str, up: &str) -> (String, Vec<String>) {
    let (mut fitted, mut changes) = (String::with_capacity(text.len()), Vec::new());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("include /usr/") {
            // The last of the files that make has begun to read is the one that this line stands in.
            Some(rest) => {
                let new = format!("include $(dir $(lastword $(MAKEFILE_LIST))){up}usr/{rest}");
                changes.push(format!("{} became {}", line.trim_end(), new.trim_end()));
                fitted.push_str(&new);
            }
            None => fitted.push_str(line),
        }
    }
    (fitted, changes)
}

fn unusable(error: &io::Error, place: &Path) -> Failure {
    Failure::new("a tree that can be read and written", error.to_string(), place.display())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]
mod tests {
    use super::*;

    fn tree(folders: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("Makefile"), "all:\n").unwrap();
        }
        root
    }

    fn adapted(root: &Path, version: &str) -> Result<String, String> {
        let adapted = adapt(root, &version.parse().unwrap()).map_err(|failure| failure.to_string())?;
        assert_eq!(fs::read_link(root.join("build")).unwrap(), adapted.headers);
        assert!(root.join("build/Makefile").exists());
        Ok(adapted.headers.display().to_string())
    }

    #[test]
    fn the_headers_are_found_where_each_family_has_them() {
        for (folder, version) in [
            ("usr/src/linux-headers-6.1.0-25-amd64", "6.1.0-25-amd64"),
            ("usr/src/kernels/4.18.0-553.el8_10.x86_64", "4.18.0-553.el8_10.x86_64"),
            ("usr/src/linux-6.4.0-150600.23.25-obj/x86_64/default", "6.4.0-150600.23.25-default"),
            ("usr/lib/modules/6.1.0/build", "6.1.0"),
        ] {
            let root = tree(&[folder]);
            assert_eq!(adapted(root.path(), version).as_deref(), Ok(folder));
            assert_eq!(adapted(root.path(), version).as_deref(), Ok(folder), "a second time too");
        }
        let root = tree(&["usr/src/linux-headers-6.1.0-25-common"]);
        let told = adapted(root.path(), "6.1.0-25-amd64").unwrap_err();
        assert!(told.contains("usr/src/linux-headers-6.1.0-25-amd64") && told.contains("none in the packages"), "{told}");
    }

    #[test]
    fn a_build_link_that_leads_out_of_the_tree_is_no_place_for_headers() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tree(&["evil"]));
        fs::create_dir_all(root.path().join("lib/modules/6.1.0")).unwrap();
        symlink(outside.path().join("evil"), root.path().join("lib/modules/6.1.0/build")).unwrap();
        assert!(adapted(root.path(), "6.1.0").is_err());
    }

    #[test]
    fn an_include_of_the_shared_half_becomes_relative_and_other_lines_stay() {
        let (text, changes) = fit("X := 1\ninclude /usr/src/linux-headers-6.1.0-25-common/Makefile\n", "../../../");
        assert_eq!(
            text,
            "X := 1\ninclude $(dir $(lastword $(MAKEFILE_LIST)))../../../usr/src/linux-headers-6.1.0-25-common/Makefile\n"
        );
        assert_eq!(changes.len(), 1);
        assert_eq!(fit("# include /usr/src/x\n", "../").1, Vec::<String>::new());
    }
}
