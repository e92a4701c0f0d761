//! The report `risk`: hosts whose running or newest kernel has no available module.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use sqern_db::risk::{Exposure, HostGroup, Risk, Role};
use sqern_db::status::{Missing, Status};
use sqern_model::{ClusterName, HostName, Kernel, counted};

use super::html::{Cell, HeatMap, share};
use super::wanted;
use crate::printer::{Column, Record};

/// A kernel that hosts of a cluster type are at risk by.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RiskKernel {
    #[serde(rename = "type")]
    cltype: String,
    #[serde(flatten)]
    kernel: Kernel,
    /// How many hosts: those that run it, and those that have it as their newest and run another.
    hosts: u64,
    running: u64,
    newest: u64,
    missing: Option<Missing>,
    missing_since: Option<Timestamp>,
    /// `wanted`, `ignored` or `archived`.
    state: &'static str,
}

impl Record for RiskKernel {
    const SCHEMA: &'static str = "report.risk/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("type"),
        Column::name("distro"),
        Column::name("version"),
        Column::number("hosts"),
        Column::number("running"),
        Column::number("newest"),
        Column::status("missing"),
        Column::time("missing_since").headed("since"),
        Column::name("state").omitted_if("wanted"),
    ];
}

/// A host, and a kernel that it is at risk by.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RiskHost {
    #[serde(rename = "type")]
    cltype: String,
    cluster: ClusterName,
    host: HostName,
    #[serde(flatten)]
    kernel: Kernel,
    role: Role,
    missing: Option<Missing>,
    missing_since: Option<Timestamp>,
    /// `wanted`, `ignored` or `archived`.
    state: &'static str,
}

impl Record for RiskHost {
    const SCHEMA: &'static str = "report.risk.hosts/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("type"),
        Column::name("cluster"),
        Column::name("host"),
        Column::name("distro"),
        Column::name("version"),
        Column::name("role"),
        Column::status("missing"),
        Column::time("missing_since").headed("since"),
        Column::name("state").omitted_if("wanted"),
    ];
}

/// How many hosts of a cluster type are at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskType {
    #[serde(rename = "type")]
    cltype: String,
    /// All of its hosts.
    hosts: u64,
    /// Those that are at risk by a kernel that is wanted.
    at_risk: u64,
    /// Those that are at risk by kernels alone that are ignored or archived.
    unwanted: u64,
}

/// The metadata of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// The release target; `None` for all.
    pub target: Option<String>,
    /// The revision; `None` for all.
    pub revision: Option<String>,
    /// The cluster types.
    pub types: Vec<RiskType>,
}

/// The kernels by cluster type: those that are wanted first, then by hosts, then the newest of each distro.
#[must_use]
pub fn kernels(risk: &Risk) -> Vec<RiskKernel> {
    // Running and newest, by type and kernel.
    let mut counts: BTreeMap<(i32, usize), (u64, u64)> = BTreeMap::new();
    for HostGroup { cltype, kernels, hosts } in &risk.counts {
        for (role, kernel) in kernels {
            let (running, newest) = counts.entry((*cltype, *kernel)).or_default();
            *match role {
                Role::Running => running,
                Role::Newest => newest,
            } += hosts;
        }
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    // The list of kernels is by distro, the newest first.
    rows.sort_by_key(|((cltype, kernel), (running, newest))| {
        (*cltype, !risk.kernels[*kernel].wanted, Reverse(running + newest), *kernel)
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
            state: wanted(status),
        }
    };
    rows.into_iter().map(row).collect()
}

/// The hosts by cluster type, cluster and name.
#[must_use]
pub fn hosts(risk: &Risk) -> Vec<RiskHost> {
    let row = |one: &Exposure| {
        let status = &risk.kernels[one.kernel];
        RiskHost {
            cltype: type_name(risk, one.cltype),
            cluster: one.cluster.clone(),
            host: one.host.clone(),
            kernel: status.kernel.clone(),
            role: one.role,
            missing: status.missing,
            missing_since: status.missing_since,
            state: wanted(status),
        }
    };
    risk.hosts.iter().map(row).collect()
}

/// The cluster types that have hosts.
#[must_use]
pub fn types(risk: &Risk) -> Vec<RiskType> {
    let mut types: BTreeMap<i32, RiskType> = BTreeMap::new();
    for HostGroup { cltype, kernels, hosts } in &risk.counts {
        let row = types.entry(*cltype).or_insert_with(|| RiskType {
            cltype: type_name(risk, *cltype),
            hosts: 0,
            at_risk: 0,
            unwanted: 0,
        });
        row.hosts += hosts;
        if kernels.iter().any(|(_, kernel)| risk.kernels[*kernel].wanted) {
            row.at_risk += hosts;
        } else if !kernels.is_empty() {
            row.unwanted += hosts;
        }
    }
    types.into_values().collect()
}

/// Summarizes the cluster types in one line.
#[must_use]
pub fn describe(types: &[RiskType]) -> String {
    let (hosts, at_risk, unwanted) =
        types.iter().fold((0, 0, 0), |sums, one| (sums.0 + one.hosts, sums.1 + one.at_risk, sums.2 + one.unwanted));
    let of_types: Vec<String> = types
        .iter()
        .filter(|one| one.at_risk > 0)
        .map(|one| format!("{} {} of {}", one.cltype, one.at_risk, one.hosts))
        .collect();
    let which = if of_types.is_empty() { String::new() } else { format!(": {}", of_types.join(", ")) };
    let besides = if unwanted > 0 { format!("; {unwanted} more only by ignored or archived kernels") } else { String::new() };
    format!("at risk: {at_risk} of {}{which}{besides}", counted(hosts, "host"))
}

/// The picture: how many hosts of each cluster type have a kernel that lacks what.
#[must_use]
pub fn heat_map(risk: &Risk) -> HeatMap {
    // Unwanted kernels have their own column, at the end.
    let lacks = |status: &Status| status.missing_if_wanted().map_or("not wanted", Missing::as_str);
    let mut counts: HashMap<(i32, &str), u64> = HashMap::new();
    for HostGroup { cltype, kernels, hosts } in &risk.counts {
        for (_, kernel) in kernels {
            *counts.entry((*cltype, lacks(&risk.kernels[*kernel]))).or_default() += hosts;
        }
    }
    let words = Missing::ALL.iter().map(|missing| missing.as_str()).chain(["not wanted"]);
    let columns: Vec<&str> = words.filter(|word| counts.keys().any(|(_, of)| of == word)).collect();
    let most = counts.values().copied().max().unwrap_or(1);
    let row = |(number, name): (&i32, &String)| {
        let cell = |word: &&str| {
            let count = *counts.get(&(*number, *word))?;
            Some(Cell { shade: share(count, most), text: count.to_string() })
        };
        (name.clone(), columns.iter().map(cell).collect())
    };
    HeatMap {
        title: "Hosts by missing step of the running or newest kernel".to_owned(),
        rows: risk.types.iter().filter(|(number, _)| counts.keys().any(|(of, _)| of == *number)).map(row).collect(),
        columns: columns.into_iter().map(str::to_owned).collect(),
    }
}

fn type_name(risk: &Risk, cltype: i32) -> String {
    risk.types.get(&cltype).cloned().unwrap_or_else(|| cltype.to_string())
}
