//! The report `lag`: how long kernels take from one stage to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqern_db::status::Status;
use sqern_model::{DistroName, Kernel, Progress, Spread, StageTimes, Step};

use super::html::{Cell, HeatMap, share};
use crate::printer::{Column, Kind, Record};

/// How long the kernels of a distribution took for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lag {
    distro: DistroName,
    /// The month (UTC) in which they were first seen, as 2026-05; none for all months, and for what was not seen upstream.
    month: Option<String>,
    step: Step,
    /// How many have done it.
    done: usize,
    /// The number of kernels that wait for the step.
    waiting: usize,
    /// Of those that have done it.
    #[serde(flatten)]
    spread: Option<Spread>,
}

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

/// How long one kernel took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelLag {
    #[serde(flatten)]
    kernel: Kernel,
    seen_at: Option<Timestamp>,
    fetched_at: Option<Timestamp>,
    built_at: Option<Timestamp>,
    tested_at: Option<Timestamp>,
    available_at: Option<Timestamp>,
    /// From first seen to available, in seconds.
    whole_s: Option<i64>,
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

/// Returns the times at which a kernel reached each stage.
#[must_use]
pub fn times(status: &Status) -> StageTimes {
    StageTimes {
        seen: status.seen_at,
        fetched: status.fetched_at,
        built: status.built_at,
        tested: status.tested_at,
        available: status.available_at,
    }
}

/// Groups the wanted kernels by distribution, or by distribution and month; one row per step that any kernel reached.
#[must_use]
pub fn lags(kernels: &[Status], by_month: bool) -> Vec<Lag> {
    let mut groups: BTreeMap<(&DistroName, Option<String>), Vec<StageTimes>> = BTreeMap::new();
    for one in kernels.iter().filter(|one| one.wanted) {
        let month = one.seen_at.filter(|_| by_month).map(month);
        groups.entry((&one.kernel.distro, month)).or_default().push(times(one));
    }
    let mut lags = vec![];
    for ((distro, month), kernels) in groups {
        let row = |step| {
            let (done, waiting, spread) = step_of(step, &kernels)?;
            Some(Lag { distro: distro.clone(), month: month.clone(), step, done, waiting, spread })
        };
        lags.extend(Step::ALL.into_iter().filter_map(row));
    }
    lags
}

/// Returns the numbers of kernels that completed a step and that wait for it, and the durations; `None` if no kernel reached it.
#[must_use]
pub fn step_of(step: Step, kernels: &[StageTimes]) -> Option<(usize, usize, Option<Spread>)> {
    let (mut took, mut waiting) = (vec![], 0);
    for progress in kernels.iter().filter_map(|times| step.progress(times)) {
        match progress {
            Progress::Done(seconds) => took.push(seconds),
            Progress::Waiting => waiting += 1,
        }
    }
    (took.len() + waiting > 0).then(|| (took.len(), waiting, Spread::of(took)))
}

/// The wanted kernels, as they are listed.
#[must_use]
pub fn kernels(kernels: &[Status]) -> Vec<KernelLag> {
    let row = |one: &Status| KernelLag {
        kernel: one.kernel.clone(),
        seen_at: one.seen_at,
        fetched_at: one.fetched_at,
        built_at: one.built_at,
        tested_at: one.tested_at,
        available_at: one.available_at,
        whole_s: match Step::Whole.progress(&times(one)) {
            Some(Progress::Done(seconds)) => Some(seconds),
            _ => None,
        },
    };
    kernels.iter().filter(|one| one.wanted).map(row).collect()
}

/// The picture: of each distribution, the median from seen to available by the month in which kernels were first seen, the slower the
/// darker.
#[must_use]
pub fn heat_map(kernels: &[Status]) -> HeatMap {
    let whole: Vec<Lag> = lags(kernels, true).into_iter().filter(|lag| lag.step == Step::Whole).collect();
    let mut months: Vec<&String> = whole.iter().filter_map(|lag| lag.month.as_ref()).collect();
    months.sort_unstable();
    months.dedup();
    let slowest = whole.iter().filter_map(|lag| lag.spread).map(|spread| spread.median_s.unsigned_abs()).max().unwrap_or(0);
    let row = |of_distro: &[Lag]| {
        let cell = |month: &&String| {
            let spread = of_distro.iter().find(|lag| lag.month.as_ref() == Some(*month))?.spread?;
            Some(Cell { shade: share(spread.median_s.unsigned_abs(), slowest), text: hours(spread.median_s) })
        };
        (of_distro[0].distro.to_string(), months.iter().map(cell).collect())
    };
    HeatMap {
        title: "Median hours from first seen to available, by the month of first seen".to_owned(),
        rows: whole.chunk_by(|a, b| a.distro == b.distro).map(row).collect(),
        columns: months.into_iter().cloned().collect(),
    }
}

/// The month of a time, in UTC.
fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

/// Seconds as hours, to the tenth.
#[must_use]
pub fn hours(seconds: i64) -> String {
    let tenths = (seconds + 180) / 360;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_have_one_decimal() {
        assert_eq!([0, 179, 180, 3600, 5400, 356_400].map(hours), ["0.0", "0.0", "0.1", "1.0", "1.5", "99.0"]);
    }

    #[test]
    fn a_month_is_one_of_utc() {
        assert_eq!(month("2026-05-31T23:59:59-02:00".parse().unwrap()), "2026-06");
    }
}
