//! The common parts of crawls of all kinds of repositories: trust, downloads, decompression,
//! dependencies, and the resulting [`Crawl`]s.
//!
//! [`Crawl`]: sqern_model::Crawl

pub(crate) mod assemble;
pub(crate) mod checksum;
pub(crate) mod context;
pub(crate) mod control;
pub(crate) mod date;
pub(crate) mod decode;
mod distro;
pub(crate) mod download;
pub(crate) mod entry;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod identity;
pub(crate) mod mirrors;
pub(crate) mod path;
mod probe;
pub(crate) mod read;
pub(crate) mod resolve;
pub(crate) mod root_metadata;
pub(crate) mod trust;

pub use distro::{crawl_distro, skipped_sources};
pub use probe::{ProbedSource, count_certificates, probe};
pub use trust::{ALLOW_UNSIGNED_HINT, install_keyring_commands};
