//! Runs a command that is not trusted in a sandbox.
//!
//! A [`Policy`] describes what the command can access: paths, a scratch directory, the network,
//! environment variables and resources. [`Sandbox::select`] selects the best [`Method`] of this
//! machine:
//!
//! - [`Method::Bubblewrap`] uses namespaces: the command sees only the files of the policy and its
//!   own processes.
//! - [`Method::Landlock`] restricts access to files in the namespaces of the caller, where
//!   namespaces are not available.
//!
//! Both methods also set resource limits, reject dangerous system calls with seccomp, prevent new
//! privileges, and run the command of root as another user. No process remains after the command.
//!
//! Restrictions apply to the process that sets them, so the program of the caller executes itself
//! as a [`launcher`] in the sandbox. The launcher restricts a second process, which executes the
//! command. Of the other crates of sqern, the crate requires only `sqern-process` and `start-stdio`.

mod availability;
mod bubblewrap;
mod error;
mod identity;
pub mod launcher;
mod message;
mod policy;
mod running;
mod sandbox;

pub use availability::{Obstacle, availability};
pub use error::Error;
pub use message::Applied;
pub use policy::{Limits, Policy, Program, Scratch};
pub use running::{Exit, Output, Running};
pub use sandbox::{Finished, Launcher, Method, Mode, Sandbox};
