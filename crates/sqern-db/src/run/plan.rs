//! What is to be built, or tested, next.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelVersion, RunKind, VersionRule};
use tokio_postgres::{GenericClient, Row, Transaction};

use crate::{DbError, text};

/// For what, and which kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// Of this revision; of whichever when none.
    pub revision: Option<String>,
    /// For this release target.
    pub target: Option<String>,
    /// With this profile.
    pub profile: Option<String>,
    /// Of these distributions; of all when empty.
    pub distros: Vec<DistroName>,
    /// Of these versions; of all when empty.
    pub versions: Vec<KernelVersion>,
    /// Only those that were never tried, or whose tries were cut off by the harness.
    pub untried: bool,
    /// Also those that are built or tested, and those that somebody is at.
    pub again: bool,
    /// For tests: of this build.
    pub build: Option<i64>,
    /// For tests: of this flavor.
    pub flavor: Option<String>,
}

/// A kernel that is to be built or tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// For a test: the build whose packages are to be tested.
    pub build: Option<i64>,
    /// For a build: when its headers were fetched; for a test: when that build was started.
    pub ready_at: Timestamp,
    /// How many of customers' hosts run it.
    pub hosts_running: i64,
    /// How many have it installed.
    pub hosts_installed: i64,
    /// The newest try.
    pub last_id: Option<i64>,
    /// What that came to.
    pub last_result: Option<String>,
}

/// The kernels that are to be built or tested: those that customers run first, then those that they have, then what was not tried yet,
/// then the newest.
///
/// For builds: fetched, wanted, and without a successful build of that revision, target and profile that holds them now. For tests: of
/// the newest such build of each kernel, without a successful test of that flavor.
///
/// Changes the setting `jit` until the end of the transaction.
pub async fn plan(transaction: &Transaction<'_>, kind: RunKind, filter: &PlanFilter) -> Result<Vec<Candidate>, DbError> {
    // Compiling takes longer than running: 140 ms instead of 70 ms for 10,000 kernels and 2 million rows of builds.
    transaction.batch_execute("SET LOCAL jit = off").await?;
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let versions: Vec<&str> = filter.versions.iter().map(KernelVersion::as_str).collect();
    let PlanFilter { revision, target, profile, build, flavor, again, .. } = filter;
    let rows = match kind {
        RunKind::Build => {
            let query = include_str!("../../queries/build_plan.sql");
            transaction.query(query, &[revision, target, profile, &distros, &versions, again]).await?
        }
        RunKind::Test => {
            let query = include_str!("../../queries/test_plan.sql");
            transaction.query(query, &[revision, target, profile, &distros, &versions, build, flavor, again]).await?
        }
    };
    let mut candidates = rows.iter().map(candidate).collect::<Result<Vec<_>, _>>()?;
    candidates.retain(|one| !filter.untried || !one.has_failed());
    candidates.sort_by(|a, b| {
        let hosts = (b.hosts_running, b.hosts_installed).cmp(&(a.hosts_running, a.hosts_installed));
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        hosts
            .then_with(|| a.has_failed().cmp(&b.has_failed()))
            .then_with(|| a.kernel.distro.cmp(&b.kernel.distro))
            .then_with(newest)
    });
    Ok(candidates)
}

/// Returns whether any kernel can be built or tested: whether headers are fetched, or a build has succeeded.
pub async fn has_input(client: &impl GenericClient, kind: RunKind) -> Result<bool, DbError> {
    let query = match kind {
        RunKind::Build => "SELECT EXISTS (SELECT FROM kver_fetched)",
        RunKind::Test => {
            "SELECT EXISTS (SELECT FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id
             WHERE k.deleted_at = '-infinity' AND b.deleted_at = '-infinity' AND coalesce(k.success, b.success))"
        }
    };
    Ok(client.query_one(query, &[]).await?.get(0))
}

impl Candidate {
    /// Whether the newest try failed, and not for the harness.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.last_result.as_deref().is_some_and(|result| matches!(result, "FAILURE" | "UNSTABLE"))
    }
}

fn candidate(row: &Row) -> Result<Candidate, DbError> {
    Ok(Candidate {
        kernel: Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? },
        build: row.get(2),
        ready_at: row.get(3),
        hosts_running: row.get(4),
        hosts_installed: row.get(5),
        last_id: row.get(6),
        last_result: row.get(7),
    })
}
