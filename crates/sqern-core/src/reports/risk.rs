//! The report `risk`: hosts whose running or newest kernel has no available module.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::risk::{self as db, Exposure, HostGroup, Risk, RiskFilter};
use sqern_db::status::{Missing, Status};
use sqern_db::{AsOf, cust};
use sqern_model::{ClusterName, HostName, Kernel, TypeWord};
use tokio_postgres::Transaction;

use super::{Matrix, ReportQuery, Trend, state, trend};
use crate::Error;
use crate::customers::KnownNames;

pub use sqern_db::risk::Role;

/// The column of the missing steps for ignored and archived kernels.
pub const NOT_WANTED: &str = "not wanted";

/// Selects the hosts of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RiskQuery {
    /// Selects kernels, builds and available modules.
    pub kernels: ReportQuery,
    /// Clusters; empty for all.
    pub clusters: Vec<ClusterName>,
    /// The names or numbers of cluster types; empty for all.
    pub types: Vec<TypeWord>,
    /// Whether the report contains the hosts.
    pub with_hosts: bool,
}

/// The hosts at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskReport {
    /// The kernels by cluster type: wanted kernels first, then by number of hosts, then the newest
    /// of each distribution.
    pub kernels: Vec<RiskKernel>,
    /// The hosts by cluster type, cluster and name; empty unless they are requested.
    pub hosts: Vec<RiskHost>,
    /// The numbers of hosts of each cluster type.
    pub types: Vec<RiskType>,
    /// The numbers of hosts by cluster type and missing step of their kernels. The last column is
    /// for unwanted kernels.
    pub missing_steps: Matrix,
}

/// A kernel that puts hosts of a cluster type at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RiskKernel {
    /// The cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The number of hosts that run the kernel or have it as their newest.
    pub hosts: u64,
    /// The number of hosts that run the kernel.
    pub running: u64,
    /// The number of hosts that run another kernel, but have this one as their newest.
    pub newest: u64,
    /// The missing step.
    pub missing: Option<Missing>,
    /// The start of the state of the missing step.
    pub missing_since: Option<Timestamp>,
    /// `wanted`, `ignored` or `archived`.
    pub state: &'static str,
}

/// A host, and a kernel that puts it at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RiskHost {
    /// The cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The cluster.
    pub cluster: ClusterName,
    /// The host.
    pub host: HostName,
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// Whether the host runs the kernel or has it as its newest.
    pub role: Role,
    /// The missing step.
    pub missing: Option<Missing>,
    /// The start of the state of the missing step.
    pub missing_since: Option<Timestamp>,
    /// `wanted`, `ignored` or `archived`.
    pub state: &'static str,
}

/// The numbers of hosts of a cluster type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RiskType {
    /// The cluster type.
    #[serde(rename = "type")]
    pub cltype: String,
    /// All hosts.
    pub hosts: u64,
    /// The hosts with a wanted kernel that has no available module.
    pub at_risk: u64,
    /// The other hosts with an ignored or archived kernel that has no available module.
    pub unwanted: u64,
}

/// Returns the hosts whose running or newest kernel has no available module.
///
/// # Errors
///
/// Returns an error if an object of the query does not exist.
pub async fn report(
    transaction: &Transaction<'_>,
    query: &RiskQuery,
    as_of: &AsOf,
) -> Result<RiskReport, Error> {
    for cluster in &query.clusters {
        cust::get(transaction, cluster, as_of).await?;
    }
    query.kernels.require(transaction, as_of).await?;
    let risk = db::risk(
        transaction,
        &filter(transaction, query, as_of).await?,
        as_of,
    )
    .await?;
    Ok(RiskReport {
        kernels: kernels(&risk),
        hosts: hosts(&risk),
        types: types_of(&risk),
        missing_steps: missing_steps(&risk),
    })
}

/// Returns the numbers of hosts at risk and of all hosts as of weekly times until `end`.
pub async fn trend(
    transaction: &Transaction<'_>,
    query: &RiskQuery,
    end: Timestamp,
) -> Result<Trend, Error> {
    let filter = RiskFilter {
        with_hosts: false,
        ..filter(transaction, query, &AsOf::Now).await?
    };
    let value = async |as_of: &AsOf| {
        let types = types_of(&db::risk(transaction, &filter, as_of).await?);
        Ok(types.iter().fold((0, 0), |(at_risk, hosts), counts| {
            (at_risk + counts.at_risk, hosts + counts.hosts)
        }))
    };
    trend::weekly(transaction, end, value).await
}

/// Returns the filter of hosts by a query.
async fn filter(
    transaction: &Transaction<'_>,
    query: &RiskQuery,
    as_of: &AsOf,
) -> Result<RiskFilter, Error> {
    let RiskQuery {
        kernels:
            ReportQuery {
                distros,
                target,
                revision,
            },
        clusters,
        types,
        with_hosts,
    } = query.clone();
    let types = type_numbers(transaction, &types, as_of).await?;
    Ok(RiskFilter {
        target,
        revision,
        distros,
        clusters,
        types,
        with_hosts,
    })
}

/// Returns the numbers of cluster types that are specified by name or number.
async fn type_numbers(
    transaction: &Transaction<'_>,
    types: &[TypeWord],
    as_of: &AsOf,
) -> Result<Vec<i32>, Error> {
    let known = KnownNames::new(&cust::types(transaction, as_of).await?, []);
    types
        .iter()
        .map(|cltype| known.type_id(cltype).map_err(Error::UnknownClusterType))
        .collect()
}

fn kernels(risk: &Risk) -> Vec<RiskKernel> {
    // The numbers of running and newest kernels, by type and kernel.
    let mut counts: BTreeMap<(i32, usize), (u64, u64)> = BTreeMap::new();
    for HostGroup {
        cltype,
        kernels,
        hosts,
    } in &risk.counts
    {
        for (role, kernel) in kernels {
            let (running, newest) = counts.entry((*cltype, *kernel)).or_default();
            *match role {
                Role::Running => running,
                Role::Newest => newest,
            } += hosts;
        }
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    // The indexes of kernels are in the order of distributions, then the newest first.
    rows.sort_by_key(|((cltype, kernel), (running, newest))| {
        (
            *cltype,
            !risk.kernels[*kernel].wanted,
            Reverse(running + newest),
            *kernel,
        )
    });
    let row = |((cltype, kernel), (running, newest))| {
        let status: &Status = &risk.kernels[kernel];
        RiskKernel {
            cltype: type_name(risk, cltype),
            kernel: status.kernel.clone(),
            hosts: running + newest,
            running,
            newest,
            missing: status.missing,
            missing_since: status.missing_since,
            state: state(status),
        }
    };
    rows.into_iter().map(row).collect()
}

fn hosts(risk: &Risk) -> Vec<RiskHost> {
    let row = |exposure: &Exposure| {
        let status = &risk.kernels[exposure.kernel];
        RiskHost {
            cltype: type_name(risk, exposure.cltype),
            cluster: exposure.cluster.clone(),
            host: exposure.host.clone(),
            kernel: status.kernel.clone(),
            role: exposure.role,
            missing: status.missing,
            missing_since: status.missing_since,
            state: state(status),
        }
    };
    risk.hosts.iter().map(row).collect()
}

/// Returns the cluster types with hosts.
fn types_of(risk: &Risk) -> Vec<RiskType> {
    let mut types: BTreeMap<i32, RiskType> = BTreeMap::new();
    for HostGroup {
        cltype,
        kernels,
        hosts,
    } in &risk.counts
    {
        let row = types.entry(*cltype).or_insert_with(|| RiskType {
            cltype: type_name(risk, *cltype),
            hosts: 0,
            at_risk: 0,
            unwanted: 0,
        });
        row.hosts += hosts;
        if kernels
            .iter()
            .any(|(_, kernel)| risk.kernels[*kernel].wanted)
        {
            row.at_risk += hosts;
        } else if !kernels.is_empty() {
            row.unwanted += hosts;
        }
    }
    types.into_values().collect()
}

/// Counts the hosts of each cluster type by missing step. A host counts once for each of its
/// kernels without an available module.
fn missing_steps(risk: &Risk) -> Matrix {
    let step = |status: &Status| {
        status
            .missing_if_wanted()
            .map_or(NOT_WANTED, Missing::as_str)
    };
    let mut counts: BTreeMap<i32, BTreeMap<&str, u64>> = BTreeMap::new();
    for HostGroup {
        cltype,
        kernels,
        hosts,
    } in &risk.counts
    {
        for (_, kernel) in kernels {
            *counts
                .entry(*cltype)
                .or_default()
                .entry(step(&risk.kernels[*kernel]))
                .or_default() += hosts;
        }
    }
    let mut columns: Vec<&str> = Missing::ALL
        .iter()
        .map(|missing| missing.as_str())
        .chain([NOT_WANTED])
        .collect();
    columns.retain(|column| counts.values().any(|counts| counts.contains_key(column)));
    let mut matrix = Matrix::new(&counts, &columns, ToString::to_string);
    for ((name, _), number) in matrix.rows.iter_mut().zip(counts.keys()) {
        *name = type_name(risk, *number);
    }
    matrix
}

fn type_name(risk: &Risk, cltype: i32) -> String {
    risk.types
        .get(&cltype)
        .cloned()
        .unwrap_or_else(|| cltype.to_string())
}
