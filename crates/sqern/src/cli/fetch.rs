//! `sqern fetch`: fetches kernel headers into the store.

mod progress;
mod run;

use std::time::Duration;

use clap::Args;
use sqern_core::environment::VariableName;
use sqern_core::fetch::{DownloadMethod, FetchRequest};
use sqern_core::input::{parse_command, parse_duration};
use sqern_core::pipeline::{FetchMethod, FetchStep};
use sqern_core::sandbox::Mode;
use sqern_model::{DistroName, KernelName};
use url::Url;

use super::change::ChangeArgs;
use super::sandbox_args::sandbox_mode;
use super::sources::SourcesArgs;
use super::store_args::StoreArgs;

pub(super) use run::run;

/// The time limit of the command for one kernel in a pipeline, which is the default of the option.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3600);

/// Fetch kernel headers for building modules
///
/// Selects the wanted kernels that were seen and are not fetched. Kernels that customers run come
/// first. Packages are downloaded, verified against the checksums of the index, and unpacked to
/// STORE/DISTRO/VERSION. A signature must authenticate each package: that of the root metadata of its
/// source that lists it, or that of an rpm package by the keyring of its source. Packages from the
/// apt lists of this machine are downloaded with apt-get.
///
/// Before a kernel is recorded in kver_fetched, a test module is compiled in its tree. Missing
/// compilers and libraries are reported once, with the command that installs them. Without pahole,
/// the module is compiled without BTF. Without libelf, it is compiled without objtool. A kernel that
/// clang compiled requires clang. Headers without Module.symvers are reported.
///
/// The compilation runs Makefiles and programs of the packages. In a sandbox, they have no network,
/// read only the headers and the system files, and write only to a temporary directory.
///
/// Exit status: 0 if all kernels were fetched, 1 if a kernel could not be fetched, 2 for a usage
/// error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern fetch --distro debian12 --limit 3
  sqern fetch --distro debian12 --kernel \"$(uname -r)\" --store ~/kernels
  sqern fetch --dry-run                          # prints the kernels and their download sizes
  sqern fetch --command './fetch-kernel.sh \"$SQERN_DISTRO\" \"$SQERN_VERSION\" \"$SQERN_TREE\"'
  make -C STORE/debian12/6.1.0-25-amd64/build M=$PWD modules")]
pub(super) struct FetchArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "KERNEL")]
    kernels: Vec<KernelName>,
    /// Maximum number of kernels [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Also fetch kernels again whose headers package was published again under the same name
    #[arg(long)]
    republished: bool,
    #[command(flatten)]
    store: StoreArgs,
    /// Number of kernels to process in parallel [default: 2]
    #[arg(long, value_name = "N", default_value = "2", hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Architecture of the headers, as printed by uname -m [default: this machine]
    #[arg(long, value_name = "MACHINE", default_value = std::env::consts::ARCH, hide_default_value = true)]
    arch: String,
    /// Record kernels without compiling a test module
    #[arg(long)]
    no_prove: bool,
    /// Sandbox of the test module: require (bubblewrap), auto (the best available) or off
    /// [default: auto]
    #[arg(long, value_name = "MODE", value_parser = sandbox_mode())]
    sandbox: Option<Mode>,
    /// Shell command that fetches kernel $SQERN_VERSION of $SQERN_DISTRO into the directory
    /// $SQERN_TREE
    #[arg(long, value_name = "CMD", conflicts_with_all = ["mirror_base", "arch", "allow_unverified"], value_parser = parse_command)]
    command: Option<String>,
    /// Environment variable of the command (repeatable) [default: PATH, HOME, LANG, LC_*, TZ,
    /// TMPDIR, USER, LOGNAME and SHELL]
    #[arg(long = "env", value_name = "NAME", requires = "command")]
    env: Vec<VariableName>,
    /// Time limit of the command for one kernel
    #[arg(long, value_name = "DURATION", default_value = "1h", requires = "command", value_parser = parse_duration)]
    command_timeout: Duration,
    #[command(flatten)]
    sources: SourcesArgs,
    /// Mirror of all repositories: request URL/HOST/PATH instead of https://HOST/PATH
    #[arg(long, value_name = "URL")]
    mirror_base: Option<Url>,
    /// Accept packages that no signature authenticates. A package with an invalid signature is never
    /// accepted
    #[arg(long)]
    allow_unverified: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl From<&FetchStep> for FetchArgs {
    fn from(step: &FetchStep) -> Self {
        let (arch, mirror_base, allow_unverified, command) = match &step.method {
            FetchMethod::Packages {
                arch,
                mirror_base,
                allow_unverified,
            } => (arch.clone(), mirror_base.clone(), *allow_unverified, None),
            FetchMethod::Command(command) => (None, None, false, Some(command.clone())),
        };
        Self {
            distros: step.distros.clone(),
            kernels: vec![],
            limit: step.limit,
            store: StoreArgs {
                dir: step.store.clone(),
            },
            jobs: step.jobs,
            arch: arch.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            republished: false,
            no_prove: false,
            sandbox: step.sandbox,
            env: step.env.clone(),
            command,
            command_timeout: COMMAND_TIMEOUT,
            sources: SourcesArgs {
                dirs: step.sources.iter().cloned().collect(),
            },
            mirror_base,
            allow_unverified,
            change: ChangeArgs::default(),
        }
    }
}

impl FetchArgs {
    fn request(&self) -> FetchRequest {
        let method = match &self.command {
            Some(script) => {
                let time_limit = self.command_timeout;
                DownloadMethod::Command {
                    script: script.clone(),
                    time_limit,
                }
            }
            None => DownloadMethod::Packages {
                mirror_base: self.mirror_base.clone(),
                allow_unverified: self.allow_unverified,
            },
        };
        FetchRequest {
            distros: self.distros.clone(),
            kernels: self.kernels.clone(),
            max_kernels: self
                .limit
                .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            republished: self.republished,
            machine: self.arch.clone(),
            method,
        }
    }
}
