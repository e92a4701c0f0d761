//! Checks the programs that sqern runs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use sqern_store::tree::{Machine, Purpose, Requirement, Tool, install_command};

use super::Finding;

/// The name of the check.
pub const CHECK: &str = "program";

/// What kbuild runs for a module of one file by default: GNU make, gcc and the linker.
const REQUIRED: [&str; 3] = ["make", "gcc", "ld"];

/// Tools that many kernels require: pahole for BTF, libelf for objtool and `resolve_btfids`.
const RECOMMENDED: [(Purpose, &str); 2] = [(Purpose::Btf, "pahole"), (Purpose::Objtool, "libelf.so.1")];

/// Finds an executable program in the directories of a `PATH`.
#[must_use]
pub fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let can_run = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| can_run(file))
}

/// Checks the build tools: fails if no module can be compiled, warns if that affects only some kernels.
#[must_use]
pub fn build_tools(machine: &Machine) -> Vec<Finding> {
    let requirement = |purpose, tool| Requirement { purpose, tool };
    let required = REQUIRED.map(|name| requirement(Purpose::Compile, Tool::Program(name.to_owned())));
    let recommended = RECOMMENDED.map(|(purpose, name)| {
        let tool = if name.contains(".so") { Tool::Library(name.to_owned()) } else { Tool::Program(name.to_owned()) };
        requirement(purpose, tool)
    });
    let install = |missing: &[Requirement]| {
        let command = install_command(missing, &BTreeSet::new(), machine.installer());
        command.unwrap_or_else(|| format!("Install {}.", names(missing)))
    };
    let missing = machine.missing(&required);
    let mut findings = if missing.is_empty() {
        vec![Finding::ok(CHECK, names(&required))]
    } else {
        let found = format!("{} not installed: fetched headers cannot be proved", names(&missing));
        let hint = match install(&missing) {
            sentence if sentence.ends_with('.') => sentence,
            command => format!("{command}  # or sqern fetch --no-prove"),
        };
        vec![Finding::failed(CHECK, found, hint)]
    };
    for one in machine.missing(&recommended) {
        let found = match one.purpose {
            Purpose::Btf => "not installed: builds for kernels with BTF fail",
            Purpose::Compile | Purpose::Objtool | Purpose::Sign => "not installed: builds for most kernels fail",
        };
        let about = one.tool.to_string();
        findings.push(Finding::warning(CHECK, found, install(&[one])).about(about));
    }
    findings
}

fn names(requirements: &[Requirement]) -> String {
    requirements.iter().map(|one| one.tool.to_string()).collect::<Vec<_>>().join(", ")
}

/// Checks for apt-get, which recorded packages with `apt:` URLs require.
#[must_use]
pub fn apt_get(path: &OsStr, is_needed: bool) -> Finding {
    const PROGRAM: &str = "apt-get";
    let finding = match find(PROGRAM, path) {
        Some(file) => Finding::ok(CHECK, file.display().to_string()),
        None if is_needed => {
            let found = "not in PATH, but required to download the recorded packages with apt: URLs";
            Finding::failed(CHECK, found, "sqern check  # from the configured sources, without --apt-lists")
        }
        None => Finding::ok(CHECK, "not installed and not required"),
    };
    finding.about(PROGRAM)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::State;

    fn put(folder: &Path, name: &str, mode: u32) {
        let file = folder.join(name);
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn missing_build_tools_fail_or_warn_with_the_command_that_installs_them() {
        let folder = tempfile::tempdir().unwrap();
        let judged = || build_tools(&Machine::new(folder.path().to_str().unwrap()));
        put(folder.path(), "make", 0o755);
        // A program that may not be executed is not installed.
        put(folder.path(), "gcc", 0o644);
        let findings = judged();
        assert_eq!(
            (findings[0].state, findings[0].found.as_str()),
            (State::Failed, "gcc, ld not installed: fetched headers cannot be proved")
        );
        assert_eq!(findings[0].hint.as_deref(), Some("Install gcc, ld."));
        put(folder.path(), "apt-get", 0o755);
        assert_eq!(judged()[0].hint.as_deref(), Some("apt-get install binutils gcc  # or sqern fetch --no-prove"));
        put(folder.path(), "gcc", 0o755);
        put(folder.path(), "ld", 0o755);
        let findings = judged();
        assert_eq!((findings[0].state, findings[0].found.as_str()), (State::Ok, "make, gcc, ld"));
        let pahole = findings.iter().find(|finding| finding.about.as_deref() == Some("pahole")).unwrap();
        assert_eq!((pahole.state, pahole.hint.as_deref()), (State::Warning, Some("apt-get install pahole")));
    }

    #[test]
    fn apt_get_is_required_only_for_packages_of_its_lists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        assert_eq!((apt_get(path, false).state, apt_get(path, true).state), (State::Ok, State::Failed));
        put(folder.path(), "apt-get", 0o755);
        assert_eq!(apt_get(path, true).state, State::Ok);
    }
}
