//! Unpacked trees: [`adapt`] makes them independent of their location, and [`prove`] compiles a
//! module with them.
//!
//! Header packages expect to be installed in `/usr/src`. Unpacking replaces absolute links, and
//! [`adapt`] replaces absolute paths in Makefiles.

mod adapt;
mod build_tools;
mod elf;
mod find;
mod hint;
mod makefile;
mod modinfo;
mod prove;

pub use adapt::{Adapted, Changed, adapt};
pub use build_tools::{
    Installer, Machine, Purpose, Requirement, Tool, install_command, make_variables, requirements,
};
pub use prove::{Proof, ProveOptions, prove};
