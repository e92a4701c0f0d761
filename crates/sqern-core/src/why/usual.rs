//! The usual duration of the next step of a kernel.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::status::{Stage, Status};
use sqern_model::{DistroName, Spread, StageTimes, Step};

use crate::reports::lag::{durations, times};

/// The usual duration of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsualDuration {
    /// The step.
    pub step: Step,
    /// The distribution of the kernels; `None` for those of all distributions.
    pub distro: Option<String>,
    /// The number of kernels that completed the step.
    pub done: usize,
    /// Their durations.
    #[serde(flatten)]
    pub spread: Spread,
    /// The time at which this kernel completes the step if it takes the median duration.
    pub expected_at: Option<Timestamp>,
}

/// Returns the next step of a kernel; `None` after the last stage, and for unseen kernels.
pub(super) fn next_step(status: &Status) -> Option<Step> {
    match status.stage {
        Stage::Known | Stage::Available => None,
        Stage::Seen => Some(Step::Fetch),
        Stage::Fetched => Some(Step::Build),
        Stage::Built => Some(Step::Test),
        Stage::Tested => Some(Step::Publish),
    }
}

impl UsualDuration {
    /// Returns the usual duration of the next step, as in the report `lag`: of its distribution,
    /// else of all distributions.
    pub(super) fn of(status: &Status, others: &[Status]) -> Option<Self> {
        let step = next_step(status)?;
        let distro = &status.kernel.distro;
        let of = |distro: Option<&DistroName>| {
            let is_counted = |other: &&Status| {
                other.wanted && distro.is_none_or(|distro| other.kernel.distro == *distro)
            };
            let kernels: Vec<StageTimes> = others.iter().filter(is_counted).map(times).collect();
            let (done, _, spread) = durations(step, &kernels)?;
            Some((done, spread?, distro.map(ToString::to_string)))
        };
        let (done, spread, distro) = of(Some(distro)).or_else(|| of(None))?;
        let started_at = match step {
            Step::Fetch | Step::Whole => status.seen_at,
            Step::Build => status.fetched_at,
            Step::Test => status.built_at,
            Step::Publish => status.tested_at,
        };
        let expected = |started_at: Timestamp| {
            started_at
                .checked_add(SignedDuration::from_secs(spread.median_s))
                .ok()
        };
        Some(Self {
            step,
            distro,
            done,
            spread,
            expected_at: started_at.and_then(expected),
        })
    }
}
