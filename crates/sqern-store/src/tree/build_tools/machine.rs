//! The tools of this machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Requirement, Tool};

/// The package manager of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// apt-get(8).
    Apt,
    /// dnf(8).
    Dnf,
}

/// The programs and libraries that this machine has.
#[derive(Debug, Clone)]
pub struct Machine {
    path: String,
    /// The sonames in the cache of ldconfig(8); `None` where the C library has no such cache
    /// (musl).
    libraries: Option<BTreeSet<String>>,
}

impl Machine {
    /// Reads the list of libraries. Programs are searched in the directories of `path`, which are
    /// separated by colons.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            libraries: cached_libraries(),
        }
    }

    /// Returns whether a tool is installed. Without a list of libraries, every library counts as
    /// installed.
    #[must_use]
    pub fn has(&self, tool: &Tool) -> bool {
        match tool {
            Tool::Program(name) => self
                .path
                .split(':')
                .any(|directory| is_executable(&Path::new(directory).join(name))),
            Tool::Library(soname) => self
                .libraries
                .as_ref()
                .is_none_or(|known| known.contains(soname)),
        }
    }

    /// Returns the requirements that the machine does not meet.
    #[must_use]
    pub fn missing(&self, requirements: &[Requirement]) -> Vec<Requirement> {
        requirements
            .iter()
            .filter(|requirement| !self.has(&requirement.tool))
            .cloned()
            .collect()
    }

    /// Returns the package manager, if its package names are known.
    #[must_use]
    pub fn installer(&self) -> Option<Installer> {
        let has = |name: &str| self.has(&Tool::Program(name.to_owned()));
        if has("apt-get") {
            Some(Installer::Apt)
        } else {
            has("dnf").then_some(Installer::Dnf)
        }
    }
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Returns the sonames in the cache of ldconfig(8).
fn cached_libraries() -> Option<BTreeSet<String>> {
    let program = ["/sbin/ldconfig", "/usr/sbin/ldconfig"]
        .into_iter()
        .find(|program| Path::new(program).is_file())?;
    let listed = Command::new(program)
        .arg("-p")
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let names: BTreeSet<String> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            line.split_once(" => ")
                .and_then(|(name, _)| name.split_whitespace().next())
                .map(str::to_owned)
        })
        .collect();
    (listed.status.success() && !names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::test_support::tree;
    use super::super::{Purpose, program};
    use super::*;

    #[test]
    fn tools_are_found_in_path_and_library_cache() {
        let bin = tree(&[("make", ""), ("apt-get", ""), ("gcc", "")]);
        for name in ["make", "apt-get"] {
            std::fs::set_permissions(
                bin.path().join(name),
                std::fs::Permissions::from_mode(0o755),
            )
            .unwrap();
        }
        let path = format!("/nonexistent:{}", bin.path().display());
        let machine = Machine {
            path,
            libraries: Some(BTreeSet::from(["libelf.so.1".to_owned()])),
        };
        let need = |tool| Requirement {
            purpose: Purpose::Compile,
            tool,
        };
        let wanted = ["libelf.so.1", "libcrypto.so.3"].map(|name| need(Tool::Library(name.into())));
        assert_eq!(machine.missing(&wanted), wanted[1..]);
        assert_eq!(
            machine.missing(&[need(program("make")), need(program("gcc"))]),
            [need(program("gcc"))]
        );
        assert_eq!(machine.installer(), Some(Installer::Apt));
        let unknown = Machine {
            libraries: None,
            ..machine
        };
        assert!(unknown.has(&Tool::Library("libelf.so.1".into())));
    }
}
