//! The store on disk alone: packages unpacked, trees that build. No SQL, no network.
//!
//! [`unpack()`] writes the files of a `.deb` or `.rpm` into a folder without dpkg or rpm, [`tree::adapt`] makes what came out
//! of a kernel's header packages build where it lies, and [`tree::prove`] compiles a module there and reads its vermagic.
//!
//! The library prints nothing, reads no environment variable and knows no clock but that of a time limit. Everything in it
//! blocks: an asynchronous caller gives it a thread of its own.
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use sqern_model::KernelVersion;
//! use sqern_store::tree::{ProveOptions, adapt, prove};
//! use sqern_store::{Limits, unpack};
//!
//! let root = Path::new("/srv/store/debian12/staging");
//! for package in ["headers.deb", "common.deb", "kbuild.deb"] {
//!     unpack(Path::new(package), root, &Limits::default())?;
//! }
//! let kernel = KernelVersion::new("6.1.0-25-amd64")?;
//! let adapted = adapt(root, &kernel)?;
//! let proof = prove(&root.join(adapted.build), &kernel, Path::new("/tmp/scratch"), &ProveOptions::default())?;
//! assert!(proof.vermagic.starts_with("6.1.0-25-amd64 "));
//! # Ok(()) }
//! ```

mod failure;
pub mod store;
pub mod tree;
mod unpack;

pub use failure::Failure;
pub use store::Store;
pub use unpack::{Limits, Relinked, UnpackError, Unpacked, unpack};
