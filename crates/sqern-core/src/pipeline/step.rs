//! The steps of a pipeline.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqern_model::DistroName;
use url::Url;

use crate::available::Evidence;
use crate::environment::VariableName;
use crate::runs::{BuildSpec, ExecutionOptions, RunSelection, TestSpec};
use crate::sandbox::Mode;

/// The name of a step. The variants are in the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepName {
    /// Finds new kernels.
    Check,
    /// Fetches headers.
    Fetch,
    /// Builds modules.
    Build,
    /// Tests modules.
    Test,
    /// Marks modules as available.
    Available,
}

/// A step with its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Finds new kernels.
    Check(CheckStep),
    /// Fetches headers.
    Fetch(FetchStep),
    /// Builds modules.
    Build(BuildStep),
    /// Tests modules.
    Test(TestStep),
    /// Marks modules as available.
    Available(AvailableStep),
}

/// The input of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckStep {
    /// Distributions; empty for the supported ones.
    pub distros: Vec<DistroName>,
    /// The repositories to read.
    pub target: CrawlTarget,
}

/// The repositories that a check reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrawlTarget {
    /// The package lists of apt on this machine.
    AptLists,
    /// The configured sources.
    Sources {
        /// Directory of distribution files that override or extend the built-in ones.
        directory: Option<PathBuf>,
        /// Base URL of a mirror.
        mirror_base: Option<Url>,
    },
}

/// The input of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchStep {
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// Maximum number of kernels; `None` for all.
    pub limit: Option<u32>,
    /// Number of kernels to process in parallel.
    pub jobs: u16,
    /// The program that downloads the headers.
    pub method: FetchMethod,
    /// Environment variables of the shell command, besides those that each command receives.
    pub env: Vec<VariableName>,
    /// Isolation of the compilation of test modules; `None` for that of the settings.
    pub sandbox: Option<Mode>,
    /// Directory of fetched headers; `None` for that of the settings.
    pub store: Option<PathBuf>,
    /// Directory of distribution files that override or extend the built-in ones.
    pub sources: Option<PathBuf>,
}

impl FetchStep {
    /// The default number of parallel kernels.
    pub const DEFAULT_JOBS: u16 = 2;
}

/// The program that downloads the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchMethod {
    /// This program downloads packages.
    Packages {
        /// Architecture of the headers; `None` for that of this machine.
        arch: Option<String>,
        /// Base URL of a mirror.
        mirror_base: Option<Url>,
        /// Whether packages that nothing authenticates are accepted.
        allow_unverified: bool,
    },
    /// A shell command fills the tree.
    Command(String),
}

/// The input of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildStep {
    /// Selects the revision and the kernels.
    pub selection: RunSelection,
    /// The fields of the build.
    pub spec: BuildSpec,
    /// The command and its limits.
    pub execution: ExecutionOptions,
}

/// The input of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestStep {
    /// Selects the revision and the kernels.
    pub selection: RunSelection,
    /// The fields of the test runs.
    pub spec: TestSpec,
    /// The command and its limits.
    pub execution: ExecutionOptions,
}

/// The input of the step that marks modules as available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableStep {
    /// Revision of the module source.
    pub revision: String,
    /// Release target.
    pub target: String,
    /// Profile of the build containers; `None` for any.
    pub profile: Option<String>,
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// The stage that a module must have reached.
    pub evidence: Evidence,
}

impl StepName {
    /// All names, in the order of execution.
    pub const ALL: [Self; 5] = [
        Self::Check,
        Self::Fetch,
        Self::Build,
        Self::Test,
        Self::Available,
    ];

    /// Returns the name as in pipeline files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Fetch => "fetch",
            Self::Build => "build",
            Self::Test => "test",
            Self::Available => "available",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StepName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let name = Self::ALL.into_iter().find(|name| name.as_str() == text);
        name.ok_or_else(|| {
            format!("expected check, fetch, build, test or available, found {text:?}")
        })
    }
}

impl Step {
    /// Returns the name of the step.
    #[must_use]
    pub fn name(&self) -> StepName {
        match self {
            Self::Check(_) => StepName::Check,
            Self::Fetch(_) => StepName::Fetch,
            Self::Build(_) => StepName::Build,
            Self::Test(_) => StepName::Test,
            Self::Available(_) => StepName::Available,
        }
    }
}
