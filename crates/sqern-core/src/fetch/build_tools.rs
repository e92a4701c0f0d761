//! Build tools that are missing on this machine.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use sqern_model::Kernel;
use sqern_store::tree::{
    Machine, ProveOptions, Purpose, Requirement, Tool, install_command, requirements,
};

use super::FetchError;

/// The tools that a tree requires and that are not installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTools {
    /// The kernel of the tree.
    pub kernel: Kernel,
    /// The tools. Tools that only sign modules are omitted, because test modules are not signed.
    pub tools: Vec<Requirement>,
    /// The command that installs all of them, if the names of the packages are known.
    pub install: Option<String>,
}

impl MissingTools {
    /// Compares the requirements of the tree at `build` with the tools of the machine. `depends`
    /// contains the names in the dependencies of the packages.
    pub(super) fn find(
        kernel: &Kernel,
        build: &Path,
        machine: &Machine,
        depends: &BTreeSet<String>,
    ) -> Self {
        let mut tools = machine.missing(&requirements(build));
        tools.retain(|requirement| requirement.purpose != Purpose::Sign);
        let install = install_command(&tools, depends, machine.installer());
        Self {
            kernel: kernel.clone(),
            tools,
            install,
        }
    }

    /// Returns whether a tool for this purpose is missing. Without the tools for
    /// [`Purpose::Compile`], no module can be compiled.
    #[must_use]
    pub fn lacks(&self, purpose: Purpose) -> bool {
        self.tools
            .iter()
            .any(|requirement| requirement.purpose == purpose)
    }

    /// Returns an error if no module can be compiled without the tools.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        let compile = self
            .tools
            .iter()
            .filter(|requirement| requirement.purpose == Purpose::Compile);
        let tools: Vec<Tool> = compile
            .map(|requirement| requirement.tool.clone())
            .collect();
        if tools.is_empty() {
            Ok(())
        } else {
            Err(FetchError::CompilerMissing { tools })
        }
    }
}

impl fmt::Display for MissingTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<Tool> = self
            .tools
            .iter()
            .map(|requirement| requirement.tool.clone())
            .collect();
        f.write_str(&not_installed(&tools))
    }
}

/// Returns the build tools of this machine.
///
/// # Errors
///
/// Returns [`FetchError::MakeMissing`] if no module can be compiled.
pub(super) fn machine() -> Result<Machine, FetchError> {
    let machine = Machine::new(&ProveOptions::default().path);
    if machine.has(&Tool::Program("make".to_owned())) {
        Ok(machine)
    } else {
        Err(FetchError::MakeMissing)
    }
}

/// Returns a sentence such as `gcc-13 and pahole are not installed`.
pub(super) fn not_installed(tools: &[Tool]) -> String {
    let names: Vec<String> = tools.iter().map(Tool::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => format!("{name} is not installed"),
        [names @ .., last] => format!("{} and {last} are not installed", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_are_described_in_one_sentence() {
        let tools: Vec<Tool> = ["gcc-13", "make", "pahole"]
            .map(|name| Tool::Program(name.to_owned()))
            .into();
        assert_eq!(not_installed(&tools[..1]), "gcc-13 is not installed");
        assert_eq!(
            not_installed(&tools),
            "gcc-13, make and pahole are not installed"
        );
    }
}
