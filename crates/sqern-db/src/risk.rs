//! Hosts that run a kernel without an available module, or that might run one after their next
//! restart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{ClusterName, DistroName, HostName, Kernel, newest_first};
use tokio_postgres::{GenericClient, Row, Transaction};

use crate::decode::{FromRow, column, from_row, query_rows, unexpected, unsigned};
use crate::kernel::kernel_arrays;
use crate::status::{self, Status, StatusFilter};
use crate::{AsOf, DbError, cust};

/// The selection of hosts, kernels and available modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RiskFilter {
    /// The release target of the available modules; all if none.
    pub target: Option<String>,
    /// The revision of the available modules; all if none.
    pub revision: Option<String>,
    /// The distributions of the kernels; all if empty.
    pub distros: Vec<DistroName>,
    /// The clusters of the hosts; all if empty.
    pub clusters: Vec<ClusterName>,
    /// The numbers of the cluster types of the hosts; all if empty.
    pub types: Vec<i32>,
    /// Whether to list the hosts at risk in addition to the counts.
    pub with_hosts: bool,
}

/// The role of a kernel on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The host runs the kernel.
    Running,
    /// The kernel is the newest installed one, and the host runs another one. The host might run it
    /// after the next restart.
    Newest,
}

/// The number of hosts of one cluster type with the same kernels at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGroup {
    /// The number of the cluster type.
    pub cltype: i32,
    /// The kernels without an available module as indexes of [`Risk::kernels`]: at most the running
    /// and the newest one.
    pub kernels: Vec<(Role, usize)>,
    /// The number of hosts.
    pub hosts: u64,
}

/// A host with a kernel that has no available module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The number of the cluster type.
    pub cltype: i32,
    /// The cluster that contains the host.
    pub cluster: ClusterName,
    /// The name of the host.
    pub host: HostName,
    /// The role of the kernel.
    pub role: Role,
    /// The kernel as an index of [`Risk::kernels`].
    pub kernel: usize,
}

/// The hosts at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The kernels without an available module that hosts run or might run, by distribution, newest
    /// first.
    pub kernels: Vec<Status>,
    /// The counts of all hosts, including those without risk.
    pub counts: Vec<HostGroup>,
    /// The hosts at risk by cluster type, cluster and name, if they are requested. A host with two
    /// such kernels has two entries, first the running kernel.
    pub hosts: Vec<Exposure>,
    /// The names of the cluster types by number.
    pub types: BTreeMap<i32, String>,
}

/// Without these settings, the planner sorts a million rows on one core instead of hashing them,
/// and compiling takes as long as the query.
const PLANNER_SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL work_mem = '256MB';
    SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0";

/// Returns each host with the codes of its kernels; see [`code`].
const HOSTS: &str = include_str!("../queries/risk_hosts.sql");

/// A kernel that hosts might have. Its rank is its index in the list of all such kernels.
struct RankedKernel {
    kernel: Kernel,
    is_available: bool,
}

from_row!(RankedKernel { ..kernel, is_available });

/// Returns the hosts whose running or newest kernel has no available module.
///
/// This function reads all hosts. It runs several queries, so the transaction must be a snapshot.
/// It changes planner settings until the end of the transaction.
pub async fn risk(
    transaction: &Transaction<'_>,
    filter: &RiskFilter,
    as_of: &AsOf,
) -> Result<Risk, DbError> {
    transaction.batch_execute(PLANNER_SETTINGS).await?;
    let ranked = rank_kernels(transaction, filter, as_of).await?;
    let query = format!(
        "SELECT cltype, running, newest, count(*) AS hosts FROM ({HOSTS}) AS host GROUP BY cltype, running, newest"
    );
    let mut counts: Vec<HostGroup> =
        query_hosts(transaction, filter, &ranked, &query, as_of).await?;
    let mut exposures: Vec<Exposure> = vec![];
    if filter.with_hosts {
        let query =
            format!("SELECT * FROM ({HOSTS}) AS host WHERE running & 1 = 1 OR newest & 1 = 1");
        for HostExposures(of_host) in
            query_hosts(transaction, filter, &ranked, &query, as_of).await?
        {
            exposures.extend(of_host);
        }
    }
    exposures.sort_unstable_by(|a, b| {
        (a.cltype, &a.cluster, &a.host, a.role).cmp(&(b.cltype, &b.cluster, &b.host, b.role))
    });

    // The queries return ranks among all kernels, and the result contains indexes of the kernels at
    // risk.
    let ranks: BTreeSet<usize> = counts
        .iter()
        .flat_map(|group| group.kernels.iter().map(|(_, rank)| *rank))
        .collect();
    let kernels = statuses(
        transaction,
        filter,
        ranks
            .iter()
            .map(|&rank| ranked[rank].kernel.clone())
            .collect(),
        as_of,
    )
    .await?;
    let indexes: HashMap<&Kernel, usize> = kernels
        .iter()
        .enumerate()
        .map(|(index, status)| (&status.kernel, index))
        .collect();
    let index = |rank: usize| indexes[&ranked[rank].kernel];
    counts
        .iter_mut()
        .flat_map(|group| &mut group.kernels)
        .for_each(|(_, kernel)| *kernel = index(*kernel));
    for exposure in &mut exposures {
        exposure.kernel = index(exposure.kernel);
    }
    let types = cust::types(transaction, as_of)
        .await?
        .into_iter()
        .map(|cltype| (cltype.id, cltype.name))
        .collect();
    Ok(Risk {
        kernels,
        counts,
        hosts: exposures,
        types,
    })
}

/// Returns all kernels by distribution, oldest first.
async fn rank_kernels(
    client: &impl GenericClient,
    filter: &RiskFilter,
    as_of: &AsOf,
) -> Result<Vec<RankedKernel>, DbError> {
    let query = as_of.query(include_str!("../queries/risk_kernels.sql"));
    let mut ranked: Vec<RankedKernel> = query_rows(
        client,
        &query,
        &[&filter.target, &filter.revision, &filter.distros],
    )
    .await?;
    ranked.sort_unstable_by(|a, b| {
        let (a, b) = (&a.kernel, &b.kernel);
        a.distro.cmp(&b.distro).then_with(|| newest_first(b, a))
    });
    Ok(ranked)
}

/// Returns the code of a kernel in queries: twice its rank, and 1 more if it has no available
/// module. The greater code belongs to the newer of two kernels of one distribution.
fn code((rank, kernel): (i64, &RankedKernel)) -> i64 {
    2 * rank + i64::from(!kernel.is_available)
}

/// Returns the rows of a query over [`HOSTS`].
async fn query_hosts<T: FromRow>(
    client: &impl GenericClient,
    filter: &RiskFilter,
    ranked: &[RankedKernel],
    query: &str,
    as_of: &AsOf,
) -> Result<Vec<T>, DbError> {
    let (distros, versions) = kernel_arrays(ranked.iter().map(|ranked| &ranked.kernel));
    let codes: Vec<i64> = (0..).zip(ranked).map(code).collect();
    query_rows(
        client,
        &as_of.query(query),
        &[&distros, &versions, &codes, &filter.clusters, &filter.types],
    )
    .await
}

impl FromRow for HostGroup {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            cltype: column(row, "cltype")?,
            kernels: kernels_at_risk(row)?,
            hosts: unsigned(row, "hosts")?,
        })
    }
}

/// The exposures of one host.
struct HostExposures(Vec<Exposure>);

impl FromRow for HostExposures {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let (cltype, cluster, host): (i32, ClusterName, HostName) = (
            column(row, "cltype")?,
            column(row, "cluster_name")?,
            column(row, "host_name")?,
        );
        let exposure = |(role, kernel)| Exposure {
            cltype,
            cluster: cluster.clone(),
            host: host.clone(),
            role,
            kernel,
        };
        Ok(Self(
            kernels_at_risk(row)?.into_iter().map(exposure).collect(),
        ))
    }
}

/// Returns the ranks of the kernels without an available module: the running kernel, then the
/// newest one if it is another.
fn kernels_at_risk(row: &Row) -> Result<Vec<(Role, usize)>, DbError> {
    let running: Option<i64> = column(row, "running")?;
    let newest: Option<i64> = column(row, "newest")?;
    let newest = newest.filter(|_| newest != running);
    let codes = [
        (Role::Running, "running", running),
        (Role::Newest, "newest", newest),
    ];
    let mut kernels = vec![];
    for (role, name, code) in codes {
        if let Some(code) = code.filter(|code| code % 2 == 1) {
            let rank = usize::try_from(code / 2).map_err(|_| {
                unexpected(name, format!("expected the code of a kernel, found {code}"))
            })?;
            kernels.push((role, rank));
        }
    }
    Ok(kernels)
}

/// Returns the states of these kernels.
async fn statuses(
    transaction: &Transaction<'_>,
    filter: &RiskFilter,
    kernels: Vec<Kernel>,
    as_of: &AsOf,
) -> Result<Vec<Status>, DbError> {
    let RiskFilter {
        target, revision, ..
    } = filter;
    let filter = StatusFilter {
        kernels: Some(kernels),
        target: target.clone(),
        revision: revision.clone(),
        ..StatusFilter::default()
    };
    status::list(transaction, &filter, as_of).await
}
