//! The plan: kernels to build or test.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelName, RunKind, RunResult, newest_first};
use tokio_postgres::Transaction;

use crate::decode::{from_row, query_rows, query_value};
use crate::parameter::Parameters;
use crate::{DbError, SqlClient, read_model};

/// The selection of the kernels and builds of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSelection {
    /// The revision of the builds; all if none.
    pub revision: Option<String>,
    /// The release target of the builds; all if none.
    pub target: Option<String>,
    /// The profile of the builds; all if none.
    pub profile: Option<String>,
    /// The distributions of the kernels; all if empty.
    pub distros: Vec<DistroName>,
    /// The names of the kernels; all if empty.
    pub kernels: Vec<KernelName>,
    /// Whether to select only kernels without a failed run. Runs that failed because of the harness
    /// do not count.
    pub untried: bool,
}

/// The conditions for the rows of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// The selected kernels and builds.
    pub selection: RunSelection,
    /// Whether to select also kernels that are built or tested, or that are part of a run in
    /// progress.
    pub again: bool,
    /// The build to test; the newest successful build of each kernel if none.
    pub build: Option<i64>,
    /// The flavor of the tests; all if none.
    pub flavor: Option<String>,
}

/// A kernel to build or test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Candidate {
    /// The kernel to build or test.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The build to test; null in a plan of builds.
    pub build: Option<i64>,
    /// The time at which the headers were fetched, or the start time of the build to test.
    pub ready_at: Timestamp,
    /// The number of customer hosts that run the kernel.
    pub hosts_running: i64,
    /// The number of customer hosts on which the kernel is installed.
    pub hosts_installed: i64,
    /// The id of the newest run.
    pub last_id: Option<i64>,
    /// The result of the newest run for the kernel.
    pub last_result: Option<RunResult>,
}

from_row!(Candidate { ..kernel, build, ready_at, hosts_running, hosts_installed, last_id, last_result });

/// Compiling takes longer than running: 140 ms instead of 70 ms for 10,000 kernels and 2 million rows
/// of builds. With the default memory, 40,000 rows are sorted on disk.
const PLANNER_SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'";

/// Returns the kernels to build or test. The order is: number of hosts that run the kernel, number
/// of hosts on which it is installed, kernels without a failed run, newest version.
///
/// A plan of builds contains fetched and wanted kernels without a successful build of the revision,
/// target and profile, and without such a build in progress. A plan of tests contains the newest
/// successful build of each kernel if no test run of the flavor succeeded for it.
///
/// Changes planner settings until the end of the transaction.
pub async fn plan(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: &PlanFilter,
) -> Result<Vec<Candidate>, DbError> {
    first_candidates(transaction, kind, filter, None).await
}

/// Returns the first `limit` rows of [`plan`], or all rows if none. It can return more than `limit`
/// rows.
pub(super) async fn first_candidates(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: &PlanFilter,
    limit: Option<i64>,
) -> Result<Vec<Candidate>, DbError> {
    transaction.batch_execute(PLANNER_SETTINGS).await?;
    match kind {
        RunKind::Build => match read_model_candidates(transaction, filter, limit).await? {
            Some(candidates) => Ok(candidates),
            None => all_candidates(transaction, kind, filter).await,
        },
        RunKind::Test => all_candidates(transaction, kind, filter).await,
    }
}

/// Returns the first `limit` rows (all if none) of a plan of builds from the read model; none if the
/// read model is not current, or if it does not contain the plan.
async fn read_model_candidates(
    transaction: &Transaction<'_>,
    filter: &PlanFilter,
    limit: Option<i64>,
) -> Result<Option<Vec<Candidate>>, DbError> {
    let RunSelection {
        revision,
        target,
        profile,
        distros,
        kernels,
        untried,
    } = &filter.selection;
    if filter.again || !kernels.is_empty() {
        return Ok(None);
    }
    if revision.is_none() && target.is_none() && profile.is_none() {
        if !read_model::is_current(transaction, None).await? {
            return Ok(None);
        }
        let query = include_str!("../../queries/state_build_plan_any.sql");
        return Ok(Some(
            query_rows(transaction, query, &[distros, untried, &limit]).await?,
        ));
    }
    // Without a revision, the selection contains many builds, which are read faster together.
    if revision.is_none()
        || !read_model::is_current(transaction, Some(&read_model::CANDIDATE_TABLES)).await?
    {
        return Ok(None);
    }
    let query = include_str!("../../queries/state_build_plan.sql");
    let values: Parameters<'_> = &[revision, target, profile, distros, untried, &limit];
    Ok(Some(query_rows(transaction, query, values).await?))
}

/// Returns the rows of a plan from the journaled tables.
async fn all_candidates(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: &PlanFilter,
) -> Result<Vec<Candidate>, DbError> {
    let PlanFilter {
        selection,
        build,
        flavor,
        again,
    } = filter;
    let RunSelection {
        revision,
        target,
        profile,
        distros,
        kernels,
        untried,
    } = selection;
    let versions = KernelName::versions(kernels);
    let searched = KernelName::searched_distros(kernels, distros);
    let mut candidates: Vec<Candidate> = match kind {
        RunKind::Build => {
            let query = include_str!("../../queries/build_plan.sql");
            query_rows(
                transaction,
                query,
                &[revision, target, profile, &searched, &versions, again],
            )
            .await?
        }
        RunKind::Test => {
            let query = include_str!("../../queries/test_plan.sql");
            query_rows(
                transaction,
                query,
                &[
                    revision, target, profile, &searched, &versions, build, flavor, again,
                ],
            )
            .await?
        }
    };
    candidates.retain(|candidate| {
        KernelName::select(kernels, distros, &candidate.kernel)
            && !(*untried && candidate.has_failed())
    });
    candidates.sort_by(|a, b| {
        let hosts = (b.hosts_running, b.hosts_installed).cmp(&(a.hosts_running, a.hosts_installed));
        hosts
            .then_with(|| a.has_failed().cmp(&b.has_failed()))
            .then_with(|| newest_first(&a.kernel, &b.kernel))
    });
    Ok(candidates)
}

/// Returns whether any kernel can be built or tested: whether headers are fetched, or a build has
/// succeeded.
pub async fn has_input(client: &impl SqlClient, kind: RunKind) -> Result<bool, DbError> {
    let query = match kind {
        RunKind::Build => "SELECT EXISTS (SELECT FROM kver_fetched)",
        RunKind::Test => {
            "SELECT EXISTS (SELECT FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id
             WHERE k.deleted_at = '-infinity' AND b.deleted_at = '-infinity' AND coalesce(k.success, b.success))"
        }
    };
    query_value(client, query, &[]).await
}

impl Candidate {
    /// Returns whether the newest run failed for the kernel. A failure of the harness does not
    /// count.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(
            self.last_result,
            Some(RunResult::Failure | RunResult::Unstable)
        )
    }
}
