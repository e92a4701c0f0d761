//! A run's beginning: kernels claimed, or named.

use std::str::FromStr as _;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;
use sqern_db::run::{self as db, Candidate, Lease, NewBuild, NewRun};
use sqern_model::{Kernel, RunKind};
use tokio_postgres::Transaction;

use super::{Tested, What, require_input};
use crate::cli::Context;
use crate::cli::change::ChangeArgs;
use crate::failure::{Exit, Failure};

/// The fields of a build.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct BuildFields {
    /// The change under review that it is built from [default: $GERRIT_CHANGE_ID or $CHANGE_ID, as Jenkins sets them]
    #[arg(long, value_name = "ID")]
    change_id: Option<String>,
    /// The job that runs it [default: $JOB_NAME #$BUILD_NUMBER, as Jenkins sets them]
    #[arg(long, value_name = "JOB")]
    jenkins_job: Option<String>,
    /// It is to be released
    #[arg(long)]
    official: bool,
}

/// The fields of a test run.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct TestFields {
    #[command(flatten)]
    pub(in crate::cli) tested: Tested,
    /// The cluster that the tests run on
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
}

/// What is taken, and for how long it is held.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ClaimArgs {
    /// Take up to so many kernels of the plan that nobody else is at
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    claim: Option<u32>,
    /// How long it counts as running without a word (renew): after that another may take its kernels
    #[arg(long, value_name = "DURATION", default_value = "4h", value_parser = duration)]
    lease: Duration,
}

/// A duration as people write it: `90s`, `15m`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = SignedDuration::from_str(text).ok().and_then(|duration| Duration::try_from(duration).ok());
    let positive = parsed.filter(|duration| *duration > Duration::ZERO);
    positive.ok_or_else(|| format!("expected a duration such as 90s, 15m or 1h30m, got {text:?}"))
}

/// A run that is to be started: its kind, and the fields of that.
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

    /// The run, over candidates of one build where it is a test.
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
                let build = build.ok_or_else(|| Failure::unmet("expected kernels of a build to test, got none"))?;
                let tested = &fields.tested;
                Ok(NewRun::Test { build, flavor: tested.flavor.clone(), cluster: fields.cluster.clone() })
            }
        }
    }
}

/// What was started.
#[derive(Debug, Serialize)]
struct Started {
    id: i64,
    kernels: Vec<Candidate>,
    /// Runs of dead owners that were closed as ABORTED for it.
    closed: Vec<i64>,
}

/// What was taken for a run that is recorded.
pub(super) struct Taken {
    pub(super) id: i64,
    pub(super) kernels: Vec<Candidate>,
}

/// Closes what dead owners left, takes kernels, and records a run over them; none where there is nothing to take. With no `claim` the kernels
/// are those that `what` names. Gives also the runs that were closed.
pub(super) async fn take(
    transaction: &Transaction<'_>,
    fields: &Fields,
    what: &What,
    claim: Option<usize>,
    lease: &Lease,
    context: &Context<'_>,
) -> Result<(Option<Taken>, Vec<i64>), Failure> {
    let kind = fields.kind();
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

/// The kernels that were named, each of which must be there to be built or tested, whoever is at it.
async fn named(
    transaction: &Transaction<'_>,
    kind: RunKind,
    what: &What,
    filter: &sqern_db::run::PlanFilter,
) -> Result<Vec<Candidate>, Failure> {
    if what.versions.is_empty() {
        return Err(Failure::usage("expected --claim N or --kernel VERSION, got neither: it must be clear what is taken"));
    }
    let filter = sqern_db::run::PlanFilter { again: true, ..filter.clone() };
    let known = db::plan(transaction, kind, &filter).await?;
    for version in &what.versions {
        if !known.iter().any(|one| one.kernel.version == *version) {
            let (expected, hint) = match kind {
                RunKind::Build => ("a kernel whose headers are fetched", format!("sqern fetch --kernel {version}")),
                RunKind::Test => ("a kernel that a build succeeded for", format!("sqern build plan --kernel {version}")),
            };
            return Err(Failure::unmet(format!("expected {expected}, got {version}")).hint(hint));
        }
    }
    let build = known.first().and_then(|first| first.build);
    Ok(known.into_iter().filter(|one| kind == RunKind::Build || one.build == build).collect())
}

/// Records the beginning of a run that somebody else carries out, and prints its id.
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
        context.printer.note(&format!("nothing to {}", kind.noun()));
        return Ok(Exit::Done);
    };
    let started = Started { id: taken.id, kernels: taken.kernels, closed };
    context.printer.one("run.start/1", &started, || started.id.to_string())?;
    let would = if args.dry_run { "would be " } else { "" };
    context.printer.note(&format!("{would}{kind} {} of {} kernels", started.id, started.kernels.len()));
    Ok(Exit::Done)
}

/// Says which runs were closed for their owners.
pub(super) fn tell_closed(kind: RunKind, closed: &[i64], context: &Context<'_>) {
    for id in closed {
        context.printer.warning(&format!("{kind} {id} was left by its owner, and is closed as ABORTED"));
    }
}
