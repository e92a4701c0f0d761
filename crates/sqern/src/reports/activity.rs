//! The report `activity`: the kernels that changed stage since a generation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqern_db::activity::{Activity, ActivityKind};
use sqern_model::DistroName;

use super::html::{Cell, HeatMap, share};
use crate::printer::{Column, Record};

/// The metadata of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct After {
    /// The generation after which the activity is counted; 0 for the start of the journal.
    pub after: i64,
}

/// The numbers of kernels that changed stage in one generation.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct GenerationActivity {
    generation: i64,
    tstamp: Timestamp,
    username: String,
    comment: Option<String>,
    known: u64,
    seen: u64,
    fetched: u64,
    built: u64,
    tested: u64,
    available: u64,
    withdrawn: u64,
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

/// Counts a list by generation.
#[must_use]
pub fn generations(activity: &[Activity]) -> Vec<GenerationActivity> {
    let row = |of_generation: &[Activity]| {
        let first = &of_generation[0];
        let count = |what: ActivityKind| of_generation.iter().map(|one| u64::from(one.what == what)).sum();
        GenerationActivity {
            generation: first.generation,
            tstamp: first.tstamp,
            username: first.username.clone(),
            comment: first.comment.clone(),
            known: count(ActivityKind::Known),
            seen: count(ActivityKind::Seen),
            fetched: count(ActivityKind::Fetched),
            built: count(ActivityKind::Built),
            tested: count(ActivityKind::Tested),
            available: count(ActivityKind::Available),
            withdrawn: count(ActivityKind::Withdrawn),
        }
    };
    activity.chunk_by(|a, b| a.generation == b.generation).map(row).collect()
}

/// Returns the chart: the number of kernels by distribution and kind of activity.
#[must_use]
pub fn heat_map(activity: &[Activity]) -> HeatMap {
    let mut counts: BTreeMap<&DistroName, BTreeMap<ActivityKind, u64>> = BTreeMap::new();
    for one in activity {
        *counts.entry(&one.kernel.distro).or_default().entry(one.what).or_default() += 1;
    }
    let most = counts.values().flat_map(BTreeMap::values).copied().max().unwrap_or(0);
    let cell = |&count: &u64| Cell { shade: share(count, most), text: count.to_string() };
    let row = |(distro, of_distro): (&&DistroName, &BTreeMap<ActivityKind, u64>)| {
        (distro.to_string(), ActivityKind::ALL.iter().map(|what| of_distro.get(what).map(cell)).collect())
    };
    HeatMap {
        title: "Kernels by distribution and activity".to_owned(),
        columns: ActivityKind::ALL.iter().map(|what| what.as_str().to_owned()).collect(),
        rows: counts.iter().map(row).collect(),
    }
}
