//! The report `coverage`.

use serde::Serialize;
use sqern_core::reports::coverage::{Coverage, CoverageReport};
use sqern_core::reports::{share, state};
use sqern_db::status::{Stage, Status};

use crate::output::html::{Cell, HeatMap, Page, Table};
use crate::printer::{Column, Kind, Record};

impl Record for Coverage {
    const SCHEMA: &'static str = "report.coverage/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::number("known"),
        Column::number("seen"),
        Column::number("fetched"),
        Column::number("built"),
        Column::number("tested"),
        Column::number("available"),
        Column::number("wanted"),
        Column::new("share_available", Kind::Share).headed("share"),
        Column::number("unwanted"),
    ];
}

impl Record for KernelStatus<'_> {
    const SCHEMA: &'static str = "report.coverage.kernels/2";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::status("stage"),
        Column::name("state").omitted_if("wanted"),
        Column::status("missing"),
        Column::time("missing_since").headed("since"),
        Column::number("hosts_running").headed("running"),
        Column::number("hosts_installed").headed("installed"),
    ];
}

/// A kernel and its state: wanted, ignored or archived.
#[derive(Debug, Serialize)]
pub struct KernelStatus<'a> {
    #[serde(flatten)]
    status: &'a Status,
    state: &'static str,
}

impl<'a> From<&'a Status> for KernelStatus<'a> {
    fn from(status: &'a Status) -> Self {
        Self { status, state: state(status) }
    }
}

/// Returns the rows of the kernels of a report.
#[must_use]
pub fn kernels(report: &CoverageReport) -> Vec<KernelStatus<'_>> {
    report.kernels.iter().map(KernelStatus::from).collect()
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &CoverageReport) -> Page {
    Page {
        title: "Coverage".to_owned(),
        about: vec![],
        maps: vec![heat_map(&report.distros)],
        tables: vec![Table::of("Kernels of each distribution", &report.distros), Table::of("Kernels", &kernels(report))],
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
