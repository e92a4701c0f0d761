//! The report `risk`.

use serde::Serialize;
use sqern_core::reports::risk::{RiskHost, RiskKernel, RiskReport, RiskType};
use sqern_model::counted;

use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Column, Record};

/// The metadata of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskMetadata {
    /// The release target; `None` for all.
    pub target: Option<String>,
    /// The revision; `None` for all.
    pub revision: Option<String>,
    /// The cluster types.
    pub types: Vec<RiskType>,
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

/// Returns the page of the report.
#[must_use]
pub fn page(report: &RiskReport) -> Page {
    let title = "Hosts by missing step of the running or newest kernel";
    Page {
        title: "Hosts at risk".to_owned(),
        about: vec![summary(&report.types)],
        maps: vec![HeatMap::of(title, &report.missing_steps, |count| count.to_string())],
        tables: vec![Table::of("Kernels by cluster type", &report.kernels), Table::of("Hosts", &report.hosts)],
    }
}

/// Summarizes the cluster types in one line.
#[must_use]
pub fn summary(types: &[RiskType]) -> String {
    let (hosts, at_risk, unwanted) =
        types.iter().fold((0, 0, 0), |sums, counts| (sums.0 + counts.hosts, sums.1 + counts.at_risk, sums.2 + counts.unwanted));
    let of_types: Vec<String> = types
        .iter()
        .filter(|counts| counts.at_risk > 0)
        .map(|counts| format!("{} {} of {}", counts.cltype, counts.at_risk, counts.hosts))
        .collect();
    let which = if of_types.is_empty() { String::new() } else { format!(": {}", of_types.join(", ")) };
    let besides = if unwanted > 0 { format!("; {unwanted} more only by ignored or archived kernels") } else { String::new() };
    format!("at risk: {at_risk} of {}{which}{besides}", counted(hosts, "host"))
}
