//! The store on disk: unpacks packages and prepares trees in which modules can be compiled. The
//! crate uses neither SQL nor the network.
//!
//! [`unpack()`] writes the files of a `.deb` or `.rpm` into a directory without dpkg or rpm.
//! [`tree::adapt`] makes the headers of a kernel independent of their location, and [`tree::prove`]
//! compiles a module with them and reads its vermagic.
//!
//! The crate prints nothing and reads no environment variable. All functions block.
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
//! adapt(root, &kernel)?;
//! let proof = prove(root, &kernel, Path::new("/tmp/scratch"), &ProveOptions::default())?;
//! assert!(proof.vermagic.starts_with("6.1.0-25-amd64 "));
//! # Ok(()) }
//! ```

pub mod directory;
mod error;
pub mod store;
pub mod tree;
mod unpack;

pub use error::{Error, ErrorKind};
pub use store::Store;
pub use unpack::{Limits, PackageIdentity, Relinked, RpmSignature, Unpacked, unpack, unpack_all};
