//! Trees that build: what was unpacked is made to compile modules where it lies, and is proved to do so.
//!
//! Header packages expect to lie in the host's `/usr/src`. Links that say so were made relative when they were unpacked;
//! [`adapt`] mends what files say, and [`prove`] compiles a module.

mod adapt;
mod build_tools;
mod elf;
mod find;
mod hint;
mod makefile;
mod modinfo;
mod prove;
mod run;

pub use adapt::{Adapted, Changed, adapt};
pub use build_tools::{Installer, Machine, Purpose, Requirement, Tool, install_command, make_variables, requirements};
pub use prove::{Proof, ProveError, ProveErrorKind, ProveOptions, prove};
