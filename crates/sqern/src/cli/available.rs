//! `sqern available`: lists available modules, makes modules available and withdraws them.

mod run;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand};
use sqern_core::available::Evidence;
use sqern_core::pipeline::AvailableStep;
use sqern_model::{DistroName, KernelName};

use super::at::AtArgs;
use super::change::ChangeArgs;
use super::label::label;
use crate::printer::RowArgs;

pub(super) use run::run;

// One of these options is required. clap would put all of them into one line, which it does not
// wrap.
const USAGE_ADD: &str = "sqern available add [OPTIONS] --build <ID>
       sqern available add [OPTIONS] --test <ID>
       sqern available add [OPTIONS] --revision <REVISION> --target <TARGET> --tested
       sqern available add [OPTIONS] --revision <REVISION> --target <TARGET> --built
       sqern available add [OPTIONS] --revision <REVISION> --target <TARGET> --kernel <KERNEL>";
const USAGE_REMOVE: &str = "sqern available remove [OPTIONS] --build <ID>
       sqern available remove [OPTIONS] --test <ID>
       sqern available remove [OPTIONS] --revision <REVISION> --target <TARGET> --tested
       sqern available remove [OPTIONS] --revision <REVISION> --target <TARGET> --built
       sqern available remove [OPTIONS] --revision <REVISION> --target <TARGET> --kernel <KERNEL>";

#[derive(Debug, Subcommand)]
pub(super) enum AvailableCommand {
    /// Make modules available
    ///
    /// Options select the kernels. With --tested or --built, modules that were withdrawn earlier
    /// are not made available again.
    #[command(override_usage = USAGE_ADD, after_help = "Examples:
  sqern available add --test 7      # the kernels for which this test run succeeded
  sqern available add --build 12    # the kernels for which this build succeeded, tested or not
  sqern available add --revision 21.0.243 --target sp-lab --tested
  sqern available add --revision 21.0.243 --target sp-lab --kernel debian12/6.1.0-25-amd64")]
    Add(Which),
    /// Withdraw available modules
    #[command(override_usage = USAGE_REMOVE, after_help = "Example:
  sqern available remove --revision 21.0.243 --target sp-lab --kernel debian12/6.1.0-25-amd64")]
    Remove(Which),
    /// List available modules
    #[command(
        after_help = "Examples:\n  sqern available list --target sp-lab\n  sqern available list --at 2026-05-01 --csv"
    )]
    List {
        /// Consider only this revision [default: all]
        #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
        revision: Option<String>,
        /// Consider only this release target [default: all]
        #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
        target: Option<String>,
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        /// Kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
        #[arg(long = "kernel", value_name = "KERNEL")]
        kernels: Vec<KernelName>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
}

/// Selects the modules by a run or by kernels.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("of").required(true).multiple(false).args(["build", "test", "kernels", "tested", "built"]))]
pub(super) struct Which {
    /// Select the kernels for which this build succeeded
    #[arg(long, value_name = "ID")]
    build: Option<i64>,
    /// Select the kernels for which this test run succeeded
    #[arg(long, value_name = "ID")]
    test: Option<i64>,
    /// Select all kernels with a successful test of the revision and target; sqern available add
    /// omits ignored and archived kernels, and kernels whose modules were withdrawn
    #[arg(long, requires_all = ["revision", "target"])]
    tested: bool,
    /// Select all kernels with a successful build of the revision and target, tested or not, with
    /// the same exceptions as --tested
    #[arg(long, requires_all = ["revision", "target"])]
    built: bool,
    /// With --tested: consider only tests of this flavor [default: all]
    #[arg(long, value_name = "FLAVOR", requires = "tested", value_parser = label())]
    flavor: Option<String>,
    /// With --tested or --built: consider only builds of this profile [default: all]
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["build", "test", "kernels"], value_parser = label())]
    profile: Option<String>,
    /// With --tested or --built: distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME", conflicts_with_all = ["build", "test", "kernels"])]
    distros: Vec<DistroName>,
    /// Select this kernel, written as [DISTRO/]VERSION (repeatable)
    #[arg(long = "kernel", value_name = "KERNEL", requires_all = ["revision", "target"])]
    kernels: Vec<KernelName>,
    /// Revision of the module source [default: revision of the build]
    #[arg(long, value_name = "REVISION", value_parser = label())]
    revision: Option<String>,
    /// Release target [default: release target of the build]
    #[arg(long, value_name = "TARGET", value_parser = label())]
    target: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

impl From<&AvailableStep> for Which {
    fn from(step: &AvailableStep) -> Self {
        let (tested, flavor) = match &step.evidence {
            Evidence::Built => (false, None),
            Evidence::Tested { flavor } => (true, flavor.clone()),
        };
        Self {
            build: None,
            test: None,
            tested,
            built: !tested,
            flavor,
            profile: step.profile.clone(),
            distros: step.distros.clone(),
            kernels: vec![],
            revision: Some(step.revision.clone()),
            target: Some(step.target.clone()),
            change: ChangeArgs::default(),
        }
    }
}
