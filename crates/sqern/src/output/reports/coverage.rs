//! The report `coverage`.

use sqern_core::reports::coverage::{Coverage, CoverageReport};
use sqern_core::reports::{share, state};
use sqern_db::status::{Stage, Status};

use crate::output::html::{Cell, HeatMap, Page, Table};
use crate::printer::{Record, time};

impl Record for Coverage {
    const SCHEMA: &'static str = "report.coverage/1";
    const COLUMNS: &'static [&'static str] =
        &["distro", "known", "seen", "fetched", "built", "tested", "available", "wanted", "share", "unwanted"];
    fn cells(&self) -> Vec<String> {
        let share = self.share_available.map(|share| format!("{:.0}%", share * 100.0)).unwrap_or_default();
        let mut cells = vec![self.distro.clone()];
        cells.extend(self.by_stage().map(|count| count.to_string()));
        cells.extend([self.wanted.to_string(), share, self.unwanted.to_string()]);
        cells
    }
}

impl Record for Status {
    const SCHEMA: &'static str = "report.coverage.kernels/2";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "stage", "state", "missing", "since", "running", "installed"];
    fn cells(&self) -> Vec<String> {
        let count = |hosts: Option<i64>| hosts.map(|hosts| hosts.to_string()).unwrap_or_default();
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.stage.as_str().to_owned(),
            state(self).to_owned(),
            self.missing.map(|missing| missing.as_str().to_owned()).unwrap_or_default(),
            time(self.missing_since),
            count(self.hosts_running),
            count(self.hosts_installed),
        ]
    }
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &CoverageReport) -> Page {
    Page {
        title: "Coverage".to_owned(),
        about: vec![],
        maps: vec![heat_map(&report.distros)],
        tables: vec![Table::of("Kernels of each distribution", &report.distros), Table::of("Kernels", &report.kernels)],
    }
}

/// Returns the chart: the wanted kernels of each distribution by stage, with their share in the distribution as the shade.
fn heat_map(distros: &[Coverage]) -> HeatMap {
    let row = |coverage: &Coverage| {
        let cell = |count| (count > 0).then(|| Cell { shade: share(count, coverage.wanted), text: count.to_string() });
        (coverage.distro.clone(), coverage.by_stage().map(cell).to_vec())
    };
    HeatMap {
        title: "Wanted kernels by last reached stage".to_owned(),
        columns: Stage::ALL.iter().map(|stage| stage.as_str().to_owned()).collect(),
        rows: distros.iter().map(row).collect(),
    }
}
