//! The report `lag`: how long kernels take from one stage to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::AsOf;
use sqern_db::status::{self, Status};
use sqern_model::{DistroName, Kernel, Progress, Spread, StageTimes, Step};
use tokio_postgres::Transaction;

use super::{Matrix, ReportQuery};
use crate::Error;

/// The durations of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LagReport {
    /// The durations of each distribution.
    pub distros: Vec<Lag>,
    /// The durations of each distribution and month.
    pub months: Vec<Lag>,
    /// The counted kernels.
    pub kernels: Vec<KernelLag>,
}

/// The durations of a step for the kernels of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lag {
    /// The distribution.
    pub distro: DistroName,
    /// The month (UTC) in which the kernels were first seen, such as 2026-05; `None` for all months
    /// and for unseen kernels.
    pub month: Option<String>,
    /// The step.
    pub step: Step,
    /// The number of kernels that completed the step.
    pub done: usize,
    /// The number of kernels that wait for the step.
    pub waiting: usize,
    /// The durations of the kernels that completed the step.
    #[serde(flatten)]
    pub spread: Option<Spread>,
}

/// The times of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KernelLag {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The time at which the kernel was first seen.
    pub seen_at: Option<Timestamp>,
    /// The time at which the headers were fetched.
    pub fetched_at: Option<Timestamp>,
    /// The start of the first successful build.
    pub built_at: Option<Timestamp>,
    /// The start of the first successful test run.
    pub tested_at: Option<Timestamp>,
    /// The time at which a module became available.
    pub available_at: Option<Timestamp>,
    /// The seconds from first seen to available.
    pub whole_s: Option<i64>,
}

impl LagReport {
    /// Returns the durations from seen to available of all kernels; `None` if no kernel completed
    /// it.
    #[must_use]
    pub fn whole(&self) -> Option<Spread> {
        Spread::of(
            self.kernels
                .iter()
                .filter_map(|kernel| kernel.whole_s)
                .collect(),
        )
    }

    /// Returns the number of kernels that were seen and are not available.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.distros
            .iter()
            .filter(|lag| lag.step == Step::Whole)
            .map(|lag| lag.waiting)
            .sum()
    }
}

/// Returns the durations of the steps of wanted kernels.
///
/// # Errors
///
/// Returns an error if a distribution, the revision or the target of the query does not exist.
pub async fn report(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    as_of: &AsOf,
) -> Result<LagReport, Error> {
    query.require(transaction, as_of).await?;
    let kernels = status::list(transaction, &query.statuses(false), as_of).await?;
    Ok(LagReport {
        distros: lags(&kernels, false),
        months: lags(&kernels, true),
        kernels: kernel_lags(&kernels),
    })
}

/// Returns the median seconds from seen to available by distribution and month.
#[must_use]
pub fn medians_by_month(months: &[Lag]) -> Matrix {
    let mut columns: Vec<&String> = Vec::new();
    let mut medians: BTreeMap<&DistroName, BTreeMap<&String, u64>> = BTreeMap::new();
    for lag in months.iter().filter(|lag| lag.step == Step::Whole) {
        let row = medians.entry(&lag.distro).or_default();
        let Some(month) = &lag.month else { continue };
        columns.push(month);
        row.extend(
            lag.spread
                .map(|spread| (month, spread.median_s.unsigned_abs())),
        );
    }
    columns.sort_unstable();
    columns.dedup();
    Matrix::new(&medians, &columns, ToString::to_string)
}

/// Returns the times at which a kernel reached each stage.
pub(crate) fn times(status: &Status) -> StageTimes {
    StageTimes {
        seen: status.seen_at,
        fetched: status.fetched_at,
        built: status.built_at,
        tested: status.tested_at,
        available: status.available_at,
    }
}

/// Groups the wanted kernels by distribution, or by distribution and month; one row per step that
/// any kernel reached.
fn lags(kernels: &[Status], by_month: bool) -> Vec<Lag> {
    let mut groups: BTreeMap<(&DistroName, Option<String>), Vec<StageTimes>> = BTreeMap::new();
    for status in kernels.iter().filter(|status| status.wanted) {
        let month = status.seen_at.filter(|_| by_month).map(month);
        groups
            .entry((&status.kernel.distro, month))
            .or_default()
            .push(times(status));
    }
    let mut lags = vec![];
    for ((distro, month), kernels) in groups {
        let row = |step| {
            let (done, waiting, spread) = durations(step, &kernels)?;
            Some(Lag {
                distro: distro.clone(),
                month: month.clone(),
                step,
                done,
                waiting,
                spread,
            })
        };
        lags.extend(Step::ALL.into_iter().filter_map(row));
    }
    lags
}

/// Returns the numbers of kernels that completed a step and that wait for it, and the durations;
/// `None` if no kernel reached it.
pub(crate) fn durations(
    step: Step,
    kernels: &[StageTimes],
) -> Option<(usize, usize, Option<Spread>)> {
    let (mut done, mut waiting) = (vec![], 0);
    for progress in kernels.iter().filter_map(|times| step.progress(times)) {
        match progress {
            Progress::Done(seconds) => done.push(seconds),
            Progress::Waiting => waiting += 1,
        }
    }
    (done.len() + waiting > 0).then(|| (done.len(), waiting, Spread::of(done)))
}

/// Returns the times of the wanted kernels.
fn kernel_lags(kernels: &[Status]) -> Vec<KernelLag> {
    let row = |status: &Status| KernelLag {
        kernel: status.kernel.clone(),
        seen_at: status.seen_at,
        fetched_at: status.fetched_at,
        built_at: status.built_at,
        tested_at: status.tested_at,
        available_at: status.available_at,
        whole_s: match Step::Whole.progress(&times(status)) {
            Some(Progress::Done(seconds)) => Some(seconds),
            _ => None,
        },
    };
    kernels
        .iter()
        .filter(|status| status.wanted)
        .map(row)
        .collect()
}

/// Returns the month of a time in UTC.
fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn months_are_in_utc() {
        assert_eq!(
            month("2026-05-31T23:59:59-02:00".parse().unwrap()),
            "2026-06"
        );
    }
}
