//! The report `risk`.

use std::collections::{BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::reports::Trend;
use sqern_core::reports::risk::{
    NOT_WANTED, RiskHost, RiskKernel, RiskQuery, RiskReport, RiskType, Role,
};
use sqern_db::status::Missing;
use sqern_model::{Kernel, counted, grouped};

use super::{kernel_cells, list_or_all, selection};
use crate::output::html::{
    Breakdown, Category, Cell, Group, Heading, Page, Row, Scale, Table, Tile, Tone, TrendChart,
    Value, anchor, percent,
};
use crate::printer::{Column, Record};

/// The metadata of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
        Column::number("running").optional(),
        Column::number("newest").optional(),
        Column::status("missing"),
        Column::time("missing_since").headed("since").optional(),
        Column::name("state").omitted_if("wanted"),
    ];
}

impl Record for RiskHost {
    const SCHEMA: &'static str = "report.risk.hosts/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("type").optional(),
        Column::name("cluster"),
        Column::name("host"),
        Column::name("distro"),
        Column::name("version"),
        Column::name("role").optional(),
        Column::status("missing"),
        Column::time("missing_since").headed("since").optional(),
        Column::name("state").omitted_if("wanted"),
    ];
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &RiskReport, query: &RiskQuery, trend: Trend) -> Page {
    let breakdown = breakdown(report);
    let mut selection = selection(&query.kernels);
    selection.extend([
        ("Clusters", list_or_all(&query.clusters)),
        ("Cluster types", list_or_all(&type_names(query))),
    ]);
    Page {
        title: "Hosts at risk",
        about: "Counts the customer hosts whose running or newest kernel has no available module.",
        selection,
        tiles: tiles(report),
        trend: TrendChart::numbers("Number of hosts at risk", trend),
        tables: vec![kernel_table(report, &breakdown), host_table(report)],
        breakdown,
    }
}

fn type_names(query: &RiskQuery) -> Vec<&str> {
    query.types.iter().map(|cltype| cltype.0.as_str()).collect()
}

/// Returns the numbers of all hosts, of hosts at risk, and of other hosts with unwanted kernels.
fn totals(types: &[RiskType]) -> (u64, u64, u64) {
    types.iter().fold((0, 0, 0), |sums, counts| {
        (
            sums.0 + counts.hosts,
            sums.1 + counts.at_risk,
            sums.2 + counts.unwanted,
        )
    })
}

fn tiles(report: &RiskReport) -> [Tile; 3] {
    let (hosts, at_risk, unwanted) = totals(&report.types);
    let wanted = || report.kernels.iter().filter(|row| row.state == "wanted");
    let kernels: BTreeSet<&Kernel> = wanted().map(|row| &row.kernel).collect();
    let distros: BTreeSet<&str> = wanted().map(|row| row.kernel.distro.as_str()).collect();
    let tone = |number: usize| if number > 0 { Tone::Bad } else { Tone::Good };
    let further = if unwanted > 0 {
        format!(
            "; {} lack modules only for ignored or archived kernels",
            grouped(unwanted)
        )
    } else {
        String::new()
    };
    [
        Tile {
            label: "Hosts at risk",
            value: format!("{} of {}", grouped(at_risk), grouped(hosts)),
            detail: match hosts {
                0 => "No hosts are recorded.".to_owned(),
                hosts => format!("{} of the hosts{further}", percent(at_risk, hosts)),
            },
            tone: match (hosts, at_risk) {
                (0, _) => Tone::Plain,
                (_, 0) => Tone::Good,
                _ => Tone::Bad,
            },
        },
        Tile {
            label: "Kernels without a module",
            value: grouped(kernels.len() as u64),
            detail: "wanted kernels that hosts run or have as their newest".to_owned(),
            tone: tone(kernels.len()),
        },
        Tile {
            label: "Distributions affected",
            value: grouped(distros.len() as u64),
            detail: distros.iter().copied().collect::<Vec<_>>().join(", "),
            tone: tone(distros.len()),
        },
    ]
}

/// Returns the hosts by cluster type and missing step.
fn breakdown(report: &RiskReport) -> Breakdown {
    let steps = &report.missing_steps;
    // Failures come first, so that each bar has one part of each color.
    let mut order: Vec<usize> = (0..steps.columns.len()).collect();
    order.sort_by_key(|&index| Tone::of(&steps.columns[index]) != Tone::Bad);
    let row = |counts: &RiskType| {
        let numbers = steps
            .rows
            .iter()
            .find(|(name, _)| *name == counts.cltype)
            .map(|(_, numbers)| numbers.as_slice());
        let value = |&index: &usize| {
            Value::new(
                numbers
                    .and_then(|numbers| numbers[index])
                    .unwrap_or_default(),
                anchor(&[&counts.cltype, &steps.columns[index]]),
            )
        };
        let values = order.iter().map(value).collect();
        let share = Cell::formatted(&percent(counts.at_risk, counts.hosts));
        (
            counts.cltype.clone(),
            values,
            vec![
                Cell::number(counts.at_risk),
                Cell::number(counts.hosts),
                share,
            ],
        )
    };
    let (hosts, at_risk, _) = totals(&report.types);
    Breakdown {
        title: "Hosts by cluster type and missing step",
        about: "A host counts once for its running kernel, and once more for its newest kernel if this is another one. \
                Numbers link to the kernels.",
        row_heading: "Cluster type",
        scale: Scale::Number,
        categories: order
            .iter()
            .map(|&index| &steps.columns[index])
            .map(|step| Category {
                name: step.clone(),
                tone: Tone::of(step),
            })
            .collect(),
        rows: report.types.iter().map(row).collect(),
        further: vec![
            (Heading::number("Hosts at risk"), Cell::number(at_risk)),
            (Heading::number("All hosts"), Cell::number(hosts)),
            (
                Heading::number("Share at risk"),
                Cell::formatted(&percent(at_risk, hosts)),
            ),
        ],
    }
}

fn kernel_table(report: &RiskReport, breakdown: &Breakdown) -> Table {
    let group = |row: &RiskKernel| {
        let step = row
            .missing
            .filter(|_| row.state == "wanted")
            .map_or(NOT_WANTED, Missing::as_str);
        [row.cltype.clone(), step.to_owned()]
    };
    let row = |row: &RiskKernel| {
        let mut cells = kernel_cells(&row.kernel).to_vec();
        cells.extend([
            Cell::number(row.hosts).linked(hosts_anchor(&row.cltype, &row.kernel)),
            Cell::number(row.running),
            Cell::number(row.newest),
            step_cell(row.missing, row.state),
            Cell::time(row.missing_since),
            Cell::name(row.state),
        ]);
        Row {
            anchor: None,
            cells,
        }
    };
    Table {
        title: "Kernels by cluster type and missing step",
        about: "The kernels without an available module that hosts run or have as their newest. The numbers of hosts link to the hosts.",
        columns: vec![
            Heading::text("Kernel version"),
            Heading::text("Distribution"),
            Heading::number("Hosts"),
            Heading::number("Running"),
            Heading::number("Newest"),
            Heading::text("Missing step"),
            Heading::text("Missing since"),
            Heading::text("State"),
        ],
        groups: breakdown.sorted(Group::by(&report.kernels, group, row)),
        all_rows: "--limit=0",
    }
    .without_usual("wanted")
}

fn host_table(report: &RiskReport) -> Table {
    let group = |row: &RiskHost| {
        [
            row.cltype.clone(),
            row.kernel.distro.to_string(),
            row.kernel.version.to_string(),
        ]
    };
    let row = |row: &RiskHost| {
        let cells = vec![
            Cell::name(&row.host),
            Cell::name(&row.cluster),
            Cell::name(match row.role {
                Role::Running => "running",
                Role::Newest => "newest",
            }),
            step_cell(row.missing, row.state),
            Cell::time(row.missing_since),
            Cell::name(row.state),
        ];
        Row {
            anchor: None,
            cells,
        }
    };
    let mut groups = Group::by(&report.hosts, group, row);
    // The order of the kernels: those with the most hosts first.
    let positions: HashMap<String, usize> = report
        .kernels
        .iter()
        .enumerate()
        .map(|(index, row)| (hosts_anchor(&row.cltype, &row.kernel), index))
        .collect();
    groups.sort_by_key(|group| positions.get(&group.anchor).copied());
    Table {
        title: "Hosts",
        about: "The hosts of each kernel, in the order of cluster types and numbers of hosts.",
        columns: vec![
            Heading::text("Host"),
            Heading::text("Cluster"),
            Heading::text("Role of the kernel"),
            Heading::text("Missing step"),
            Heading::text("Missing since"),
            Heading::text("State"),
        ],
        groups,
        all_rows: "--hosts",
    }
    .without_usual("wanted")
}

fn hosts_anchor(cltype: &str, kernel: &Kernel) -> String {
    anchor(&[cltype, kernel.distro.as_str(), kernel.version.as_str()])
}

fn step_cell(missing: Option<Missing>, state: &str) -> Cell {
    let text = missing.map_or("", Missing::as_str);
    Cell::status(
        text,
        if state == "wanted" {
            Tone::of(text)
        } else {
            Tone::Plain
        },
    )
}

/// Summarizes the cluster types in one line.
#[must_use]
pub fn summary(types: &[RiskType]) -> String {
    let (hosts, at_risk, unwanted) = totals(types);
    let of_types: Vec<String> = types
        .iter()
        .filter(|counts| counts.at_risk > 0)
        .map(|counts| format!("{} {} of {}", counts.cltype, counts.at_risk, counts.hosts))
        .collect();
    let which = if of_types.is_empty() {
        String::new()
    } else {
        format!(": {}", of_types.join(", "))
    };
    let besides = if unwanted > 0 {
        format!(
            "; not at risk: {} with missing modules only for ignored or archived kernels",
            counted(unwanted, "host")
        )
    } else {
        String::new()
    };
    format!(
        "at risk: {at_risk} of {}{which}{besides}",
        counted(hosts, "host")
    )
}
