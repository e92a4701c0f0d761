//! Starts runs, with claimed or named kernels.

use std::str::FromStr as _;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;
use sqern_db::run::{self as db, Candidate, Lease, NewBuild, NewRun};
use sqern_model::{Kernel, RunKind, counted};
use tokio_postgres::Transaction;

use super::{Tested, What, require_input};
use crate::cli::Context;
use crate::cli::change::ChangeArgs;
use crate::failure::{Exit, Failure};

/// The fields of a build.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct BuildFields {
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
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct TestFields {
    #[command(flatten)]
    pub(in crate::cli) tested: Tested,
    /// Cluster that runs the tests
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
}

/// The number of kernels to claim, and the lease.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ClaimArgs {
    /// Maximum number of kernels to claim from the plan
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    claim: Option<u32>,
    /// Lease duration; the claimed kernels are released when the lease expires
    #[arg(long, value_name = "DURATION", default_value = "4h", value_parser = duration)]
    lease: Duration,
}

/// Parses a duration such as `90s`, `15m` or `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = SignedDuration::from_str(text).ok().and_then(|duration| Duration::try_from(duration).ok());
    let positive = parsed.filter(|duration| *duration > Duration::ZERO);
    positive.ok_or_else(|| format!("expected a duration such as 90s, 15m or 1h30m, found {text:?}"))
}

/// The kind and fields of a run.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Fields {
    Build(BuildFields),
    Test(TestFields),
}

impl Fields {
    pub(in crate::cli) fn kind(&self) -> RunKind {
        match self {
            Self::Build(_) => RunKind::Build,
            Self::Test(_) => RunKind::Test,
        }
    }

    pub(in crate::cli) fn tested(&self) -> Tested {
        match self {
            Self::Build(_) => Tested::default(),
            Self::Test(fields) => fields.tested.clone(),
        }
    }

    /// Returns the run to record; the candidates of a test belong to one build.
    fn new_run(&self, what: &What, candidates: &[Candidate], context: &Context<'_>) -> Result<NewRun, Failure> {
        let jenkins = &context.settings.jenkins;
        match self {
            Self::Build(fields) => Ok(NewRun::Build(NewBuild {
                storpool_revision: what.revision.clone(),
                release_target: what.target.clone(),
                dockernel_profile: what.profile.clone(),
                change_id: fields.change_id.clone().or_else(|| jenkins.change_id.clone()),
                jenkins_job: fields.jenkins_job.clone().or_else(|| jenkins.job.clone()),
                official: fields.official,
            })),
            Self::Test(fields) => {
                let build = candidates.first().and_then(|first| first.build);
                let build = build.ok_or_else(|| Failure::unmet("no build has kernels to test"))?;
                let tested = &fields.tested;
                Ok(NewRun::Test { build, flavor: tested.flavor.clone(), cluster: fields.cluster.clone() })
            }
        }
    }
}

/// A started run.
#[derive(Debug, Serialize)]
struct Started {
    id: i64,
    kernels: Vec<Candidate>,
    /// The abandoned runs that were closed as ABORTED.
    closed: Vec<i64>,
}

/// A recorded run and its kernels.
pub(super) struct Taken {
    pub(super) id: i64,
    pub(super) kernels: Vec<Candidate>,
}

/// Closes abandoned runs, claims kernels and records a run. Without `claim` the kernels are those that `what` names.
///
/// Returns the run, or `None` if there are no kernels, and the ids of the closed runs.
pub(super) async fn take(
    transaction: &Transaction<'_>,
    fields: &Fields,
    what: &What,
    claim: Option<usize>,
    lease: &Lease,
    context: &Context<'_>,
) -> Result<(Option<Taken>, Vec<i64>), Failure> {
    let kind = fields.kind();
    what.require(transaction, kind, &fields.tested()).await?;
    let closed = db::sweep(transaction, kind, crate::runner::is_dead).await.map_err(|error| super::refused(error, kind))?;
    let filter = what.filter(&fields.tested());
    let kernels = match claim {
        Some(count) => db::claim(transaction, kind, &filter, count).await?,
        None => named(transaction, kind, what, &filter).await?,
    };
    if kernels.is_empty() {
        return Ok((None, closed));
    }
    let new = fields.new_run(what, &kernels, context)?;
    let list: Vec<Kernel> = kernels.iter().map(|one| one.kernel.clone()).collect();
    let id = db::start(transaction, &new, &list, lease, context.settings.now()).await?;
    Ok((Some(Taken { id, kernels }), closed))
}

/// Returns the named kernels, which may be held by another run.
///
/// # Errors
///
/// Returns an error if a kernel cannot be built or tested.
async fn named(
    transaction: &Transaction<'_>,
    kind: RunKind,
    what: &What,
    filter: &sqern_db::run::PlanFilter,
) -> Result<Vec<Candidate>, Failure> {
    if what.versions.is_empty() {
        return Err(Failure::usage("either --claim or --kernel is required"));
    }
    let filter = sqern_db::run::PlanFilter { again: true, ..filter.clone() };
    let known = db::plan(transaction, kind, &filter).await?;
    let build = known.first().and_then(|first| first.build);
    Ok(known.into_iter().filter(|one| kind == RunKind::Build || one.build == build).collect())
}

/// Records a run that another program executes, and prints its id.
pub(in crate::cli) async fn start(
    fields: &Fields,
    what: &What,
    claim: &ClaimArgs,
    args: &ChangeArgs,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let kind = fields.kind();
    let mut session = context.open().await?;
    let job = context.settings.jenkins.job.clone();
    let owner = job.unwrap_or_else(|| format!("{}, {}", crate::runner::host(), context.settings.command_line));
    let owner: String = owner.chars().filter(|c| !c.is_control()).take(200).collect();
    let lease = Lease { lasts: claim.lease, owner: owner.trim().to_owned() };
    let change = sqern_db::change::begin(&mut session.client, &args.comment(context)).await?;
    let count = claim.claim.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let (taken, closed) = take(&change.transaction, fields, what, count, &lease, context).await?;
    change.finish(args.dry_run).await?;
    tell_closed(kind, &closed, context);
    let Some(taken) = taken else {
        require_input(kind, &session.client).await?;
        context.printer.note(&super::nothing(kind, what));
        return Ok(Exit::Done);
    };
    let started = Started { id: taken.id, kernels: taken.kernels, closed };
    context.printer.one("run.start/1", &started, || started.id.to_string())?;
    let verb = if args.dry_run { "would start" } else { "started" };
    context.printer.note(&format!("{verb} {kind} {} with {}", started.id, counted(started.kernels.len(), "kernel")));
    Ok(Exit::Done)
}

/// Warns about runs that were closed because their owners abandoned them.
pub(super) fn tell_closed(kind: RunKind, closed: &[i64], context: &Context<'_>) {
    for id in closed {
        context.printer.warning(&format!("lease of {kind} {id} expired; its result is ABORTED"));
    }
}
