//! Trees that build: what came out of a kernel's header packages, made to fit where it lies, and proven by a module.

mod adapt;
mod prove;

pub use adapt::{Adapted, adapt};
pub use prove::{Proof, ProveOptions, prove};
