//! The output of `sqern cust`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::cust::{Cluster, ClusterType, Host};

use crate::printer::{Column, Record};

impl Record for Cluster {
    const SCHEMA: &'static str = "cust.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("name"),
        Column::name("type"),
        Column::number("hosts"),
        Column::number("kernels"),
        Column::time("deleted_at").headed("deleted"),
    ];
}

/// A kernel of a host, as in the CSV format of reports.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostKernel {
    /// The cluster of the host.
    pub cluster: String,
    /// The type of the cluster.
    #[serde(rename = "type")]
    pub cltype: String,
    /// The name of the host; empty for a cluster without hosts.
    pub host: String,
    /// The distribution of the host; empty for a cluster without hosts.
    pub distro: String,
    /// The kernel version; empty for a cluster without hosts.
    pub version: String,
    /// Absent in the line of a cluster without hosts.
    pub current: Option<bool>,
}

impl Record for HostKernel {
    const SCHEMA: &'static str = "cust.show/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("cluster"),
        Column::name("type").optional(),
        Column::name("host"),
        Column::name("distro"),
        Column::name("version"),
        Column::name("current"),
    ];
}

impl Record for Host {
    const SCHEMA: &'static str = "cust.hosts/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("cluster"),
        Column::name("type").optional(),
        Column::name("host"),
        Column::name("distro"),
        Column::name("running"),
        Column::text("installed"),
    ];
}

impl Record for ClusterType {
    const SCHEMA: &'static str = "cust.type.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::name("name"),
        Column::number("clusters"),
    ];
}
