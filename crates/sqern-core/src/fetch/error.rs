//! The errors of fetches.

use std::fmt;

use sqern_model::Kernel;
use sqern_store::tree::Tool;

use super::build_tools::not_installed;

/// An error of a fetch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A selected kernel cannot be fetched.
    #[error("cannot fetch {kernel}: {obstacle}")]
    NotFetchable {
        /// The kernel.
        kernel: Kernel,
        /// The reason.
        obstacle: FetchObstacle,
    },
    /// No source lists a headers package of the kernel for an architecture.
    #[error(
        "the sources list no headers package{}",
        for_machine(machine, architectures)
    )]
    NoHeadersPackage {
        /// The architecture, as printed by `uname -m`.
        machine: String,
        /// The architectures with a headers package.
        architectures: Vec<String>,
    },
    /// Nothing authenticates a package.
    #[error("package {package} is not verified: no signature authenticates source {source_name}")]
    NotVerified {
        /// The name of the package.
        package: String,
        /// The name of the source.
        source_name: String,
    },
    /// A downloaded file is another package than the one that the source lists.
    #[error("source {source_name} lists package {expected}, but its file is package {found}")]
    OtherPackage {
        /// The name, version and architecture of the listed package.
        expected: String,
        /// Those in the file.
        found: String,
        /// The name of the source.
        source_name: String,
    },
    /// The signature of a package cannot be verified.
    #[error("could not verify the signature of package {package}: {reason}")]
    PackageSignature {
        /// The name of the package.
        package: String,
        /// The reason.
        reason: String,
    },
    /// The recorded URL of a package does not belong to its source.
    #[error(
        "package {package} cannot be downloaded: {url} does not belong to source {source_name}"
    )]
    ForeignUrl {
        /// The name of the package.
        package: String,
        /// The URL without credentials.
        url: String,
        /// The name of the source.
        source_name: String,
    },
    /// No source lists a package.
    #[error("no source lists package {package}")]
    NoPackageSource {
        /// The name of the package.
        package: String,
    },
    /// The recorded URL of a package is invalid.
    #[error("invalid URL {url:?} of package {package}: {reason}")]
    InvalidPackageUrl {
        /// The name of the package.
        package: String,
        /// The URL.
        url: String,
        /// The reason.
        reason: url::ParseError,
    },
    /// apt-get did not download a package.
    #[error("could not download {package} with apt-get: {reason}")]
    AptDownload {
        /// The package, as in the arguments of apt-get.
        package: String,
        /// The reason.
        reason: String,
    },
    /// A fetch command failed, or wrote no headers.
    #[error("fetch command {reason}{}", last_lines(output))]
    Command {
        /// The reason, as the predicate of a sentence.
        reason: String,
        /// The end of the output.
        output: String,
    },
    /// make is not installed.
    #[error("cannot compile a module: make is not installed")]
    MakeMissing,
    /// No module can be compiled for the kernel, because tools are not installed. The hint is part
    /// of the event [`MissingTools`](super::FetchEvent::MissingTools).
    #[error("cannot compile a module: {}", not_installed(tools))]
    CompilerMissing {
        /// The tools.
        tools: Vec<Tool>,
    },
}

/// The reason why a kernel cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchObstacle {
    /// The kernel is archived.
    Archived,
    /// A pattern ignores the kernel.
    Ignored,
    /// No source lists the kernel.
    NotListed,
}

impl FetchError {
    pub(crate) fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotFetchable { kernel, .. } => {
                return vec![format!("sqern kver show {}", kernel.version)];
            }
            Self::NoHeadersPackage { architectures, .. } if architectures.is_empty() => {
                "sqern check  # records the packages of the sources"
            }
            Self::NoHeadersPackage { .. } => "sqern fetch --arch MACHINE",
            Self::NotVerified { .. } => {
                let check = "sqern check  # after the keyring of the source is installed";
                let allow =
                    "sqern fetch --allow-unverified  # accepts packages that nothing authenticates";
                return vec![check.to_owned(), allow.to_owned()];
            }
            Self::PackageSignature { .. } => {
                "sqern fetch --allow-unverified  # accepts a missing keyring or signature"
            }
            Self::OtherPackage { .. } => {
                "Report this to the operator of the mirror, and use another mirror of the source."
            }
            Self::ForeignUrl { .. } => "sqern check  # records the URLs of the defined sources",
            Self::AptDownload { .. } => "apt-get update",
            Self::Command { .. } => "sqern fetch --help  # describes the variables of the command",
            Self::MakeMissing => {
                let install = "apt-get install make gcc  # or: dnf install make gcc";
                let skip = "sqern fetch --no-prove  # records kernels without compiling a module";
                return vec![install.to_owned(), skip.to_owned()];
            }
            Self::NoPackageSource { .. }
            | Self::InvalidPackageUrl { .. }
            | Self::CompilerMissing { .. } => return vec![],
        };
        vec![hint.to_owned()]
    }
}

impl fmt::Display for FetchObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archived => "it is archived",
            Self::Ignored => "it is ignored",
            Self::NotListed => "no source lists it",
        })
    }
}

fn for_machine(machine: &str, architectures: &[String]) -> String {
    if architectures.is_empty() {
        String::new()
    } else {
        format!(" for {machine}, only for {}", architectures.join(", "))
    }
}

/// The number of output lines that an error contains.
const LAST_LINES: usize = 5;

/// Returns the end of a message with the last lines of the output; empty without output.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
    if last.is_empty() {
        last
    } else {
        format!("; last lines of the output:\n  {last}")
    }
}
