//! The report `coverage`.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::reports::coverage::{Coverage, CoverageReport};
use sqern_core::reports::{ReportQuery, Trend, state};
use sqern_db::status::{Missing, Stage, Status};
use sqern_model::{counted, grouped};

use super::{kernel_cells, selection};
use crate::output::html::{
    Breakdown, Category, Cell, Group, Heading, Page, Row, Scale, Table, Tile, Tone, TrendChart,
    Value, anchor, percent,
};
use crate::printer::{Column, Kind, Record};

impl Record for Coverage {
    const SCHEMA: &'static str = "report.coverage/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::number("known").optional(),
        Column::number("seen"),
        Column::number("fetched"),
        Column::number("built"),
        Column::number("tested"),
        Column::number("available"),
        Column::number("wanted"),
        Column::new("share_available", Kind::Share).headed("share"),
        Column::number("unwanted").optional(),
    ];
}

impl Record for KernelStatus<'_> {
    const SCHEMA: &'static str = "report.coverage.kernels/2";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::name("stage"),
        Column::name("state").omitted_if("wanted"),
        Column::status("missing"),
        Column::time("missing_since").headed("since").optional(),
        Column::number("hosts_running").headed("running"),
        Column::number("hosts_installed")
            .headed("installed")
            .optional(),
    ];
}

/// A kernel and its state: wanted, ignored or archived.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KernelStatus<'a> {
    #[serde(flatten)]
    status: &'a Status,
    /// `wanted`, `ignored` or `archived`.
    state: &'static str,
}

impl<'a> From<&'a Status> for KernelStatus<'a> {
    fn from(status: &'a Status) -> Self {
        Self {
            status,
            state: state(status),
        }
    }
}

/// Returns the rows of the kernels of a report.
#[must_use]
pub fn kernels(report: &CoverageReport) -> Vec<KernelStatus<'_>> {
    report.kernels.iter().map(KernelStatus::from).collect()
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &CoverageReport, query: &ReportQuery, trend: Trend) -> Page {
    let breakdown = breakdown(report);
    Page {
        title: "Coverage",
        about: "Counts each kernel once, at the furthest stage that it has reached on the way to an available module.",
        selection: selection(query),
        tiles: tiles(report),
        trend: TrendChart::shares("Share of wanted kernels with an available module", trend),
        tables: vec![kernel_table(report, &breakdown)],
        breakdown,
    }
}

/// Whether the newest build or test run of a wanted kernel failed.
fn is_failed(status: &Status) -> bool {
    matches!(
        status.missing_if_wanted(),
        Some(Missing::BuildFailed | Missing::TestFailed | Missing::HarnessFailed)
    )
}

fn tiles(report: &CoverageReport) -> [Tile; 3] {
    let sum = |count: fn(&Coverage) -> u64| report.distros.iter().map(count).sum::<u64>();
    let (wanted, available, unwanted) = (
        sum(|row| row.wanted),
        sum(|row| row.available),
        sum(|row| row.unwanted),
    );
    let (known, seen) = (sum(|row| row.known), sum(|row| row.seen));
    let failed = report
        .kernels
        .iter()
        .map(|status| u64::from(is_failed(status)))
        .sum::<u64>();
    let open = known + seen + failed;
    [
        Tile {
            label: "Kernels with an available module",
            value: if wanted == 0 {
                "–".to_owned()
            } else {
                percent(available, wanted)
            },
            detail: format!(
                "{} of {} wanted kernels",
                grouped(available),
                grouped(wanted)
            ),
            tone: match available {
                _ if wanted == 0 => Tone::Plain,
                0 => Tone::Bad,
                available if available == wanted => Tone::Good,
                _ => Tone::Wait,
            },
        },
        Tile {
            label: "Wanted kernels",
            value: grouped(wanted),
            detail: format!(
                "in {}; {} ignored or archived",
                counted(report.distros.len(), "distribution"),
                grouped(unwanted)
            ),
            tone: Tone::Plain,
        },
        Tile {
            label: "Not fetched or failed",
            value: grouped(open),
            detail: format!(
                "{} not seen, {} not fetched, {} failed",
                grouped(known),
                grouped(seen),
                grouped(failed)
            ),
            tone: if open > 0 { Tone::Bad } else { Tone::Good },
        },
    ]
}

/// Returns the wanted kernels by distribution and stage, from the last stage to the first.
fn breakdown(report: &CoverageReport) -> Breakdown {
    // The failed kernels by distribution and stage.
    let mut failures: HashMap<(&str, Stage), u64> = HashMap::new();
    for status in report.kernels.iter().filter(|status| is_failed(status)) {
        *failures
            .entry((status.kernel.distro.as_str(), status.stage))
            .or_default() += 1;
    }
    let row = |coverage: &Coverage| {
        let value = |(stage, number): (&Stage, u64)| Value {
            number,
            failed: failures
                .get(&(coverage.distro.as_str(), *stage))
                .copied()
                .unwrap_or_default(),
            anchor: anchor(&[&coverage.distro, stage.as_str()]),
        };
        let values: Vec<Value> = Stage::ALL
            .iter()
            .zip(coverage.by_stage())
            .rev()
            .map(value)
            .collect();
        let failed = values.iter().map(|value| value.failed).sum();
        let unwanted =
            Cell::number(coverage.unwanted).linked(anchor(&[&coverage.distro, UNWANTED]));
        let share = Cell::formatted(&percent(coverage.available, coverage.wanted));
        (
            coverage.distro.clone(),
            values,
            vec![share, Cell::number(failed), unwanted],
        )
    };
    let sum = |count: fn(&Coverage) -> u64| report.distros.iter().map(count).sum::<u64>();
    Breakdown {
        title: "Wanted kernels by distribution and stage",
        about: "Each bar is 100% of the wanted kernels of a distribution. Numbers link to the counted kernels. \
                Failed kernels are red in the bars, and count at \
                their last stage in the table.",
        row_heading: "Distribution",
        scale: Scale::Share,
        categories: Stage::ALL
            .iter()
            .rev()
            .map(|stage| Category {
                name: stage.as_str().to_owned(),
                tone: Tone::of(stage.as_str()),
            })
            .collect(),
        rows: report.distros.iter().map(row).collect(),
        further: vec![
            (
                Heading::number("Share available"),
                Cell::formatted(&percent(sum(|row| row.available), sum(|row| row.wanted))),
            ),
            (
                Heading::number("Build or test failed"),
                Cell::number(failures.values().sum()),
            ),
            (
                Heading::number("Ignored or archived"),
                Cell::number(sum(|row| row.unwanted)),
            ),
        ],
    }
}

/// The group of ignored and archived kernels.
const UNWANTED: &str = "ignored or archived";

fn kernel_table(report: &CoverageReport, breakdown: &Breakdown) -> Table {
    let group = |status: &Status| {
        let stage = if status.wanted {
            status.stage.as_str()
        } else {
            UNWANTED
        };
        [status.kernel.distro.to_string(), stage.to_owned()]
    };
    let row = |status: &Status| {
        let missing = status.missing.map_or("", Missing::as_str);
        let hosts = |number: Option<i64>| Cell::number(number.unwrap_or_default().unsigned_abs());
        let tone = |text| {
            if status.wanted {
                Tone::of(text)
            } else {
                Tone::Plain
            }
        };
        let mut cells = kernel_cells(&status.kernel).to_vec();
        cells.extend([
            Cell::status(status.stage.as_str(), tone(status.stage.as_str())),
            Cell::status(missing, tone(missing)),
            Cell::time(status.missing_since),
            hosts(status.hosts_running),
            hosts(status.hosts_installed),
            Cell::name(state(status)),
        ]);
        Row {
            anchor: None,
            cells,
        }
    };
    Table {
        title: "Kernels",
        about: "The kernels of each distribution and stage, the newest first.",
        columns: vec![
            Heading::text("Kernel version"),
            Heading::text("Distribution"),
            Heading::text("Stage"),
            Heading::text("Missing step"),
            Heading::text("Missing since"),
            Heading::number("Hosts that run it"),
            Heading::number("Hosts with it installed"),
            Heading::text("State"),
        ],
        groups: breakdown.sorted(Group::by(&report.kernels, group, row)),
        all_rows: "--kernels",
    }
    .without_usual("wanted")
}
