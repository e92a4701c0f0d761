//! `sqern fetch`: fetches kernel headers into the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{StreamExt as _, stream};
use indicatif::ProgressBar;
use serde::Serialize;
use sqern_core::input::parse_command;
use sqern_core::pipeline::{FetchMethod, FetchStep};
use sqern_db::fetch::{self as db, FetchCandidate, Provenance};
use sqern_model::{DistroName, Kernel, KernelVersion, counted};
use sqern_store::tree::{Machine, ProveOptions, Tool};
use sqern_upstream::{Client, ClientOptions};
use url::Url;

use super::Context;
use super::change::{ChangeArgs, generation_note};
use super::interrupt::interrupted;
use super::sources::SourcesArgs;
use super::store_args::StoreArgs;
use crate::failure::{Exit, Failure};
use crate::fetch::plan::{Plan, plan, without_packages};
use crate::fetch::{Fetcher, Job, MissingTools, Outcome};
use crate::printer::{Format, Record};

/// The default time limit of the command for one kernel.
const COMMAND_TIMEOUT_SECONDS: u64 = 3600;

/// Fetch kernel headers for building modules
///
/// Selects the wanted kernels that were seen and are not fetched. Kernels that customers run come first. Packages are downloaded, verified
/// against the checksums of the index, and unpacked to STORE/DISTRO/VERSION. Packages from the apt lists of this machine are downloaded with
/// apt-get.
///
/// Before a kernel is recorded in kver_fetched, a test module is compiled in its tree. Missing compilers and libraries are reported once,
/// with the command that installs them. Without pahole, the module is compiled without BTF; without libelf, without objtool.
///
/// Exit status: 0 if all kernels were fetched, 1 if a kernel could not be fetched, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern fetch --distro debian12 --limit 3
  sqern fetch --distro debian12 --kernel \"$(uname -r)\" --store ~/kernels
  sqern fetch --dry-run                          # prints the kernels and their download sizes
  sqern fetch --command 'kernq fetch \"$SQERN_DISTRO\" \"$SQERN_VERSION\" --to \"$SQERN_TREE\"'
  make -C STORE/debian12/6.1.0-25-amd64/build M=$PWD modules")]
pub(super) struct FetchArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel version (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "VERSION")]
    kernels: Vec<KernelVersion>,
    /// Maximum number of kernels [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
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
    /// Shell command that fetches kernel $SQERN_VERSION of $SQERN_DISTRO into the directory $SQERN_TREE
    #[arg(long, value_name = "CMD", conflicts_with_all = ["mirror_base", "arch"], value_parser = parse_command)]
    command: Option<String>,
    /// Time limit of the command for one kernel, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = COMMAND_TIMEOUT_SECONDS, requires = "command", value_parser = clap::value_parser!(u64).range(1..))]
    command_timeout: u64,
    #[command(flatten)]
    sources: SourcesArgs,
    /// Mirror of all repositories: request URL/HOST/PATH instead of https://HOST/PATH
    #[arg(long, value_name = "URL")]
    mirror_base: Option<Url>,
    #[command(flatten)]
    change: ChangeArgs,
}

impl From<&FetchStep> for FetchArgs {
    fn from(step: &FetchStep) -> Self {
        let (arch, mirror_base, command) = match &step.method {
            FetchMethod::Packages { arch, mirror_base } => (arch.clone(), mirror_base.clone(), None),
            FetchMethod::Command(command) => (None, None, Some(command.clone())),
        };
        Self {
            distros: step.distros.clone(),
            kernels: vec![],
            limit: step.limit,
            store: StoreArgs { dir: step.store.clone() },
            jobs: step.jobs,
            arch: arch.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            no_prove: false,
            command,
            command_timeout: COMMAND_TIMEOUT_SECONDS,
            sources: SourcesArgs { dirs: step.sources.iter().cloned().collect() },
            mirror_base,
            change: ChangeArgs::default(),
        }
    }
}

/// The result of one kernel.
#[derive(Debug, Serialize)]
struct Fetched {
    #[serde(flatten)]
    kernel: Kernel,
    /// `fetched`, `found`, `planned`, `busy` or `failed`.
    outcome: &'static str,
    packages: usize,
    bytes: u64,
    seconds: f64,
    tree: Option<PathBuf>,
    reason: Option<String>,
    #[serde(skip)]
    hints: Vec<String>,
}

impl Record for Fetched {
    const SCHEMA: &'static str = "fetch/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "outcome", "packages", "size", "seconds"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.outcome.to_owned(),
            self.packages.to_string(),
            indicatif::HumanBytes(self.bytes).to_string(),
            format!("{:.1}", self.seconds),
        ]
    }
}

impl Fetched {
    fn failed(kernel: &Kernel, reason: &str, hints: &[String]) -> Self {
        Self::new(kernel, "failed", None, Some(reason.to_owned()), hints)
    }

    fn new(kernel: &Kernel, outcome: &'static str, tree: Option<PathBuf>, reason: Option<String>, hints: &[String]) -> Self {
        let (kernel, hints) = (kernel.clone(), hints.to_vec());
        Self { kernel, outcome, packages: 0, bytes: 0, seconds: 0.0, tree, reason, hints }
    }

    /// Adds the number and size of the planned packages.
    fn of(self, plan: &Plan) -> Self {
        Self { packages: plan.packages.len(), bytes: plan.bytes(), ..self }
    }
}

pub(super) async fn run(args: FetchArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let sources = args.sources.load(context)?;
    let mut session = context.open().await?;
    let Planned { plans, failed: mut done, skipped } = plans(&args, &session.client).await?;
    if skipped > 0 {
        context.printer.note(&format!("skipped {} without a headers package for {}", counted(skipped, "kernel"), args.arch));
    }
    if plans.is_empty() && done.is_empty() {
        if context.printer.format() == Format::Json {
            context.printer.list::<Fetched>(&[])?;
        }
        context.printer.note("nothing to fetch");
        return Ok(Exit::Done);
    }
    if args.change.dry_run {
        done.extend(plans.iter().map(|plan| Fetched::new(&plan.kernel, "planned", None, None, &[]).of(plan)));
        return report(&done, None, context);
    }
    let mut vouched: BTreeMap<DistroName, BTreeMap<String, Provenance>> = BTreeMap::new();
    for plan in &plans {
        if !vouched.contains_key(&plan.kernel.distro) {
            vouched.insert(plan.kernel.distro.clone(), db::provenance(&session.client, &plan.kernel.distro).await?);
        }
    }
    let prove = if args.no_prove { None } else { Some(machine()?) };
    let received = AtomicU64::new(0);
    let count = |bytes| {
        received.fetch_add(bytes, Ordering::Relaxed);
    };
    let bar = super::progress::counter(context.printer.is_watched(), plans.len() as u64);
    let reported = Mutex::new(BTreeSet::new());
    let missing = |missing: &MissingTools| {
        if first_report(missing, &reported) {
            bar.suspend(|| context.printer.warning_with_hint(&missing.warning(), missing.install.as_deref()));
        }
    };
    let command = args.command.clone().map(|command| (command, Duration::from_secs(args.command_timeout)));
    let fetcher = Fetcher {
        client: Client::new(ClientOptions::default())?,
        sources: &sources,
        store: args.store.open(context)?,
        mirror_base: args.mirror_base.clone(),
        prove,
        missing: &missing,
        command,
        now: context.settings.now(),
        received: &count,
    };
    done.extend(fetch_all(&fetcher, &plans, &vouched, args.jobs, &received, &bar).await);
    // If the program is interrupted from here on, the next run finds the trees.
    let kernels: Vec<Kernel> = done.iter().filter(|one| one.tree.is_some()).map(|one| one.kernel.clone()).collect();
    let change = sqern_db::change::begin(&mut session.client, &args.change.comment(context)).await?;
    db::record(&change.transaction, &kernels, context.settings.now()).await?;
    let finished = change.finish(false).await?;
    report(&done, Some(finished), context)
}

/// Returns the build tools of this machine.
///
/// # Errors
///
/// Returns an error, before any download, if no module can be compiled.
fn machine() -> Result<Machine, Failure> {
    let machine = Machine::new(&ProveOptions::default().path);
    if machine.has(&Tool::Program("make".to_owned())) {
        return Ok(machine);
    }
    Err(Failure::unmet("cannot compile a module: make is not installed")
        .hint("apt-get install make gcc  # or: dnf install make gcc")
        .hint("sqern fetch --no-prove  # records kernels without compiling a module"))
}

/// Whether one of the tools has not been reported in this run.
fn first_report(missing: &MissingTools, reported: &Mutex<BTreeSet<Tool>>) -> bool {
    let mut reported = reported.lock().unwrap_or_else(PoisonError::into_inner);
    // Every tool is recorded, so `any` must not end the loop early.
    missing.tools.iter().filter(|one| reported.insert(one.tool.clone())).count() > 0
}

/// The kernels of one run.
struct Planned {
    plans: Vec<Plan>,
    /// Kernels that were named and cannot be fetched.
    failed: Vec<Fetched>,
    /// The number of kernels without a headers package for the architecture.
    skipped: usize,
}

/// Chooses the kernels to fetch.
async fn plans(args: &FetchArgs, client: &tokio_postgres::Client) -> Result<Planned, Failure> {
    sqern_db::distro::require(client, &args.distros, &sqern_db::AsOf::Now).await?;
    let mut wanted = db::candidates(client, &args.distros, &args.kernels).await?;
    for version in &args.kernels {
        if !wanted.iter().any(|one| one.kernel.version == *version) {
            explain(client, version, &args.distros).await?;
        }
    }
    db::add_packages(client, &mut wanted).await?;
    let planned = |one: &FetchCandidate| match args.command {
        Some(_) => Ok(without_packages(one, &args.arch)),
        None => plan(one, &args.arch),
    };
    let limit = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (mut plans, mut failed, mut skipped) = (Vec::new(), Vec::new(), 0_usize);
    for one in &wanted {
        match planned(one) {
            Ok(_) if plans.len() >= limit => break,
            Ok(plan) => plans.push(plan),
            // A kernel of another architecture is an error only where it was named.
            Err(_) if args.kernels.is_empty() => skipped += 1,
            Err(reason) => failed.push(Fetched::failed(&one.kernel, &reason, &["sqern fetch --arch MACHINE".to_owned()])),
        }
    }
    Ok(Planned { plans, failed, skipped })
}

/// Returns an error for a requested version that cannot be fetched.
async fn explain(client: &tokio_postgres::Client, version: &KernelVersion, distros: &[DistroName]) -> Result<(), Failure> {
    for known in sqern_db::kver::find(client, version, distros).await? {
        let why = match (&known.fetched_at, known.seen_at, known.archived, known.ignored) {
            (Some(_), ..) => continue,
            (_, _, true, _) => "it is archived",
            (_, _, _, true) => "it is ignored",
            (_, None, ..) => "no source lists it",
            _ => continue,
        };
        return Err(Failure::unmet(format!("cannot fetch {}: {why}", known.kernel)).hint(format!("sqern kver show {version}")));
    }
    Ok(())
}

/// Fetches kernels in parallel. An interrupt stops running fetches, and no further ones start.
async fn fetch_all(
    fetcher: &Fetcher<'_>,
    plans: &[Plan],
    vouched: &BTreeMap<DistroName, BTreeMap<String, Provenance>>,
    jobs: u16,
    received: &AtomicU64,
    bar: &ProgressBar,
) -> Vec<Fetched> {
    let stopped = AtomicBool::new(false);
    let nothing = BTreeMap::new();
    let one = |plan| {
        let (stopped, nothing) = (&stopped, &nothing);
        async move {
            let plan: &Plan = plan;
            if stopped.load(Ordering::Relaxed) {
                return Fetched::failed(&plan.kernel, "interrupted before the fetch started", &[]).of(plan);
            }
            let begun = Instant::now();
            let job = Job { plan, vouched: vouched.get(&plan.kernel.distro).unwrap_or(nothing) };
            let outcome = tokio::select! {
                outcome = fetcher.fetch(&job) => outcome,
                () = interrupted() => {
                    stopped.store(true, Ordering::Relaxed);
                    Err(Failure::unmet("interrupted"))
                }
            };
            let kernel = &plan.kernel;
            let came_to = match outcome {
                Ok(Outcome::Fetched(tree)) => Fetched::new(kernel, "fetched", Some(tree), None, &[]),
                Ok(Outcome::Found(tree)) => Fetched::new(kernel, "found", Some(tree), None, &[]),
                Ok(Outcome::Busy) => {
                    Fetched::new(kernel, "busy", None, Some("another sqern fetch is fetching this kernel".into()), &[])
                }
                Err(failure) => Fetched::failed(kernel, failure.message(), failure.hints()),
            };
            bar.inc(1);
            bar.set_message(indicatif::HumanBytes(received.load(Ordering::Relaxed)).to_string());
            Fetched { seconds: begun.elapsed().as_secs_f64(), ..came_to.of(plan) }
        }
    };
    let done = stream::iter(plans).map(one).buffered(usize::from(jobs)).collect().await;
    bar.finish_and_clear();
    done
}

fn report(done: &[Fetched], finished: Option<sqern_db::change::Finished>, context: &Context<'_>) -> Result<Exit, Failure> {
    context.printer.list(done)?;
    for one in done {
        if let Some(reason) = &one.reason {
            let failure = Failure::unmet(format!("{} {}: {reason}", one.kernel, one.outcome));
            context.printer.failure(&one.hints.iter().fold(failure, Failure::hint));
        }
    }
    let total: u64 = done.iter().map(|one| one.bytes).sum();
    match finished {
        None => context.printer.note(&format!(
            "would fetch {} ({}); nothing was fetched",
            counted(done.len(), "kernel"),
            indicatif::HumanBytes(total)
        )),
        Some(finished) => context.printer.note(&generation_note(finished, false, "nothing was recorded")),
    }
    Ok(if done.iter().all(|one| one.reason.is_none()) { Exit::Done } else { Exit::Unmet })
}
