//! The report `activity`.

use serde::Serialize;
use sqern_core::reports::activity::{Activity, ActivityReport, GenerationActivity, by_distro};

use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Column, Record};

/// The metadata of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
        Column::name("username"),
        Column::text("comment"),
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
        Column::name("username"),
        Column::text("comment"),
    ];
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &ActivityReport) -> Page {
    Page {
        title: "Activity".to_owned(),
        about: vec![format!("after generation {}", report.after)],
        maps: vec![HeatMap::of("Kernels by distribution and activity", &by_distro(&report.kernels), |count| count.to_string())],
        tables: vec![Table::of("By generation", &report.generations), Table::of("Kernels", &report.kernels)],
    }
}
