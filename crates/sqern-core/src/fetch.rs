//! Fetches: kernel headers are downloaded, unpacked and recorded.
//!
//! [`plan`] selects the kernels and the packages of each. [`execute`] creates a tree for each
//! kernel in the store, compiles a test module in it, and records all trees in one generation.

mod apt_download;
mod build_tools;
mod download;
mod error;
mod execute;
mod external_command;
mod packages;
mod plan;
mod tree;
mod verify;

use std::time::Duration;

use url::Url;

pub use build_tools::MissingTools;
pub use error::{FetchError, FetchObstacle};
pub use execute::{FetchConfig, FetchEvent, FetchOutcome, FetchSummary, KernelFetch, execute};
pub use packages::{KernelPlan, PackageLocation, PlannedPackage};
pub use plan::{FetchPlan, FetchRequest, RejectedKernel, plan};

/// The program that downloads the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadMethod {
    /// This program downloads packages. Packages of apt lists are downloaded with apt-get.
    Packages {
        /// Sends requests for `scheme://HOST/PATH` to `mirror_base/HOST/PATH`.
        mirror_base: Option<Url>,
        /// Whether packages that nothing authenticates are accepted. A package with an invalid signature
        /// never is.
        allow_unverified: bool,
    },
    /// A shell command writes the headers to a tree.
    Command {
        /// The argument of `/bin/sh -c`.
        script: String,
        /// The time limit for one kernel.
        time_limit: Duration,
    },
}
