//! Starts of runs, with claimed or named kernels.

use sqern_db::read_model;
use sqern_db::run::{self as db, Candidate, Lease, NewBuild, NewRun, PlanFilter};
use sqern_model::{Kernel, RunKind};
use tokio_postgres::{Client, Transaction};

use super::plan::{require, require_input};
use super::{KernelChoice, RunEvent, RunSelection, RunSpec, sweep};
use crate::read_model::StaleReason;
use crate::{ChangeOptions, Clock, Error, Progress};

/// A run to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRequest {
    /// The kind of the run, and its fields.
    pub spec: RunSpec,
    /// Selects the kernels.
    pub selection: RunSelection,
    /// Determines whether kernels are claimed.
    pub kernels: KernelChoice,
    /// The lease of the run.
    pub lease: Lease,
    /// The clock of the recorded time.
    pub clock: Clock,
}

/// A started run, which holds its kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// The id of the run.
    pub id: i64,
    /// The id of the build: of this one, or of the tested one.
    pub build: i64,
    /// The kernels, in the order of the plan.
    pub kernels: Vec<Candidate>,
}

/// The result of starting a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartOutcome {
    /// The started run; `None` if there are no kernels.
    pub run: Option<StartedRun>,
    /// The ids of abandoned runs of the same kind that were closed as ABORTED.
    pub abandoned: Vec<i64>,
}

/// Starts a run in its own generation. With `dry_run`, returns the same data and starts nothing.
///
/// # Errors
///
/// Returns the errors of [`claim_and_start`], and [`Error::NoInput`] if no kernel can be built or
/// tested at all.
pub async fn start(
    client: &mut Client,
    request: &StartRequest,
    options: &ChangeOptions,
    progress: &impl Progress<RunEvent>,
) -> Result<StartOutcome, Error> {
    let kind = request.spec.kind();
    if kind == RunKind::Build && request.kernels != KernelChoice::Named {
        let outcome = read_model::refresh_candidates(client).await?;
        if let Some(reason) = StaleReason::of(outcome) {
            progress.report(RunEvent::ReadModelStale(reason));
        }
    }
    let change = sqern_db::change::begin(client, &options.comment).await?;
    let outcome = claim_and_start(&change.transaction, request).await?;
    change.finish(options.dry_run).await?;
    for id in &outcome.abandoned {
        progress.report(RunEvent::AbandonedRunClosed { kind, id: *id });
    }
    if outcome.run.is_none() {
        require_input(client, kind).await?;
    }
    Ok(outcome)
}

/// Closes abandoned runs, selects kernels and starts a run, in a transaction of the caller.
///
/// # Errors
///
/// Returns an error if a selected object does not exist or a named kernel cannot be built or
/// tested.
pub async fn claim_and_start(
    transaction: &Transaction<'_>,
    request: &StartRequest,
) -> Result<StartOutcome, Error> {
    let StartRequest {
        spec, selection, ..
    } = request;
    if request.kernels == KernelChoice::Named && selection.kernels.is_empty() {
        return Err(Error::NoKernelNamed);
    }
    require(transaction, spec, selection).await?;
    let abandoned = sweep(transaction, spec.kind()).await?;
    let filter = spec.filter(selection);
    let kernels = match request.kernels {
        KernelChoice::Claim { max_kernels } => {
            db::claim(transaction, spec.kind(), &filter, max_kernels).await?
        }
        KernelChoice::Named => named(transaction, spec.kind(), filter).await?,
    };
    if kernels.is_empty() {
        return Ok(StartOutcome {
            run: None,
            abandoned,
        });
    }
    let (new_run, tested_build) = new_run(request, &kernels)?;
    let names: Vec<Kernel> = kernels
        .iter()
        .map(|candidate| candidate.kernel.clone())
        .collect();
    let now = request.clock.recorded(transaction).await?;
    let id = db::start(transaction, &new_run, &names, &request.lease, now).await?;
    Ok(StartOutcome {
        run: Some(StartedRun {
            id,
            build: tested_build.unwrap_or(id),
            kernels,
        }),
        abandoned,
    })
}

/// Returns the selected kernels, even if another run holds them.
///
/// # Errors
///
/// Returns [`Error::SeveralBuilds`] if the kernels of a test belong to different builds.
async fn named(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: PlanFilter,
) -> Result<Vec<Candidate>, Error> {
    let candidates = db::plan(
        transaction,
        kind,
        &PlanFilter {
            again: true,
            ..filter
        },
    )
    .await?;
    if candidates
        .iter()
        .all(|candidate| candidate.build == candidates[0].build)
    {
        return Ok(candidates);
    }
    let kernels = candidates
        .into_iter()
        .filter_map(|candidate| Some((candidate.kernel, candidate.build?)))
        .collect();
    Err(Error::SeveralBuilds { kernels })
}

/// Returns the run to record, and the tested build.
fn new_run(request: &StartRequest, kernels: &[Candidate]) -> Result<(NewRun, Option<i64>), Error> {
    let StartRequest {
        spec, selection, ..
    } = request;
    match spec {
        RunSpec::Build(build) => {
            let new_build = NewBuild {
                storpool_revision: selection.revision.clone(),
                release_target: selection.target.clone(),
                dockernel_profile: selection.profile.clone(),
                change_id: build.change_id.clone(),
                jenkins_job: build.jenkins_job.clone(),
                official: build.official,
            };
            Ok((NewRun::Build(new_build), None))
        }
        RunSpec::Test(test) => {
            let build = kernels
                .first()
                .and_then(|first| first.build)
                .ok_or(Error::NoTestedBuild)?;
            Ok((
                NewRun::Test {
                    build,
                    flavor: test.flavor.clone(),
                    cluster: test.cluster.clone(),
                },
                Some(build),
            ))
        }
    }
}
