//! `sqern why`: explains the stage of a kernel.

use clap::Args;
use jiff::Timestamp;
use sqern_db::fetch;
use sqern_db::run::{PlanFilter, plan};
use sqern_db::status::{self, Stage, Status, StatusFilter};
use sqern_db::{AsOf, crawl, kver, snapshot, why as db};
use sqern_model::{DistroName, Kernel, KernelVersion, RunKind};
use tokio_postgres::Transaction;

use super::Context;
use super::at::AtArgs;
use super::report::OfArgs;
use crate::failure::{Exit, Failure};
use crate::reports::wanted;
use crate::reports::why::{Answer, Place, Why, blocks, describe, step, usual};

/// Show the stage of a kernel, and explain its missing step
///
/// For an unknown kernel, prints similar kernels and the times of the last checks.
///
/// Exit status: 0 if the kernel is known, 1 if it is unknown, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Lines of a kernel:
  known to available  time of each stage, with its package, build or test run
  reason              cause of the missing step, with the last lines of its log
  plan                rank of the kernel in the plan of the next step
  usual               usual time to complete the next step
  hosts               number of hosts on which the kernel is running or installed
  hint                command for the next step
  checked             time of the last check of the distribution

Examples:
  sqern why \"$(uname -r)\"
  sqern why 4.18.0-553.el8_10.x86_64 --distro alma8 --target sp-prod
  sqern why 6.1.0-25-amd64 --at 2026-05-01")]
pub(super) struct WhyArgs {
    /// Kernel version, as printed by uname -r
    #[arg(value_name = "VERSION")]
    version: KernelVersion,
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: WhyArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    let transaction = snapshot(&mut session.client).await?;
    let as_of = args.at.resolve(&transaction).await?;
    sqern_db::distro::require(&transaction, &args.distros, &as_of).await?;
    args.of.require(&transaction).await?;
    let data = as_of.state(&transaction).await?;
    let until = args.at.time(&as_of);

    let known = db::kernels(&transaction, &args.version, &args.distros, &as_of).await?;
    let found = statuses(&transaction, &args.of, Some(known.clone()), &as_of).await?;
    // The durations of other kernels are queried only if a kernel waits for a step.
    let is_at_a_step = |status: &Status| status.wanted && step(status).is_some();
    let others = if found.iter().any(is_at_a_step) { statuses(&transaction, &args.of, None, &as_of).await? } else { vec![] };
    let mut kernels = vec![];
    for status in found {
        kernels.push(one(&transaction, &args.of, status, &others, &as_of).await?);
    }
    let is_known = !kernels.is_empty();
    let nearest = if is_known { vec![] } else { db::similar_kernels(&transaction, &args.version, &args.distros, &as_of).await? };
    // The distributions of the kernels; for an unknown kernel the requested ones, or all.
    let distros = if is_known { known.into_iter().map(|kernel| kernel.distro).collect() } else { args.distros.clone() };
    let answer = Answer {
        version: args.version,
        kernels,
        nearest,
        last_checks: crawl::last_checks(&transaction, &distros, until).await?,
        incomplete: crawl::incomplete(&transaction, &distros, until).await?,
        data,
    };
    let now = data.at.unwrap_or_else(Timestamp::now);
    context.printer.one("why/1", &answer, || describe(&answer, now))?;
    context.printer.note(&data.to_string());
    super::at::warn(context, &answer.incomplete);
    Ok(if is_known { Exit::Done } else { Exit::Unmet })
}

/// How far these kernels are (all when none), for what was asked.
async fn statuses(
    transaction: &Transaction<'_>,
    of: &OfArgs,
    kernels: Option<Vec<Kernel>>,
    as_of: &AsOf,
) -> Result<Vec<Status>, Failure> {
    let with_hosts = kernels.is_some();
    let OfArgs { target, revision } = of.clone();
    let filter = StatusFilter { kernels, target, revision, with_hosts, ..StatusFilter::default() };
    Ok(status::list(transaction, &filter, as_of).await?)
}

/// Returns the explanation of one kernel.
async fn one(
    transaction: &Transaction<'_>,
    of: &OfArgs,
    status: Status,
    others: &[Status],
    as_of: &AsOf,
) -> Result<Why, Failure> {
    let kernel = &status.kernel;
    let evidence = db::evidence(transaction, kernel, as_of).await?;
    // Packages have no history.
    let packages = if *as_of == AsOf::Now { kver::packages(transaction, kernel).await? } else { vec![] };
    let (blocks, hint) = blocks(&status, &evidence, &packages);
    let place = if status.wanted && *as_of == AsOf::Now { place(transaction, of, &status).await? } else { None };
    let usual = if status.wanted { usual(&status, others) } else { None };
    Ok(Why { state: wanted(&status), evidence, packages, blocks, hint, place, usual, status })
}

/// Returns the position of a kernel in the plan of its next step.
async fn place(transaction: &Transaction<'_>, of: &OfArgs, status: &Status) -> Result<Option<Place>, Failure> {
    let OfArgs { target, revision } = of.clone();
    let filter = PlanFilter { target, revision, ..PlanFilter::default() };
    let (to, next): (_, Vec<Kernel>) = match status.stage {
        Stage::Seen => ("fetch", fetch::candidates(transaction, &[], &[]).await?.into_iter().map(|one| one.kernel).collect()),
        Stage::Fetched => {
            ("build", plan(transaction, RunKind::Build, &filter).await?.into_iter().map(|one| one.kernel).collect())
        }
        Stage::Built => ("test", plan(transaction, RunKind::Test, &filter).await?.into_iter().map(|one| one.kernel).collect()),
        Stage::Known | Stage::Tested | Stage::Available => return Ok(None),
    };
    let place = next.iter().position(|kernel| *kernel == status.kernel);
    Ok(place.map(|place| Place { to, place: place + 1, of: next.len() }))
}
