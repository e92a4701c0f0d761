//! The report `lag`.

use sqern_core::reports::lag::{KernelLag, Lag, LagReport, medians_by_month};

use super::hours;
use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Column, Kind, Record};

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
        Column::time("fetched_at").headed("fetched"),
        Column::time("built_at").headed("built"),
        Column::time("tested_at").headed("tested"),
        Column::time("available_at").headed("available"),
        Column::new("whole_s", Kind::Lag).headed("whole"),
    ];
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &LagReport) -> Page {
    let medians = medians_by_month(&report.months);
    let text = |seconds| hours(i64::try_from(seconds).unwrap_or(i64::MAX));
    let title = "Median hours from first seen to available, by the month of first seen";
    Page {
        title: "Time from seen to available".to_owned(),
        about: vec![],
        maps: vec![HeatMap::of(title, &medians, text)],
        tables: vec![
            Table::of("By distribution", &report.distros),
            Table::of("By distribution and month", &report.months),
            Table::of("Kernels", &report.kernels),
        ],
    }
}
