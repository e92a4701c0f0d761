//! Which hosts run, or would run, a kernel without a module.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use sqern_model::{ClusterName, DistroName, HostName, Kernel, VersionRule};
use tokio_postgres::{GenericClient, Row, Transaction};

use crate::status::{self, Status, StatusFilter};
use crate::{AsOf, DbError, cust, text};

/// For what, and of which hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RiskFilter {
    /// What is available for this release target counts; for whichever when none.
    pub target: Option<String>,
    /// What is available of this revision counts; of whichever when none.
    pub revision: Option<String>,
    /// Kernels of these distributions; of all when empty.
    pub distros: Vec<DistroName>,
    /// Hosts of these clusters; of all when empty.
    pub clusters: Vec<ClusterName>,
    /// Hosts of clusters of these types, by their numbers; of all when empty.
    pub types: Vec<i32>,
    /// Whether to name the hosts, not only to count them.
    pub with_hosts: bool,
}

/// How a host has a kernel that it is at risk by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It runs it.
    Running,
    /// It is the newest that is installed, and the host runs another: what it may run after the next start.
    Newest,
}

/// Hosts of one type that have the same kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// The cluster type's number.
    pub cltype: i32,
    /// The kernels that they are at risk by, as places in [`Risk::kernels`]: none, one, or two where they run another than their newest.
    pub kernels: Vec<(Role, usize)>,
    /// How many hosts.
    pub hosts: u64,
}

/// A host, and a kernel of its that is not available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The cluster type's number.
    pub cltype: i32,
    /// The cluster.
    pub cluster: ClusterName,
    /// The host.
    pub host: HostName,
    /// How it has the kernel.
    pub role: Role,
    /// The kernel: its place in [`Risk::kernels`].
    pub kernel: usize,
}

/// The hosts at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The kernels that they are at risk by, each once: by distro, the newest first.
    pub kernels: Vec<Status>,
    /// All hosts, at risk or not, by what they have.
    pub counts: Vec<Alike>,
    /// The hosts at risk, where they are to be named: by cluster type, cluster and name; one that has two such kernels stands twice, what
    /// it runs first.
    pub hosts: Vec<Exposure>,
    /// The cluster types' names, by their numbers.
    pub types: BTreeMap<i32, String>,
}

/// Without these settings, the planner sorts a million rows on one core instead of hashing them, and compiling takes as long as the query.
const PLANNER_SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL work_mem = '256MB';
    SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0";

/// Each host with the numbers of its kernels: what is counted, and what is listed.
const HOSTS: &str = include_str!("../queries/risk_hosts.sql");

/// The hosts whose running kernel, or whose newest installed one, is not available.
///
/// Reads every host. Runs several queries, so the transaction must be a snapshot. Changes planner settings until its end.
pub async fn risk(transaction: &Transaction<'_>, filter: &RiskFilter, as_of: &AsOf) -> Result<Risk, DbError> {
    transaction.batch_execute(PLANNER_SETTINGS).await?;
    let numbered = numbered(transaction, filter, as_of).await?;
    let counts = format!("SELECT cltype, running, newest, count(*) FROM ({HOSTS}) AS host GROUP BY cltype, running, newest");
    let mut counts: Vec<Alike> = hosts(transaction, filter, &numbered, &counts, as_of).await?.iter().map(alike).collect();
    let mut named = vec![];
    if filter.with_hosts {
        let at_risk = format!("SELECT * FROM ({HOSTS}) AS host WHERE running & 1 = 1 OR newest & 1 = 1");
        for row in hosts(transaction, filter, &numbered, &at_risk, as_of).await? {
            named.extend(exposures(&row)?);
        }
    }
    named.sort_unstable_by(|a: &Exposure, b| {
        (a.cltype, &a.cluster, &a.host, a.role).cmp(&(b.cltype, &b.cluster, &b.host, b.role))
    });

    // From numbers to places among the kernels that hosts are at risk by.
    let wanted: BTreeSet<usize> = counts.iter().flat_map(|one| one.kernels.iter().map(|(_, kernel)| *kernel)).collect();
    let kernels = statuses(transaction, filter, wanted.iter().map(|&number| numbered[number].0.clone()).collect(), as_of).await?;
    let places: HashMap<&Kernel, usize> = kernels.iter().enumerate().map(|(place, one)| (&one.kernel, place)).collect();
    let place = |number: usize| places[&numbered[number].0];
    counts.iter_mut().flat_map(|one| &mut one.kernels).for_each(|(_, kernel)| *kernel = place(*kernel));
    for one in &mut named {
        one.kernel = place(one.kernel);
    }
    let types = cust::types(transaction, as_of).await?.into_iter().map(|one| (one.id, one.name)).collect();
    Ok(Risk { kernels, counts, hosts: named, types })
}

/// The kernels in the order of their distros, each with whether it is available. What stands for one in a query is twice its place here,
/// and one more where it is not available.
async fn numbered(client: &impl GenericClient, filter: &RiskFilter, as_of: &AsOf) -> Result<Vec<(Kernel, bool)>, DbError> {
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let query = as_of.query(include_str!("../queries/risk_kernels.sql"));
    let mut kernels = client
        .query(&query, &[&filter.target, &filter.revision, &distros])
        .await?
        .iter()
        .map(|row| {
            let kernel = Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? };
            Ok((kernel, row.get(2)))
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    kernels.sort_unstable_by(|(a, _), (b, _)| {
        a.distro.cmp(&b.distro).then_with(|| VersionRule::of(&a.distro).cmp(&a.version, &b.version))
    });
    Ok(kernels)
}

/// What a query over [`HOSTS`] gives.
async fn hosts(
    client: &impl GenericClient,
    filter: &RiskFilter,
    numbered: &[(Kernel, bool)],
    query: &str,
    as_of: &AsOf,
) -> Result<Vec<Row>, DbError> {
    let distros: Vec<&str> = numbered.iter().map(|(kernel, _)| kernel.distro.as_str()).collect();
    let versions: Vec<&str> = numbered.iter().map(|(kernel, _)| kernel.version.as_str()).collect();
    let number = |(place, (_, is_available)): (i64, &(Kernel, bool))| 2 * place + i64::from(!is_available);
    let numbers: Vec<i64> = (0..).zip(numbered).map(number).collect();
    let clusters: Vec<&str> = filter.clusters.iter().map(ClusterName::as_str).collect();
    Ok(client.query(&as_of.query(query), &[&distros, &versions, &numbers, &clusters, &filter.types]).await?)
}

fn alike(row: &Row) -> Alike {
    let hosts: i64 = row.get(3);
    Alike {
        cltype: row.get(0),
        kernels: at_risk(row.get(1), row.get(2)).collect(),
        hosts: u64::try_from(hosts).expect("a count is not negative"),
    }
}

fn exposures(row: &Row) -> Result<impl Iterator<Item = Exposure>, DbError> {
    let (cltype, cluster, host) = (row.get(0), cust::cluster(row.get(1))?, cust::host(row.get(2))?);
    let exposure = move |(role, kernel)| Exposure { cltype, cluster: cluster.clone(), host: host.clone(), role, kernel };
    Ok(at_risk(row.get(3), row.get(4)).map(exposure))
}

/// The kernels that hosts with these numbers are at risk by, as places: what they run, then their newest where that is another.
fn at_risk(running: Option<i64>, newest: Option<i64>) -> impl Iterator<Item = (Role, usize)> {
    let newest = newest.filter(|_| newest != running);
    let both = [running.map(|number| (Role::Running, number)), newest.map(|number| (Role::Newest, number))];
    let place = |number: i64| usize::try_from(number / 2).expect("a number is twice the index of a kernel");
    both.into_iter().flatten().filter(|(_, number)| number % 2 == 1).map(move |(role, number)| (role, place(number)))
}

/// What is known of these kernels.
async fn statuses(
    transaction: &Transaction<'_>,
    filter: &RiskFilter,
    kernels: Vec<Kernel>,
    as_of: &AsOf,
) -> Result<Vec<Status>, DbError> {
    let RiskFilter { target, revision, .. } = filter;
    let of =
        StatusFilter { kernels: Some(kernels), target: target.clone(), revision: revision.clone(), ..StatusFilter::default() };
    status::list(transaction, &of, as_of).await
}
