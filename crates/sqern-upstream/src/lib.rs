//! The client of package repositories: downloads metadata over HTTP or from disk, verifies it, and
//! returns [`Crawl`]s.
//!
//! Only verified data is used. The OpenPGP signature covers the `Release`, which lists size and
//! SHA-256 of each index. Each index lists those of its packages. All input of servers is limited:
//! bytes, time, redirects, decompressed size, and the length of lines and stanzas. Memory usage is
//! therefore small for any input.
//!
//! The crate contains no SQL, prints nothing and reads no environment variable. The current time is
//! [`CrawlOptions::now`]. Formats: <https://wiki.debian.org/DebianRepository/Format>, deb822(5),
//! deb-version(7), RFC 9580.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::collections::BTreeMap;
//! use sqern_upstream::{Client, ClientOptions, CrawlOptions, Silent, crawl_distro, sources};
//!
//! let known = sources::builtin()?;
//! let client = Client::new(ClientOptions::default())?;
//! let options = CrawlOptions::new(jiff::Timestamp::now());
//! for distro in known.distros.values() {
//!     for crawl in crawl_distro(&client, distro, &BTreeMap::new(), &options, &Silent).await {
//!         assert_eq!(crawl.distro, distro.name);
//!     }
//! }
//! # Ok(()) }
//! ```

mod apt;
mod crawl;
mod deb;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod listed_file;
mod openpgp;
mod options;
mod package;
mod progress;
mod regular_file;
mod relation;
mod rpm;
pub mod sources;

pub use apt::crawl_apt_lists;
pub use crawl::{
    ALLOW_UNSIGNED_HINT, ProbedSource, count_certificates, crawl_distro, install_keyring_commands,
    probe, skipped_sources,
};
pub use error::{Error, ErrorKind};
pub use http::{Client, ClientError, ClientOptions, UNRESOLVED_HOST};
pub use openpgp::{
    KeyInfo, KeySet, KeyState, KeyringSpec, PackageSignatureError, fetch_keys, verify_package,
};
pub use options::{CrawlOptions, Limits, SOURCE_TIMEOUT};
pub use package::{PackageRequest, belongs_to, check_file};
pub use progress::{Progress, Silent};
pub use relation::VersionOrder;
pub use sources::SourceFileError;

#[doc(no_inline)]
pub use sqern_model::Crawl;
