//! Checks the programs that sqern runs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use sqern_store::tree::{Machine, Purpose, Requirement, Tool, install_command};

use super::Finding;

/// The name of the check.
const CHECK: &str = "program";

/// The programs that kbuild runs for a module of one file by default: GNU make, gcc and the linker.
const REQUIRED: [&str; 3] = ["make", "gcc", "ld"];

/// Tools that many kernels require: pahole for BTF, libelf for objtool and `resolve_btfids`.
const RECOMMENDED: [(Purpose, &str); 2] =
    [(Purpose::Btf, "pahole"), (Purpose::Objtool, "libelf.so.1")];

/// Finds an executable program in the directories of a `PATH`.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let can_run = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    std::env::split_paths(path)
        .map(|directory| directory.join(program))
        .find(|file| can_run(file))
}

/// Checks the build tools: fails if no module can be compiled, warns if that affects only some
/// kernels.
pub(super) fn check_build_tools(machine: &Machine) -> Vec<Finding> {
    let requirement = |purpose, tool| Requirement { purpose, tool };
    let required =
        REQUIRED.map(|name| requirement(Purpose::Compile, Tool::Program(name.to_owned())));
    let recommended = RECOMMENDED.map(|(purpose, name)| {
        let tool = if name.contains(".so") {
            Tool::Library(name.to_owned())
        } else {
            Tool::Program(name.to_owned())
        };
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
        let found = format!(
            "{} not installed: fetched headers cannot be proved",
            names(&missing)
        );
        let hint = match install(&missing) {
            sentence if sentence.ends_with('.') => sentence,
            command => format!("{command}  # or sqern fetch --no-prove"),
        };
        vec![Finding::failed(CHECK, found, hint)]
    };
    for requirement in machine.missing(&recommended) {
        let found = match requirement.purpose {
            Purpose::Btf => "not installed: your builds for kernels with BTF might fail",
            Purpose::Compile | Purpose::Objtool | Purpose::Sign => {
                "not installed: your builds for most kernels might fail"
            }
        };
        let tool = requirement.tool.to_string();
        findings.push(Finding::warning(CHECK, found, install(&[requirement])).about(tool));
    }
    findings
}

fn names(requirements: &[Requirement]) -> String {
    requirements
        .iter()
        .map(|requirement| requirement.tool.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks for apt-get, which recorded packages with `apt:` URLs require.
pub(super) fn check_apt_get(path: &OsStr, is_needed: bool) -> Finding {
    const PROGRAM: &str = "apt-get";
    let finding = match find(PROGRAM, path) {
        Some(file) => Finding::ok(CHECK, file.display().to_string()),
        None if is_needed => {
            let found =
                "not in PATH, but required to download the recorded packages with apt: URLs";
            Finding::failed(
                CHECK,
                found,
                "sqern check  # from the configured sources, without --apt-lists",
            )
        }
        None => Finding::ok(CHECK, "not installed and not required"),
    };
    finding.about(PROGRAM)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::State;

    fn create(directory: &Path, name: &str, mode: u32) {
        let file = directory.join(name);
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn missing_build_tools_fail_or_warn_with_an_install_command() {
        let directory = tempfile::tempdir().unwrap();
        let findings = || check_build_tools(&Machine::new(directory.path().to_str().unwrap()));
        create(directory.path(), "make", 0o755);
        // A file without execute permission is not a program.
        create(directory.path(), "gcc", 0o644);
        let found = findings();
        assert_eq!(
            (found[0].state, found[0].found.as_str()),
            (
                State::Failed,
                "gcc, ld not installed: fetched headers cannot be proved"
            )
        );
        assert_eq!(found[0].hint.as_deref(), Some("Install gcc, ld."));
        create(directory.path(), "apt-get", 0o755);
        assert_eq!(
            findings()[0].hint.as_deref(),
            Some("apt-get install binutils gcc  # or sqern fetch --no-prove")
        );
        create(directory.path(), "gcc", 0o755);
        create(directory.path(), "ld", 0o755);
        let found = findings();
        assert_eq!(
            (found[0].state, found[0].found.as_str()),
            (State::Ok, "make, gcc, ld")
        );
        let pahole = found
            .iter()
            .find(|finding| finding.about.as_deref() == Some("pahole"))
            .unwrap();
        assert_eq!(
            (pahole.state, pahole.hint.as_deref()),
            (State::Warning, Some("apt-get install pahole"))
        );
    }

    #[test]
    fn apt_get_is_required_only_for_packages_of_its_lists() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().as_os_str();
        assert_eq!(
            (
                check_apt_get(path, false).state,
                check_apt_get(path, true).state
            ),
            (State::Ok, State::Failed)
        );
        create(directory.path(), "apt-get", 0o755);
        assert_eq!(check_apt_get(path, true).state, State::Ok);
    }
}
