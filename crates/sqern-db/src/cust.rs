//! Clusters and hosts of customers: tables `cust_cluster_type`, `cust_cluster` and
//! `cust_host_kver`.

pub mod load;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{
    ClusterName, DistroName, HostName, Kernel, KernelName, KernelVersion, VersionRule,
};

use crate::decode::{from_row, query_optional, query_rows, query_values};
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient, Subject};

/// A cluster type and the number of its clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClusterType {
    /// The number of the type in the monitoring configuration.
    pub id: i32,
    /// The name of the type.
    pub name: String,
    /// The number of live clusters of this type.
    pub clusters: i64,
}

from_row!(ClusterType { id, name, clusters });

/// A cluster with the number of its hosts and kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cluster {
    /// The name of the cluster.
    pub name: ClusterName,
    /// The name of the cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The number of recorded hosts.
    pub hosts: i64,
    /// The number of distinct kernels that are installed on the hosts.
    pub kernels: i64,
    /// The time at which the cluster was marked as deleted; null while it is live.
    pub deleted_at: Option<Timestamp>,
}

from_row!(Cluster {
    name,
    cltype,
    hosts,
    kernels,
    deleted_at
});

/// A live host and its kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Host {
    /// The cluster that contains the host.
    pub cluster: ClusterName,
    /// The name of the cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The name of the host.
    #[serde(rename = "host")]
    pub name: HostName,
    /// The distribution of the host.
    pub distro: DistroName,
    /// The running kernel, if it is known.
    pub running: Option<KernelVersion>,
    /// The installed kernels, newest first.
    pub installed: Vec<KernelVersion>,
}

from_row!(Host {
    cluster,
    cltype,
    name,
    distro,
    running,
    installed
});

/// The selection of hosts. An empty list selects all.
#[derive(Debug, Clone, Default)]
pub struct HostFilter {
    /// The clusters that contain the hosts.
    pub clusters: Vec<ClusterName>,
    /// The distributions of the hosts.
    pub distros: Vec<DistroName>,
    /// Kernels of which at least one is installed.
    pub kernels: Vec<KernelName>,
}

/// Returns the cluster types by number.
pub async fn types(client: &impl SqlClient, as_of: &AsOf) -> Result<Vec<ClusterType>, DbError> {
    query_rows(
        client,
        &as_of.query(include_str!("../queries/cust_types.sql")),
        &[],
    )
    .await
}

/// Returns the clusters by name, with `deleted` also the deleted clusters. With `distros`, only
/// those with a live host of one of these distributions.
pub async fn list(
    client: &impl SqlClient,
    deleted: bool,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Cluster>, DbError> {
    query_rows(
        client,
        &as_of.query(include_str!("../queries/cust_list.sql")),
        &[&deleted, &distros],
    )
    .await
}

/// Returns the live cluster with this name.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] with similar names if there is none.
pub async fn get(
    client: &impl SqlClient,
    name: &ClusterName,
    as_of: &AsOf,
) -> Result<Cluster, DbError> {
    if let Some(cluster) = query_optional(
        client,
        &as_of.query(include_str!("../queries/cust_get.sql")),
        &[name],
    )
    .await?
    {
        return Ok(cluster);
    }
    let query = as_of.query("SELECT name FROM cust_cluster WHERE deleted_at = '-infinity'");
    let existing: Vec<ClusterName> = query_values(client, &query, &[]).await?;
    let near = similar_names(name.as_str(), existing.iter().map(ClusterName::as_str));
    Err(DbError::Unknown {
        subject: Subject::Cluster,
        got: name.to_string(),
        near,
    })
}

/// Returns the live hosts that match `filter` by cluster and name.
pub async fn hosts(
    client: &impl SqlClient,
    filter: &HostFilter,
    as_of: &AsOf,
) -> Result<Vec<Host>, DbError> {
    let query = as_of.query(include_str!("../queries/cust_hosts.sql"));
    let versions = KernelName::versions(&filter.kernels);
    let mut hosts: Vec<Host> = query_rows(
        client,
        &query,
        &[
            &filter.clusters,
            &KernelName::searched_distros(&filter.kernels, &filter.distros),
            &versions,
        ],
    )
    .await?;
    let has_kernel = |host: &Host| {
        let kernel = |version: &KernelVersion| Kernel {
            distro: host.distro.clone(),
            version: version.clone(),
        };
        host.installed
            .iter()
            .any(|version| KernelName::select(&filter.kernels, &filter.distros, &kernel(version)))
    };
    hosts.retain(has_kernel);
    for host in &mut hosts {
        let rule = VersionRule::of(&host.distro);
        host.installed.sort_by(|a, b| rule.cmp(b, a));
    }
    Ok(hosts)
}
