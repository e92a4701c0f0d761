//! Explanations: the stage of a kernel, and the reason why the next stage is missing.

mod reason;
mod usual;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::crawl::{self, Incomplete, LastCheck};
use sqern_db::kver::{self, KverPackage};
use sqern_db::run::{PlanFilter, RunSelection, plan};
use sqern_db::status::{self, Stage, Status, StatusFilter};
use sqern_db::why::{self as db, Evidence, RecentRun};
use sqern_db::{AsOf, DataState, fetch};
use sqern_model::{Kernel, KernelVersion, RunKind};
use tokio_postgres::Transaction;

use crate::Error;
use crate::reports::{ReportQuery, state};

pub use usual::UsualDuration;

/// Selects the kernels to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyQuery {
    /// The kernel version.
    pub version: KernelVersion,
    /// Selects the distributions, builds and available modules.
    pub query: ReportQuery,
    /// The time of an earlier state, for the checks before it; `None` for the current state.
    pub until: Option<Timestamp>,
}

/// The explanation of the kernels of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The requested version.
    pub version: KernelVersion,
    /// The kernels with this version, one per distribution; empty for an unknown version.
    pub kernels: Vec<KernelExplanation>,
    /// For an unknown version, similar kernels.
    pub nearest: Vec<Kernel>,
    /// The last checks of the distributions.
    pub last_checks: Vec<LastCheck>,
    /// The sources that the last checks could not read completely.
    pub incomplete: Vec<Incomplete>,
    /// The state that is explained.
    pub data: DataState,
}

/// The stage of one kernel, and the reason why the next stage is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KernelExplanation {
    /// The stage.
    #[serde(flatten)]
    pub status: Status,
    /// `wanted`, `ignored` or `archived`.
    pub state: &'static str,
    /// The builds, tests and other evidence of the stage.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// The packages; packages that a source lists are first.
    pub packages: Vec<KverPackage>,
    /// The reason why the next stage is missing; `None` if the kernel is available.
    #[serde(rename = "blocks")]
    pub reason: Option<String>,
    /// The hint.
    pub hint: Option<String>,
    /// The position in the plan of the next step; `None` for an earlier state.
    #[serde(rename = "place")]
    pub position: Option<PlanPosition>,
    /// The usual duration of the next step; `None` for an earlier state.
    pub usual: Option<UsualDuration>,
}

impl KernelExplanation {
    /// Returns the last build or test of the kernel, if it finished without the next stage.
    #[must_use]
    pub fn failed_run(&self) -> Option<&RecentRun> {
        let last = match self.status.stage {
            Stage::Known | Stage::Seen | Stage::Fetched => self.evidence.builds.first(),
            Stage::Built => self.evidence.tests.first(),
            Stage::Tested | Stage::Available => None,
        };
        last.filter(|run| run.result.is_some() && self.status.missing.is_some())
    }
}

/// A position in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanPosition {
    /// The plan: `fetch`, `build` or `test`.
    #[serde(rename = "to")]
    pub plan: &'static str,
    /// The rank, from 1.
    #[serde(rename = "place")]
    pub rank: usize,
    /// The number of kernels in the plan.
    #[serde(rename = "of")]
    pub kernels: usize,
}

/// Explains the kernels of a version. All queries use the snapshot of the transaction.
///
/// # Errors
///
/// Returns an error if a distribution, the revision or the target of the query does not exist. An
/// unknown version is not an error.
pub async fn explain(
    transaction: &Transaction<'_>,
    request: &WhyQuery,
    as_of: &AsOf,
) -> Result<Explanation, Error> {
    let WhyQuery {
        version,
        query,
        until,
    } = request;
    query.require(transaction, as_of).await?;
    let data = as_of.state(transaction).await?;
    let known = db::kernels(transaction, version, &query.distros, as_of).await?;
    let filter = StatusFilter {
        distros: vec![],
        kernels: Some(known.clone()),
        ..query.statuses(true)
    };
    let found = status::list(transaction, &filter, as_of).await?;
    let mut kernels = vec![];
    for status in found {
        kernels.push(explain_kernel(transaction, query, status, as_of).await?);
    }
    let is_known = !kernels.is_empty();
    let nearest = if is_known {
        vec![]
    } else {
        db::similar_kernels(transaction, version, &query.distros, as_of).await?
    };
    // The distributions of the kernels; for an unknown version the requested ones, or all.
    let distros = if is_known {
        known.into_iter().map(|kernel| kernel.distro).collect()
    } else {
        query.distros.clone()
    };
    Ok(Explanation {
        version: version.clone(),
        kernels,
        nearest,
        last_checks: crawl::last_checks(transaction, &distros, *until).await?,
        incomplete: crawl::incomplete(transaction, &distros, *until).await?,
        data,
    })
}

/// Returns the explanation of one kernel.
async fn explain_kernel(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    status: Status,
    as_of: &AsOf,
) -> Result<KernelExplanation, Error> {
    let evidence = db::evidence(transaction, &status.kernel, as_of).await?;
    let packages = kver::packages(transaction, &status.kernel, as_of).await?;
    let (reason, hint) = reason::reason(&status, &evidence, &packages).unzip();
    // The plan and the usual duration are those of the next step from now.
    let is_now = *as_of == AsOf::Now;
    let position = if status.wanted && is_now {
        position(transaction, query, &status).await?
    } else {
        None
    };
    let usual = if is_now {
        usual_duration(transaction, query, &status).await?
    } else {
        None
    };
    Ok(KernelExplanation {
        state: state(&status),
        evidence,
        packages,
        reason,
        hint,
        position,
        usual,
        status,
    })
}

/// Returns the usual duration of the next step of a wanted kernel, as in the report `lag`: of its
/// distribution, or of all distributions if no other kernel of its distribution has completed the
/// step.
async fn usual_duration(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    status: &Status,
) -> Result<Option<UsualDuration>, Error> {
    let Some(step) = usual::next_step(status).filter(|_| status.wanted) else {
        return Ok(None);
    };
    for distro in [Some(&status.kernel.distro), None] {
        let filter = StatusFilter {
            distros: distro.into_iter().cloned().collect(),
            ..query.statuses(false)
        };
        let others = status::list(transaction, &filter, &AsOf::Now).await?;
        if let Some(usual) = UsualDuration::of(step, status, distro, &others) {
            return Ok(Some(usual));
        }
    }
    Ok(None)
}

/// Returns the position of a kernel in the plan of its next step.
async fn position(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    status: &Status,
) -> Result<Option<PlanPosition>, Error> {
    let ReportQuery {
        target, revision, ..
    } = query.clone();
    let selection = RunSelection {
        target,
        revision,
        ..RunSelection::default()
    };
    let filter = PlanFilter {
        selection,
        ..PlanFilter::default()
    };
    let (plan_name, run_kind) = match status.stage {
        Stage::Seen => ("fetch", None),
        Stage::Fetched => ("build", Some(RunKind::Build)),
        Stage::Built => ("test", Some(RunKind::Test)),
        Stage::Known | Stage::Tested | Stage::Available => return Ok(None),
    };
    let kernels: Vec<Kernel> = match run_kind {
        None => fetch::candidates(transaction, &[], &[])
            .await?
            .into_iter()
            .map(|candidate| candidate.kernel)
            .collect(),
        Some(kind) => plan(transaction, kind, &filter)
            .await?
            .into_iter()
            .map(|candidate| candidate.kernel)
            .collect(),
    };
    let index = kernels.iter().position(|kernel| *kernel == status.kernel);
    Ok(index.map(|index| PlanPosition {
        plan: plan_name,
        rank: index + 1,
        kernels: kernels.len(),
    }))
}
