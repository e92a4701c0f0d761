//! The programs and libraries that compiling a module in a tree requires of the machine.
//!
//! They are determined by `.config` (compiler, BTF), by `.kernelvariables` of Debian (exact
//! compiler), and by the dynamic sections of the programs that kbuild runs from the tree. The
//! dependencies of the packages only provide the names of packages to install.

mod config;
mod install;
mod machine;
mod requirements;
mod variables;

use std::fmt;

pub(super) use config::{MAX_PRINTED_BYTES, compiler_text, has_symbol_versions};
pub use install::install_command;
pub use machine::{Installer, Machine};
pub use requirements::requirements;
pub use variables::make_variables;

/// A program or a shared library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// A program by its name in `PATH`.
    Program(String),
    /// A shared library by its soname: `libelf.so.1`.
    Library(String),
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name) | Self::Library(name) => f.write_str(name),
        }
    }
}

/// The purpose of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Every module build.
    Compile,
    /// Validation and unwind data by objtool; [`make_variables`] builds without them.
    Objtool,
    /// Type information (BTF) in the module; [`make_variables`] builds without it.
    Btf,
    /// Signing of modules at installation (`make modules_install`), which no build requires.
    Sign,
}

/// A tool and the first purpose that requires it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The purpose.
    pub purpose: Purpose,
    /// The tool.
    pub tool: Tool,
}

fn program(name: &str) -> Tool {
    Tool::Program(name.to_owned())
}

#[cfg(test)]
mod test_support {
    /// Returns a directory with these files.
    pub(super) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        directory
    }
}
