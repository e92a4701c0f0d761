//! The report `lag`.

use sqern_core::reports::lag::{KernelLag, Lag, LagReport, medians_by_month};
use sqern_model::Spread;

use super::hours;
use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Record, time};

impl Record for Lag {
    const SCHEMA: &'static str = "report.lag/1";
    const COLUMNS: &'static [&'static str] = &["distro", "month", "step", "done", "waiting", "median_h", "p90_h", "worst_h"];
    fn cells(&self) -> Vec<String> {
        let of = |figure: fn(Spread) -> i64| self.spread.map(|spread| hours(figure(spread))).unwrap_or_default();
        vec![
            self.distro.to_string(),
            self.month.clone().unwrap_or_default(),
            self.step.as_str().to_owned(),
            self.done.to_string(),
            self.waiting.to_string(),
            of(|spread| spread.median_s),
            of(|spread| spread.p90_s),
            of(|spread| spread.worst_s),
        ]
    }
}

impl Record for KernelLag {
    const SCHEMA: &'static str = "report.lag.kernels/1";
    const COLUMNS: &'static [&'static str] =
        &["distro", "version", "seen", "fetched", "built", "tested", "available", "seen_to_available_h"];
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.kernel.distro.to_string(), self.kernel.version.to_string()];
        cells.extend([self.seen_at, self.fetched_at, self.built_at, self.tested_at, self.available_at].map(time));
        cells.push(self.whole_s.map(hours).unwrap_or_default());
        cells
    }
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
