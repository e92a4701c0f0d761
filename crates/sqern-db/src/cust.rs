//! The customers' clusters and hosts: tables `cust_cluster_type`, `cust_cluster` and `cust_host_kver`.

pub mod load;

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{ClusterName, DistroName, HostName, KernelVersion, VersionRule};
use tokio_postgres::GenericClient;

use crate::{AsOf, DbError, text};

/// One row of `cust_cluster_type`, with how many clusters are of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterType {
    /// The number that the monitoring configuration uses.
    pub id: i32,
    /// What people call it.
    pub name: String,
    /// How many live clusters are of this type.
    pub clusters: i64,
}

/// One row of `cust_cluster`, with what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its type's name.
    #[serde(rename = "type")]
    pub cltype: String,
    /// How many hosts are recorded.
    pub hosts: i64,
    /// How many different kernels are installed on them.
    pub kernels: i64,
    /// When it was marked as deleted; null while it is live.
    pub deleted_at: Option<Timestamp>,
}

/// One live host and its kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its cluster.
    pub cluster: ClusterName,
    /// The cluster's type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// Its name.
    #[serde(rename = "host")]
    pub name: HostName,
    /// The distribution that it runs.
    pub distro: DistroName,
    /// The kernel that it runs, where that is known.
    pub running: Option<KernelVersion>,
    /// The kernels that are installed, newest first.
    pub installed: Vec<KernelVersion>,
}

/// Which hosts to list: of one of these where there are any.
#[derive(Debug, Clone, Default)]
pub struct HostFilter {
    /// Clusters.
    pub clusters: Vec<ClusterName>,
    /// Distributions.
    pub distros: Vec<DistroName>,
    /// Kernels, running or merely installed.
    pub kernels: Vec<KernelVersion>,
}

/// The cluster types, by number. They have no history: `as_of` is what the clusters are counted by.
pub async fn types(client: &impl GenericClient, as_of: &AsOf) -> Result<Vec<ClusterType>, DbError> {
    let rows = client.query(&as_of.query(include_str!("../queries/cust_types.sql")), &[]).await?;
    Ok(rows.iter().map(|row| ClusterType { id: row.get(0), name: row.get(1), clusters: row.get(2) }).collect())
}

/// The clusters by name, with the deleted ones on request.
pub async fn list(client: &impl GenericClient, deleted: bool, as_of: &AsOf) -> Result<Vec<Cluster>, DbError> {
    let rows = client.query(&as_of.query(include_str!("../queries/cust_list.sql")), &[&deleted]).await?;
    rows.iter()
        .map(|row| {
            Ok(Cluster {
                name: cluster(row.get(0))?,
                cltype: row.get(1),
                hosts: row.get(2),
                kernels: row.get(3),
                deleted_at: row.get(4),
            })
        })
        .collect()
}

/// The live cluster of this name; an error that names its likes when there is none.
pub async fn get(client: &impl GenericClient, name: &ClusterName, as_of: &AsOf) -> Result<Cluster, DbError> {
    let mut all = list(client, false, as_of).await?;
    match all.iter().position(|cluster| cluster.name == *name) {
        Some(place) => Ok(all.swap_remove(place)),
        None => Err(DbError::Unknown {
            what: "cluster",
            got: name.to_string(),
            near: text::nearest(name.as_str(), all.iter().map(|cluster| cluster.name.as_str())),
        }),
    }
}

/// The live hosts that `filter` lets through, by cluster and name.
pub async fn hosts(client: &impl GenericClient, filter: &HostFilter, as_of: &AsOf) -> Result<Vec<Host>, DbError> {
    let clusters: Vec<&str> = filter.clusters.iter().map(ClusterName::as_str).collect();
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let kernels: Vec<&str> = filter.kernels.iter().map(KernelVersion::as_str).collect();
    let query = as_of.query(include_str!("../queries/cust_hosts.sql"));
    let rows = client.query(&query, &[&clusters, &distros, &kernels]).await?;
    rows.iter()
        .map(|row| {
            let distro = text::distro(row.get(3))?;
            let mut installed = row.get::<_, Vec<&str>>(5).into_iter().map(text::version).collect::<Result<Vec<_>, _>>()?;
            let rule = VersionRule::of(&distro);
            installed.sort_by(|a, b| rule.cmp(b, a));
            Ok(Host {
                cluster: cluster(row.get(0))?,
                cltype: row.get(1),
                name: host(row.get(2))?,
                distro,
                running: row.get::<_, Option<&str>>(4).map(text::version).transpose()?,
                installed,
            })
        })
        .collect()
}

pub(crate) fn cluster(text: &str) -> Result<ClusterName, DbError> {
    let place = "cust_cluster.name";
    ClusterName::new(text).map_err(|_| DbError::Unexpected { expected: "a cluster name", place, got: text.to_owned() })
}

pub(crate) fn host(text: &str) -> Result<HostName, DbError> {
    let place = "cust_host_kver.host_name";
    HostName::new(text).map_err(|_| DbError::Unexpected { expected: "a host name", place, got: text.to_owned() })
}
