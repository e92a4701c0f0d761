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
    /// Returns the usual duration of the next step of a kernel by the wanted kernels of a
    /// distribution, or of all if none; `None` if no kernel has completed the step.
    pub(super) fn of(
        step: Step,
        status: &Status,
        distro: Option<&DistroName>,
        others: &[Status],
    ) -> Option<Self> {
        let kernels: Vec<StageTimes> = others
            .iter()
            .filter(|other| other.wanted)
            .map(times)
            .collect();
        let (done, _, spread) = durations(step, &kernels)?;
        let spread = spread?;
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
            distro: distro.map(ToString::to_string),
            done,
            spread,
            expected_at: started_at.and_then(expected),
        })
    }
}
