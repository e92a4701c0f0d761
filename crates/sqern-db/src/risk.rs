//! Hosts that run a kernel without an available module, or that might run one after their next
//! restart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{ClusterName, DistroName, HostName, Kernel, KernelVersion, newest_first};
use tokio_postgres::{Row, Transaction};

use crate::decode::{FromRow, column, from_row, query_rows, unexpected, unsigned};
use crate::kernel::kernel_arrays;
use crate::status::{self, Status, StatusFilter};
use crate::{AsOf, DbError, SqlClient, cust, read_model};

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
    /// The counts of all hosts, including those without risk, by cluster type and kernels.
    pub counts: Vec<HostGroup>,
    /// The hosts at risk by cluster type, cluster and name, if they are requested. A host with two
    /// such kernels has two entries, first the running kernel.
    pub hosts: Vec<Exposure>,
    /// The names of the cluster types by number.
    pub types: BTreeMap<i32, String>,
}

/// Compiling takes longer than the queries over the read model. With the default memory, their hash
/// tables are written to disk.
const READ_MODEL_SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'";

/// Without these settings, the planner sorts a million rows on one core instead of hashing them.
const PLANNER_SETTINGS: &str = "SET LOCAL work_mem = '256MB'; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0";

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
/// Without the read model, this function reads all hosts. It runs several queries, so the transaction
/// must be a snapshot. It changes planner settings until the end of the transaction.
pub async fn risk(
    transaction: &Transaction<'_>,
    filter: &RiskFilter,
    as_of: &AsOf,
) -> Result<Risk, DbError> {
    transaction.batch_execute(READ_MODEL_SETTINGS).await?;
    // The newest kernel of some distributions might not be the newest kernel of a host.
    let found = if filter.distros.is_empty() && read_model::is_usable(transaction, as_of).await? {
        of_read_model(transaction, filter).await?
    } else {
        transaction.batch_execute(PLANNER_SETTINGS).await?;
        of_tables(transaction, filter, as_of).await?
    };

    let distinct: BTreeSet<&Kernel> = found
        .groups
        .iter()
        .flat_map(|group| group.kernels.iter().map(|(_, kernel)| kernel))
        .collect();
    let kernels = statuses(
        transaction,
        filter,
        distinct.into_iter().cloned().collect(),
        as_of,
    )
    .await?;
    let indexes: HashMap<&Kernel, usize> = kernels
        .iter()
        .enumerate()
        .map(|(index, status)| (&status.kernel, index))
        .collect();
    let mut counts: BTreeMap<(i32, Vec<(Role, usize)>), u64> = BTreeMap::new();
    for group in &found.groups {
        let kernels = group.kernels.iter();
        let kernels = kernels.map(|(role, kernel)| (*role, indexes[kernel]));
        *counts.entry((group.cltype, kernels.collect())).or_default() += group.hosts;
    }
    let group = |((cltype, kernels), hosts)| HostGroup {
        cltype,
        kernels,
        hosts,
    };
    let mut hosts: Vec<Exposure> = Vec::new();
    for found in found.hosts {
        hosts.extend(found.kernels.iter().map(|(role, kernel)| Exposure {
            cltype: found.cltype,
            cluster: found.cluster.clone(),
            host: found.host.clone(),
            role: *role,
            kernel: indexes[kernel],
        }));
    }
    hosts.sort_unstable_by(|a, b| {
        (a.cltype, &a.cluster, &a.host, a.role).cmp(&(b.cltype, &b.cluster, &b.host, b.role))
    });
    let types = cust::types(transaction, as_of)
        .await?
        .into_iter()
        .map(|cltype| (cltype.id, cltype.name))
        .collect();
    Ok(Risk {
        counts: counts.into_iter().map(group).collect(),
        kernels,
        hosts,
        types,
    })
}

/// The hosts of a cluster type with the same kernels at risk: names, or ranks in a list of kernels.
struct FoundGroup<K> {
    cltype: i32,
    kernels: Vec<(Role, K)>,
    hosts: u64,
}

/// A host with kernels at risk: names, or ranks in a list of kernels.
struct FoundHost<K> {
    cltype: i32,
    cluster: ClusterName,
    host: HostName,
    kernels: Vec<(Role, K)>,
}

/// The result of the queries for hosts.
struct Found {
    groups: Vec<FoundGroup<Kernel>>,
    /// Empty unless the hosts are requested.
    hosts: Vec<FoundHost<Kernel>>,
}

/// A kernel that is decoded from a row with the kernels of hosts.
trait KernelAtRisk: Sized {
    /// Returns the kernels without an available module: the running kernel, then the newest one if it
    /// is another.
    fn kernels(row: &Row) -> Result<Vec<(Role, Self)>, DbError>;
}

impl<K: KernelAtRisk> FromRow for FoundGroup<K> {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            cltype: column(row, "cltype")?,
            kernels: K::kernels(row)?,
            hosts: unsigned(row, "hosts")?,
        })
    }
}

impl<K: KernelAtRisk> FromRow for FoundHost<K> {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            cltype: column(row, "cltype")?,
            cluster: column(row, "cluster_name")?,
            host: column(row, "host_name")?,
            kernels: K::kernels(row)?,
        })
    }
}

/// The columns `running_…` and `newest_…` contain names, or null without risk.
impl KernelAtRisk for Kernel {
    fn kernels(row: &Row) -> Result<Vec<(Role, Self)>, DbError> {
        let columns = [
            (Role::Running, "running_distro", "running_version"),
            (Role::Newest, "newest_distro", "newest_version"),
        ];
        let mut kernels = vec![];
        for (role, distro, version) in columns {
            let distro: Option<DistroName> = column(row, distro)?;
            let version: Option<KernelVersion> = column(row, version)?;
            if let Some((distro, version)) = distro.zip(version) {
                kernels.push((role, Self { distro, version }));
            }
        }
        Ok(kernels)
    }
}

/// The index of a kernel in the list of [`rank_kernels`]. The columns `running` and `newest` contain
/// codes; see [`code`].
struct Rank(usize);

impl KernelAtRisk for Rank {
    fn kernels(row: &Row) -> Result<Vec<(Role, Self)>, DbError> {
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
                kernels.push((role, Self(rank)));
            }
        }
        Ok(kernels)
    }
}

/// Returns the hosts at risk from the read model.
async fn of_read_model(client: &impl SqlClient, filter: &RiskFilter) -> Result<Found, DbError> {
    let RiskFilter {
        target,
        revision,
        clusters,
        types,
        ..
    } = filter;
    let query = include_str!("../queries/state_risk.sql");
    let groups: Vec<FoundGroup<Kernel>> =
        query_rows(client, query, &[target, revision, clusters, types]).await?;
    let hosts = if filter.with_hosts {
        let kernels: BTreeSet<&Kernel> = groups
            .iter()
            .flat_map(|group| group.kernels.iter().map(|(_, kernel)| kernel))
            .collect();
        let (distros, versions) = kernel_arrays(kernels);
        let query = include_str!("../queries/state_risk_hosts.sql");
        query_rows(client, query, &[&distros, &versions, clusters, types]).await?
    } else {
        vec![]
    };
    Ok(Found { groups, hosts })
}

/// Returns the hosts at risk from the journaled tables.
async fn of_tables(
    client: &impl SqlClient,
    filter: &RiskFilter,
    as_of: &AsOf,
) -> Result<Found, DbError> {
    let ranked = rank_kernels(client, filter, as_of).await?;
    let named = |kernels: Vec<(Role, Rank)>| {
        kernels
            .into_iter()
            .map(|(role, Rank(rank))| (role, ranked[rank].kernel.clone()))
            .collect()
    };
    let query = format!(
        "SELECT cltype, running, newest, count(*) AS hosts FROM ({HOSTS}) AS host GROUP BY cltype, running, newest"
    );
    let groups: Vec<FoundGroup<Rank>> = query_hosts(client, filter, &ranked, &query, as_of).await?;
    let groups = groups.into_iter().map(|group| FoundGroup {
        cltype: group.cltype,
        kernels: named(group.kernels),
        hosts: group.hosts,
    });
    let mut hosts = vec![];
    if filter.with_hosts {
        let query =
            format!("SELECT * FROM ({HOSTS}) AS host WHERE running & 1 = 1 OR newest & 1 = 1");
        let ranked_hosts: Vec<FoundHost<Rank>> =
            query_hosts(client, filter, &ranked, &query, as_of).await?;
        hosts.extend(ranked_hosts.into_iter().map(|host| FoundHost {
            cltype: host.cltype,
            cluster: host.cluster,
            host: host.host,
            kernels: named(host.kernels),
        }));
    }
    Ok(Found {
        groups: groups.collect(),
        hosts,
    })
}

/// Returns all kernels by distribution, oldest first.
async fn rank_kernels(
    client: &impl SqlClient,
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
    client: &impl SqlClient,
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
