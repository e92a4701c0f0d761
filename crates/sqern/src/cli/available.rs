//! `sqern available`: the available modules.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand};
use sqern_core::pipeline::{AvailableStep, Evidence};
use sqern_db::available::{self as db, Available, Filter};
use sqern_db::run;
use sqern_model::{DistroName, Kernel, KernelName, RunKind, RunResult};
use tokio_postgres::GenericClient;

use super::Context;
use super::at::{self, AtArgs, Frame};
use super::change::{ChangeArgs, report};
use crate::failure::{Exit, Failure};
use crate::printer::Record;

// One of these options is required. clap would put all of them into one line, which it does not wrap.
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
    /// Options select the kernels. With --tested or --built, modules that were withdrawn earlier are not made available again.
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
    #[command(after_help = "Examples:\n  sqern available list --target sp-lab\n  sqern available list --at 2026-05-01 --csv")]
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
        #[command(flatten)]
        at: AtArgs,
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
    /// Select all kernels with a successful test of the revision and target
    #[arg(long, requires_all = ["revision", "target"])]
    tested: bool,
    /// Select all kernels with a successful build of the revision and target, tested or not
    #[arg(long, requires_all = ["revision", "target"])]
    built: bool,
    /// With --tested: consider only tests of this flavor [default: all]
    #[arg(long, value_name = "FLAVOR", requires = "tested", value_parser = NonEmptyStringValueParser::new())]
    flavor: Option<String>,
    /// With --tested or --built: consider only builds of this profile [default: all]
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["build", "test", "kernels"], value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// With --tested or --built: distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME", conflicts_with_all = ["build", "test", "kernels"])]
    distros: Vec<DistroName>,
    /// Select this kernel, written as [DISTRO/]VERSION (repeatable)
    #[arg(long = "kernel", value_name = "KERNEL", requires_all = ["revision", "target"])]
    kernels: Vec<KernelName>,
    /// Revision of the module source [default: revision of the build]
    #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Release target [default: release target of the build]
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
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

impl Record for Available {
    const SCHEMA: &'static str = "available.list/1";
    const COLUMNS: &'static [&'static str] = &["revision", "target", "distro", "version"];
    fn cells(&self) -> Vec<String> {
        let Self { revision, target, kernel } = self;
        vec![revision.clone(), target.clone(), kernel.distro.to_string(), kernel.version.to_string()]
    }
}

/// Modules of a revision for kernels and a target.
struct Meant {
    revision: String,
    target: String,
    kernels: Vec<Kernel>,
}

pub(super) async fn run(command: AvailableCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    let (which, adds) = match command {
        AvailableCommand::List { revision, target, distros, at } => {
            let as_of = at.resolve(&session.client).await?;
            sqern_db::distro::require(&session.client, &distros, &as_of).await?;
            db::require(&session.client, revision.as_deref(), target.as_deref()).await?;
            let filter = Filter { revision, target, distros };
            let available = db::list(&session.client, &filter, &as_of).await?;
            at::list(context, &available, &Frame::from(&as_of))?;
            return Ok(Exit::Done);
        }
        AvailableCommand::Add(which) => (which, true),
        AvailableCommand::Remove(which) => (which, false),
    };
    sqern_db::distro::require(&session.client, &which.distros, &sqern_db::AsOf::Now).await?;
    if !adds {
        db::require(&session.client, which.revision.as_deref(), which.target.as_deref()).await?;
    }
    let change = sqern_db::change::begin(&mut session.client, &which.change.comment(context)).await?;
    let Meant { revision, target, kernels } = meant(&which, &change.transaction).await?;
    let changed = if adds {
        db::add(&change.transaction, &revision, &target, &kernels).await?
    } else {
        db::remove(&change.transaction, &revision, &target, &kernels).await?
    };
    let verb = if adds { "available" } else { "no longer available" };
    let lines: Vec<String> =
        changed.iter().map(|kernel| format!("{} {}: {verb} for {target}", kernel.distro, kernel.version)).collect();
    report(context, &lines, change.finish(which.change.dry_run).await?, which.change.dry_run)
}

/// What is meant: kernels by name, or those that a run succeeded for.
async fn meant(which: &Which, client: &impl GenericClient) -> Result<Meant, Failure> {
    let (kind, id) = match (which.build, which.test) {
        (Some(id), _) => (RunKind::Build, id),
        (_, Some(id)) => (RunKind::Test, id),
        (None, None) if which.tested || which.built => return all(which, client).await,
        (None, None) => return named(which, client).await,
    };
    let run = run::get(client, kind, id).await.map_err(|error| Failure::from(error).hint(format!("sqern {kind} list")))?;
    let of_run = |given: &Option<String>, own: Option<String>, option: &str| {
        given.clone().or(own).ok_or_else(|| {
            Failure::unmet(format!("{kind} {id} has no {option}"))
                .hint(format!("Specify it with --{option} {}.", option.to_uppercase()))
        })
    };
    let kernels = run::kernels(client, kind, id, &sqern_db::AsOf::Now).await?;
    let kernels: Vec<Kernel> =
        kernels.into_iter().filter(|one| one.result == Some(RunResult::Success)).map(|one| one.kernel).collect();
    if kernels.is_empty() {
        return Err(Failure::unmet(format!("{kind} {id} contains no kernel with result SUCCESS"))
            .hint(format!("sqern {kind} kernels {id}")));
    }
    let revision = of_run(&which.revision, run.revision, "revision")?;
    Ok(Meant { revision, target: of_run(&which.target, run.target, "target")?, kernels })
}

/// All that was tested, or built.
async fn all(which: &Which, client: &impl GenericClient) -> Result<Meant, Failure> {
    let (revision, target) = (which.revision.clone().unwrap_or_default(), which.target.clone().unwrap_or_default());
    let filter = run::PlanFilter {
        revision: Some(revision.clone()),
        target: Some(target.clone()),
        profile: which.profile.clone(),
        distros: which.distros.clone(),
        flavor: which.flavor.clone(),
        ..run::PlanFilter::default()
    };
    let kind = if which.tested { RunKind::Test } else { RunKind::Build };
    Ok(Meant { kernels: db::ready(client, kind, &filter).await?, revision, target })
}

async fn named(which: &Which, client: &impl GenericClient) -> Result<Meant, Failure> {
    let mut kernels = Vec::new();
    for name in &which.kernels {
        let distros: Vec<DistroName> = name.distro.iter().cloned().collect();
        let found = sqern_db::kver::find(client, &name.version, &distros).await?;
        if let [one, other, ..] = &found[..] {
            let (one, other) = (&one.kernel.distro, &other.kernel.distro);
            return Err(Failure::unmet(format!("kernel {name} is ambiguous: it exists in {one} and {other}"))
                .hint(format!("Specify the distribution, as in --kernel {one}/{}.", name.version)));
        }
        kernels.extend(found.into_iter().map(|one| one.kernel));
    }
    let (revision, target) = (which.revision.clone().unwrap_or_default(), which.target.clone().unwrap_or_default());
    Ok(Meant { revision, target, kernels })
}
