//! The report `activity`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::reports::activity::{
    Activity, ActivityKind, ActivityReport, GenerationActivity, by_distro,
};
use sqern_model::{DistroName, grouped};

use super::{distributions, kernel_cells};
use crate::output::html::{
    Breakdown, Category, Cell, Group, Heading, Page, Row, Scale, Table, Tile, Tone, Value, anchor,
};
use crate::printer::{Column, Record};

/// The metadata of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivityMetadata {
    /// The generation after which the activity is counted; 0 for the start of the journal.
    pub after: i64,
}

impl Record for GenerationActivity {
    const SCHEMA: &'static str = "report.activity/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::number("known"),
        Column::number("seen"),
        Column::number("fetched"),
        Column::number("built"),
        Column::number("tested"),
        Column::number("available"),
        Column::number("withdrawn"),
        Column::name("username").optional(),
        Column::text("comment").optional(),
    ];
}

impl Record for Activity {
    const SCHEMA: &'static str = "report.activity.kernels/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::name("what"),
        Column::name("distro"),
        Column::name("version"),
        Column::name("username").optional(),
        Column::text("comment").optional(),
    ];
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &ActivityReport, distros: &[DistroName]) -> Page {
    let breakdown = breakdown(report);
    Page {
        title: "Activity",
        about: "Counts the kernels that changed stage after a generation of the journal.",
        selection: vec![
            distributions(distros),
            ("Changes after", format!("generation {}", report.after)),
        ],
        tiles: tiles(report),
        trend: None,
        tables: vec![generation_table(report), kernel_table(report, &breakdown)],
        breakdown,
    }
}

fn tiles(report: &ActivityReport) -> [Tile; 3] {
    let sum =
        |count: fn(&GenerationActivity) -> u64| report.generations.iter().map(count).sum::<u64>();
    let withdrawn = sum(|row| row.withdrawn);
    let available = sum(|row| row.available);
    [
        Tile {
            label: "Kernels seen",
            value: grouped(sum(|row| row.seen)),
            detail: format!(
                "{} recorded, {} fetched",
                grouped(sum(|row| row.known)),
                grouped(sum(|row| row.fetched))
            ),
            tone: Tone::Plain,
        },
        Tile {
            label: "Kernels built",
            value: grouped(sum(|row| row.built)),
            detail: format!("{} tested", grouped(sum(|row| row.tested))),
            tone: Tone::Plain,
        },
        Tile {
            label: "Kernels available",
            value: grouped(available),
            detail: format!("{} withdrawn", grouped(withdrawn)),
            tone: match (available, withdrawn) {
                (_, 1..) => Tone::Bad,
                (0, 0) => Tone::Plain,
                (1.., 0) => Tone::Good,
            },
        },
    ]
}

/// Returns the meaning of a kind of activity. The stages before an available module are neither
/// good nor bad.
fn tone(kind: ActivityKind) -> Tone {
    match kind {
        ActivityKind::Available => Tone::Good,
        ActivityKind::Withdrawn => Tone::Bad,
        _ => Tone::Plain,
    }
}

fn breakdown(report: &ActivityReport) -> Breakdown {
    let row = |(distro, numbers): (String, Vec<Option<u64>>)| {
        let value = |(kind, number): (&ActivityKind, Option<u64>)| {
            Value::new(
                number.unwrap_or_default(),
                anchor(&[&distro, kind.as_str()]),
            )
        };
        let values = ActivityKind::ALL.iter().zip(numbers).map(value).collect();
        (distro, values, vec![])
    };
    Breakdown {
        title: "Changes by distribution and kind",
        about: "A kernel counts once for each stage that it reached. Numbers link to the counted kernels.",
        row_heading: "Distribution",
        scale: Scale::Number,
        categories: ActivityKind::ALL
            .iter()
            .map(|&kind| Category {
                name: kind.as_str().to_owned(),
                tone: tone(kind),
            })
            .collect(),
        rows: by_distro(&report.kernels)
            .rows
            .into_iter()
            .map(row)
            .collect(),
        further: vec![],
    }
}

fn generation_anchor(generation: i64) -> String {
    anchor(&["generation", &generation.to_string()])
}

fn generation_table(report: &ActivityReport) -> Table {
    let row = |row: &GenerationActivity| {
        let mut cells = vec![
            Cell::formatted(&row.generation.to_string()),
            Cell::time(Some(row.tstamp)),
        ];
        cells.extend(row.by_kind().map(Cell::number));
        cells.extend([
            Cell::name(&row.username),
            Cell::text(row.comment.as_deref().unwrap_or_default()),
        ]);
        Row {
            anchor: Some(generation_anchor(row.generation)),
            cells,
        }
    };
    let mut columns = vec![Heading::number("Generation"), Heading::text("Started")];
    columns.extend(
        [
            "Known",
            "Seen",
            "Fetched",
            "Built",
            "Tested",
            "Available",
            "Withdrawn",
        ]
        .map(Heading::number),
    );
    columns.extend([Heading::text("User"), Heading::text("Comment")]);
    Table {
        title: "Generations",
        about: "The numbers of kernels by generation, in the order of the journal.",
        columns,
        groups: vec![Group {
            anchor: String::new(),
            heading: String::new(),
            rows: report.generations.iter().map(row).collect(),
        }],
        all_rows: "--limit=0",
    }
}

fn kernel_table(report: &ActivityReport, breakdown: &Breakdown) -> Table {
    let row = |activity: &Activity| {
        let mut cells = kernel_cells(&activity.kernel).to_vec();
        cells.extend([
            Cell::status(activity.what.as_str(), tone(activity.what)),
            Cell::formatted(&activity.generation.to_string())
                .linked(generation_anchor(activity.generation)),
            Cell::time(Some(activity.tstamp)),
        ]);
        Row {
            anchor: None,
            cells,
        }
    };
    Table {
        title: "Kernels",
        about: "The kernels of each distribution and kind of change. The numbers link to the generations.",
        columns: vec![
            Heading::text("Kernel version"),
            Heading::text("Distribution"),
            Heading::text("Change"),
            Heading::number("Generation"),
            Heading::text("Started"),
        ],
        groups: breakdown.sorted(Group::by(
            &report.kernels,
            |activity| {
                [
                    activity.kernel.distro.to_string(),
                    activity.what.to_string(),
                ]
            },
            row,
        )),
        all_rows: "--kernels",
    }
}
