//! The options of builds and tests, as input of sqern-core.

use clap::Args;
use sqern_core::runs::{BuildSpec, RunSelection, RunSpec, TestSpec};
use sqern_model::{DistroName, KernelName};

use crate::cli::Context;
use crate::cli::label::label;

/// Selects the revision and the kernels.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SelectionArgs {
    /// Revision of the module source
    #[arg(long, value_name = "REVISION", value_parser = label())]
    revision: Option<String>,
    /// Release target of the build
    #[arg(long, value_name = "TARGET", value_parser = label())]
    target: Option<String>,
    /// Name of the set of build containers
    #[arg(long, value_name = "PROFILE", value_parser = label())]
    profile: Option<String>,
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "KERNEL")]
    kernels: Vec<KernelName>,
    /// Exclude kernels whose last result is FAILURE or UNSTABLE; kernels with ABORTED or NOT_BUILT
    /// remain
    #[arg(long)]
    untried: bool,
}

/// Selects the tested build and the flavor of tests.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct TestedArgs {
    /// Build to test [default: the newest successful build of each kernel]
    #[arg(long, value_name = "ID")]
    build: Option<i64>,
    /// Flavor of the tests, such as smoke
    #[arg(long, value_name = "FLAVOR", value_parser = label())]
    flavor: Option<String>,
}

/// The fields of a build.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct BuildArgs {
    /// ID of the change under review [default: $GERRIT_CHANGE_ID or $CHANGE_ID, set by Jenkins]
    #[arg(long, value_name = "ID")]
    change_id: Option<String>,
    /// Job that runs the build [default: $JOB_NAME #$BUILD_NUMBER, set by Jenkins]
    #[arg(long, value_name = "JOB")]
    jenkins_job: Option<String>,
    /// Mark the build as intended for release
    #[arg(long)]
    official: bool,
}

/// The fields of a test run.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct TestArgs {
    #[command(flatten)]
    tested: TestedArgs,
    /// Cluster that runs the tests
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

impl From<SelectionArgs> for RunSelection {
    fn from(args: SelectionArgs) -> Self {
        let SelectionArgs {
            revision,
            target,
            profile,
            distros,
            kernels,
            untried,
        } = args;
        Self {
            revision,
            target,
            profile,
            distros,
            kernels,
            untried,
        }
    }
}

impl From<TestedArgs> for RunSpec {
    fn from(args: TestedArgs) -> Self {
        Self::Test(TestSpec {
            build: args.build,
            flavor: args.flavor,
            cluster: None,
        })
    }
}

impl From<BuildArgs> for RunSpec {
    fn from(args: BuildArgs) -> Self {
        let BuildArgs {
            change_id,
            jenkins_job,
            official,
        } = args;
        Self::Build(BuildSpec {
            change_id,
            jenkins_job,
            official,
        })
    }
}

impl From<TestArgs> for RunSpec {
    fn from(args: TestArgs) -> Self {
        let TestArgs {
            tested: TestedArgs { build, flavor },
            cluster,
        } = args;
        Self::Test(TestSpec {
            build,
            flavor,
            cluster,
        })
    }
}

/// Adds the values of Jenkins to a build that does not specify them.
pub(super) fn with_jenkins_values(spec: RunSpec, context: &Context<'_>) -> RunSpec {
    let jenkins = &context.settings.jenkins;
    match spec {
        RunSpec::Build(build) => RunSpec::Build(BuildSpec {
            change_id: build.change_id.or_else(|| jenkins.change_id.clone()),
            jenkins_job: build.jenkins_job.or_else(|| jenkins.job.clone()),
            ..build
        }),
        RunSpec::Test(_) => spec,
    }
}
