//! The input of builds and tests.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sqern_db::run::{PlanFilter, RunSelection};
use sqern_model::RunKind;

use crate::environment::VariableName;
use crate::sandbox::Mode;

/// The kind of a run, and its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSpec {
    /// A build.
    Build(BuildSpec),
    /// A test run.
    Test(TestSpec),
}

/// The fields of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSpec {
    /// Change under review.
    pub change_id: Option<String>,
    /// Job that runs the build.
    pub jenkins_job: Option<String>,
    /// Whether the build is official.
    pub official: bool,
}

/// The fields of a test run. A test run covers kernels of one build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestSpec {
    /// Build to test; `None` for the newest successful build of each kernel.
    pub build: Option<i64>,
    /// Flavor of the tests; `None` for any.
    pub flavor: Option<String>,
    /// Cluster that runs the tests.
    pub cluster: Option<String>,
}

/// The kernels of a new run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelChoice {
    /// The first kernels of the plan that no other run holds.
    Claim {
        /// Maximum number of kernels.
        max_kernels: usize,
    },
    /// The named kernels, even if another run holds them.
    Named,
}

impl KernelChoice {
    /// Claims all kernels of the plan.
    pub const ALL: Self = Self::Claim {
        max_kernels: usize::MAX,
    };
}

/// The reason why a kernel cannot be built or tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReadyReason {
    /// The kernel is archived.
    Archived,
    /// A pattern ignores the kernel.
    Ignored,
    /// The headers of the kernel are not fetched.
    NotFetched,
    /// The build has not succeeded for the kernel; `None` if no selected build has.
    NotBuilt {
        /// The id of the build.
        build: Option<i64>,
    },
}

impl fmt::Display for NotReadyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archived => f.write_str("the kernel is archived"),
            Self::Ignored => f.write_str("the kernel is ignored"),
            Self::NotFetched => f.write_str("headers are not fetched"),
            Self::NotBuilt { build: Some(id) } => {
                write!(f, "build {id} has not succeeded for this kernel")
            }
            Self::NotBuilt { build: None } => {
                f.write_str("no selected build has succeeded for this kernel")
            }
        }
    }
}

/// Options of a run that sqern executes. Directories that are `None` are those of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionOptions {
    /// Shell command to run for each kernel.
    pub command: String,
    /// Maximum number of kernels; `None` for all of the plan.
    pub max_kernels: Option<u32>,
    /// Number of kernels to process in parallel.
    pub jobs: u16,
    /// Time limit of the command for one kernel.
    pub time_limit: Duration,
    /// Number of failures after which the other kernels are recorded as `NOT_BUILT`.
    pub max_failures: Option<u32>,
    /// Duration of the lease.
    pub lease: Duration,
    /// Environment variables of the command, besides those that each command receives.
    pub env: Vec<VariableName>,
    /// Isolation of the command.
    pub sandbox: Mode,
    /// Paths that the command can write in a sandbox.
    pub writable: Vec<PathBuf>,
    /// Whether the command can use the network in a sandbox.
    pub network: bool,
    /// Directory of logs.
    pub logs: Option<PathBuf>,
    /// Directory of fetched headers.
    pub store: Option<PathBuf>,
}

impl ExecutionOptions {
    /// The default number of parallel kernels.
    pub const DEFAULT_JOBS: u16 = 2;
    /// The default time limit.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60 * 60);
    /// The default duration of the lease. It is short, because the executor renews the lease.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(2 * 60);

    /// Returns the default options of a command.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            max_kernels: None,
            jobs: Self::DEFAULT_JOBS,
            time_limit: Self::DEFAULT_TIME_LIMIT,
            max_failures: None,
            lease: Self::DEFAULT_LEASE,
            env: vec![],
            sandbox: Mode::Off,
            writable: vec![],
            network: false,
            logs: None,
            store: None,
        }
    }
}

impl RunSpec {
    /// Returns the kind of the run.
    #[must_use]
    pub fn kind(&self) -> RunKind {
        match self {
            Self::Build(_) => RunKind::Build,
            Self::Test(_) => RunKind::Test,
        }
    }

    /// Returns the build that is to be tested, if the specification names one.
    #[must_use]
    pub fn tested_build(&self) -> Option<i64> {
        match self {
            Self::Build(_) => None,
            Self::Test(test) => test.build,
        }
    }

    /// Returns the conditions of the plan of a selection.
    pub(super) fn filter(&self, selection: &RunSelection) -> PlanFilter {
        let flavor = match self {
            Self::Build(_) => None,
            Self::Test(test) => test.flavor.clone(),
        };
        PlanFilter {
            selection: selection.clone(),
            again: false,
            build: self.tested_build(),
            flavor,
        }
    }
}
