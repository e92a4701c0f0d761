//! The report `risk`.

use serde::Serialize;
use sqern_core::reports::risk::{RiskHost, RiskKernel, RiskReport, RiskType, Role};
use sqern_db::status::Missing;
use sqern_model::counted;

use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Record, time};

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
    const COLUMNS: &'static [&'static str] =
        &["type", "distro", "version", "hosts", "running", "newest", "missing", "since", "state"];
    fn cells(&self) -> Vec<String> {
        let counts = [self.hosts, self.running, self.newest].map(|count| count.to_string());
        let mut cells = vec![self.cltype.clone(), self.kernel.distro.to_string(), self.kernel.version.to_string()];
        cells.extend(counts);
        cells.extend([missing(self.missing), time(self.since), self.state.to_owned()]);
        cells
    }
}

impl Record for RiskHost {
    const SCHEMA: &'static str = "report.risk.hosts/1";
    const COLUMNS: &'static [&'static str] =
        &["type", "cluster", "host", "distro", "version", "role", "missing", "since", "state"];
    fn cells(&self) -> Vec<String> {
        let role = match self.role {
            Role::Running => "running",
            Role::Newest => "newest",
        };
        vec![
            self.cltype.clone(),
            self.cluster.to_string(),
            self.host.to_string(),
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            role.to_owned(),
            missing(self.missing),
            time(self.since),
            self.state.to_owned(),
        ]
    }
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

fn missing(missing: Option<Missing>) -> String {
    missing.map(|missing| missing.as_str().to_owned()).unwrap_or_default()
}
