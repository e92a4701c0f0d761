//! Build tools that a proof lacks on this machine.

use std::collections::BTreeSet;
use std::path::Path;

use sqern_model::Kernel;
use sqern_store::tree::{Machine, Purpose, Requirement, install_command, requirements};

use crate::failure::Failure;

/// The tools that a kernel's tree requires and this machine does not have.
#[derive(Debug, Clone)]
pub struct MissingTools {
    /// The kernel.
    pub kernel: Kernel,
    /// What is missing; tools that only sign modules are not listed, because no proof runs them.
    pub tools: Vec<Requirement>,
    /// The command that installs all of them, where the names of the packages are known.
    pub install: Option<String>,
}

impl MissingTools {
    /// Compares what the tree at `build` requires with the machine; `depends` are the dependencies of the tree's packages.
    #[must_use]
    pub fn of(kernel: &Kernel, build: &Path, machine: &Machine, depends: &BTreeSet<String>) -> Self {
        let mut tools = machine.missing(&requirements(build));
        tools.retain(|one| one.purpose != Purpose::Sign);
        let install = install_command(&tools, depends, machine.installer());
        Self { kernel: kernel.clone(), tools, install }
    }

    /// Whether no module can be compiled without these tools.
    #[must_use]
    pub fn prevents_building(&self) -> bool {
        self.tools.iter().any(|one| one.purpose == Purpose::Compile)
    }

    /// The error for the kernel. It has no hint: the warning before it has one for all kernels.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::unmet(format!("cannot compile a module: {}", not_installed(&self.names(Purpose::Compile))))
    }

    /// The warning that reports these tools, and what the test module is compiled without.
    #[must_use]
    pub fn warning(&self) -> String {
        let names: Vec<String> = self.tools.iter().map(|one| one.tool.to_string()).collect();
        let missing = not_installed(&names);
        if self.prevents_building() {
            let pronoun = if names.len() == 1 { "it" } else { "them" };
            return format!("{missing}; the headers of {} require {pronoun} to compile modules", self.kernel);
        }
        let lacks = |purpose| self.tools.iter().any(|one| one.purpose == purpose);
        let left_out = match (lacks(Purpose::Objtool), lacks(Purpose::Btf)) {
            (true, true) => "objtool and BTF",
            (true, false) => "objtool",
            (false, _) => "BTF",
        };
        format!("{missing}; test modules for {} are compiled without {left_out}, which other builds require", self.kernel)
    }

    fn names(&self, purpose: Purpose) -> Vec<String> {
        self.tools.iter().filter(|one| one.purpose == purpose).map(|one| one.tool.to_string()).collect()
    }
}

/// `gcc-13 is not installed`, `gcc-13 and pahole are not installed`.
fn not_installed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is not installed"),
        [rest @ .., last] => format!("{} and {last} are not installed", rest.join(", ")),
    }
}
