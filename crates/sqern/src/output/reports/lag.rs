//! The report `lag`.

use sqern_core::reports::ReportQuery;
use sqern_core::reports::lag::{KernelLag, Lag, LagReport, medians_by_month};
use sqern_model::{Spread, Step, counted, grouped};

use super::{kernel_cells, selection};
use crate::output::html::{
    Breakdown, Category, Cell, Group, Heading, Page, Row, Scale, Table, Tile, Tone, Value, anchor,
};
use crate::printer::{Column, Kind, Record, duration};

impl Record for Lag {
    const SCHEMA: &'static str = "report.lag/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("month"),
        Column::name("step"),
        Column::number("done"),
        Column::number("waiting"),
        Column::new("median_s", Kind::Lag).headed("median"),
        Column::new("p90_s", Kind::Lag).headed("p90"),
        Column::new("worst_s", Kind::Lag).headed("worst"),
    ];
}

impl Record for KernelLag {
    const SCHEMA: &'static str = "report.lag.kernels/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::time("seen_at").headed("seen"),
        Column::time("fetched_at").headed("fetched").optional(),
        Column::time("built_at").headed("built").optional(),
        Column::time("tested_at").headed("tested").optional(),
        Column::time("available_at").headed("available"),
        Column::new("whole_s", Kind::Lag).headed("whole"),
    ];
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &LagReport, query: &ReportQuery) -> Page {
    let breakdown = breakdown(report);
    Page {
        title: "Time from seen to available",
        about: "Measures how long wanted kernels take from their first appearance in a repository to an available module.",
        selection: selection(query),
        tiles: tiles(report),
        trend: None,
        tables: vec![
            step_table(report),
            month_table(report),
            kernel_table(report, &breakdown),
        ],
        breakdown,
    }
}

fn tiles(report: &LagReport) -> [Tile; 3] {
    let done = report
        .kernels
        .iter()
        .filter(|kernel| kernel.whole_s.is_some())
        .count();
    let spread = report.whole();
    let time = |seconds: fn(&Spread) -> i64| {
        spread
            .as_ref()
            .map_or_else(|| "–".to_owned(), |spread| duration(seconds(spread)))
    };
    let waiting = report.waiting();
    [
        Tile {
            label: "Median from seen to available",
            value: time(|spread| spread.median_s),
            detail: format!("of {} with an available module", counted(done, "kernel")),
            tone: Tone::Plain,
        },
        Tile {
            label: "90th percentile from seen to available",
            value: time(|spread| spread.p90_s),
            detail: format!(
                "9 of 10 kernels take at most this long; the maximum is {}",
                time(|spread| spread.worst_s)
            ),
            tone: Tone::Plain,
        },
        Tile {
            label: "Waiting kernels",
            value: grouped(waiting as u64),
            detail: "seen, and no module is available".to_owned(),
            tone: if waiting > 0 { Tone::Wait } else { Tone::Good },
        },
    ]
}

const AVAILABLE: &str = "available";
const WAITING: &str = "waiting";

/// Returns the kernels of each distribution that are available or waiting.
fn breakdown(report: &LagReport) -> Breakdown {
    let whole = || report.distros.iter().filter(|lag| lag.step == Step::Whole);
    let row = |lag: &Lag| {
        let value =
            |number: usize, name| Value::new(number as u64, anchor(&[lag.distro.as_str(), name]));
        let values = vec![value(lag.done, AVAILABLE), value(lag.waiting, WAITING)];
        (
            lag.distro.to_string(),
            values,
            spread_cells(lag.spread).to_vec(),
        )
    };
    let headings = SPREAD.map(Heading::number);
    Breakdown {
        title: "Seen kernels by distribution",
        about: "The durations are those of the available kernels. Numbers link to the counted kernels.",
        row_heading: "Distribution",
        scale: Scale::Number,
        categories: [(AVAILABLE, Tone::Good), (WAITING, Tone::Wait)]
            .map(|(name, tone)| Category {
                name: name.to_owned(),
                tone,
            })
            .to_vec(),
        rows: whole().map(row).collect(),
        further: headings
            .into_iter()
            .zip(spread_cells(report.whole()))
            .collect(),
    }
}

/// The headings of the durations.
const SPREAD: [&str; 3] = ["Median", "90th percentile", "Maximum"];

fn spread_cells(spread: Option<Spread>) -> [Cell; 3] {
    let seconds = |value: fn(Spread) -> i64| Cell::duration(spread.map(value));
    [
        seconds(|spread| spread.median_s),
        seconds(|spread| spread.p90_s),
        seconds(|spread| spread.worst_s),
    ]
}

fn step_table(report: &LagReport) -> Table {
    let row = |lag: &Lag| {
        let mut cells = vec![
            Cell::name(lag.step.as_str()),
            Cell::number(lag.done as u64),
            Cell::number(lag.waiting as u64),
        ];
        cells.extend(spread_cells(lag.spread));
        Row {
            anchor: None,
            cells,
        }
    };
    let mut columns = vec![
        Heading::text("Step"),
        Heading::number("Completed"),
        Heading::number("Waiting"),
    ];
    columns.extend(SPREAD.map(Heading::number));
    Table {
        title: "Steps of each distribution",
        about: "The kernels that completed each step, the kernels that wait for it, and the durations.",
        columns,
        groups: Group::by(&report.distros, |lag| [lag.distro.to_string()], row),
        all_rows: "--limit=0",
    }
}

/// Returns the medians by distribution and month.
fn month_table(report: &LagReport) -> Table {
    let medians = medians_by_month(&report.months);
    let row = |(distro, seconds): &(String, Vec<Option<u64>>)| {
        let cell = |seconds: &Option<u64>| {
            Cell::duration(seconds.and_then(|seconds| i64::try_from(seconds).ok()))
        };
        Row {
            anchor: None,
            cells: [Cell::name(distro)]
                .into_iter()
                .chain(seconds.iter().map(cell))
                .collect(),
        }
    };
    let mut columns = vec![Heading::text("Distribution")];
    columns.extend(medians.columns.iter().map(|month| Heading::number(month)));
    Table {
        title: "Median from seen to available by month",
        about: "The months in which the kernels were first seen. A month without an available kernel is empty.",
        columns,
        groups: vec![Group {
            anchor: String::new(),
            heading: String::new(),
            rows: medians.rows.iter().map(row).collect(),
        }],
        all_rows: "--months",
    }
}

fn kernel_table(report: &LagReport, breakdown: &Breakdown) -> Table {
    let group = |kernel: &KernelLag| {
        let progress = match (kernel.seen_at, kernel.whole_s) {
            (_, Some(_)) => AVAILABLE,
            (Some(_), None) => WAITING,
            (None, None) => "not seen",
        };
        [kernel.kernel.distro.to_string(), progress.to_owned()]
    };
    let row = |kernel: &KernelLag| {
        let mut cells = kernel_cells(&kernel.kernel).to_vec();
        cells.push(Cell::duration(kernel.whole_s));
        let times = [
            kernel.seen_at,
            kernel.fetched_at,
            kernel.built_at,
            kernel.tested_at,
            kernel.available_at,
        ];
        cells.extend(times.map(Cell::time));
        Row {
            anchor: None,
            cells,
        }
    };
    let mut columns = vec![
        Heading::text("Kernel version"),
        Heading::text("Distribution"),
        Heading::number("Seen to available"),
    ];
    columns.extend(["Seen", "Fetched", "Built", "Tested", "Available"].map(Heading::text));
    Table {
        title: "Kernels",
        about: "The times at which each wanted kernel reached its stages.",
        columns,
        groups: breakdown.sorted(Group::by(&report.kernels, group, row)),
        all_rows: "--kernels",
    }
}
