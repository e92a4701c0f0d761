//! Whether the programs are there that sqern runs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Finding;

/// What is looked at.
pub const CHECK: &str = "program";

/// What kbuild runs to make a module of one file, by its defaults: GNU make, gcc and the linker.
pub const FOR_PROVING: [&str; 3] = ["make", "gcc", "ld"];

/// Where a program is that can be run, in the folders of a `PATH`.
#[must_use]
pub fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let can_run = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| can_run(file))
}

/// Whether what proves fetched headers is there.
#[must_use]
pub fn for_proving(path: &OsStr) -> Finding {
    let (found, missing): (Vec<&str>, Vec<&str>) = FOR_PROVING.iter().partition(|program| find(program, path).is_some());
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{} are here", found.join(", ")));
    }
    let found = format!("no {} in {}: fetched headers can't be proven", missing.join(", "), path.display());
    Finding::failed(CHECK, found, "apt-get install make gcc   # or dnf install make gcc; or sqern fetch --no-prove")
}

/// Whether apt-get is there, where packages are listed that only it can fetch.
#[must_use]
pub fn apt_get(path: &OsStr, is_needed: bool) -> Finding {
    const PROGRAM: &str = "apt-get";
    let finding = match find(PROGRAM, path) {
        Some(file) => Finding::ok(CHECK, file.display().to_string()),
        None if is_needed => {
            let found = "not in PATH, and packages are listed that only this machine's own apt can fetch (apt: URLs)";
            Finding::failed(CHECK, found, "sqern check   # from the configured mirrors, in place of --apt-lists")
        }
        None => Finding::ok(CHECK, "not here, and nothing needs it"),
    };
    finding.about(PROGRAM)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::State;

    #[test]
    fn programs_that_are_missing_or_can_not_be_run_fail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        let put = |name: &str, mode: u32| {
            let file = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        put("make", 0o755);
        put("gcc", 0o644);
        let judged = for_proving(path);
        let expected = format!("no gcc, ld in {}: fetched headers can't be proven", path.display());
        assert_eq!((judged.state, judged.found), (State::Failed, expected));
        put("gcc", 0o755);
        put("ld", 0o755);
        assert_eq!(for_proving(path).state, State::Ok);

        assert_eq!((apt_get(path, false).state, apt_get(path, true).state), (State::Ok, State::Failed));
        put("apt-get", 0o755);
        assert_eq!(apt_get(path, true).state, State::Ok);
    }
}
