//! Time of kernels between stages.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The time at which a kernel reached each stage. `None` for a stage that it did not reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// First seen in a repository.
    pub seen: Option<Timestamp>,
    /// Headers fetched.
    pub fetched: Option<Timestamp>,
    /// Start of the first successful build.
    pub built: Option<Timestamp>,
    /// Start of the first successful test run.
    pub tested: Option<Timestamp>,
    /// First available.
    pub available: Option<Timestamp>,
}

/// The step from one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Step {
    /// Until the headers are fetched.
    #[serde(rename = "seen to fetched")]
    Fetch,
    /// Until the start of a successful build.
    #[serde(rename = "fetched to built")]
    Build,
    /// Until the start of a successful test run.
    #[serde(rename = "built to tested")]
    Test,
    /// Until a module is available.
    #[serde(rename = "tested to available")]
    Publish,
    /// From the first to the last stage.
    #[serde(rename = "seen to available")]
    Whole,
}

/// The progress of a kernel in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The step took this number of seconds.
    Done(i64),
    /// The step has started and is not finished.
    Waiting,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 5] = [
        Self::Fetch,
        Self::Build,
        Self::Test,
        Self::Publish,
        Self::Whole,
    ];

    /// Returns the name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "seen to fetched",
            Self::Build => "fetched to built",
            Self::Test => "built to tested",
            Self::Publish => "tested to available",
            Self::Whole => "seen to available",
        }
    }

    /// Returns the progress of a kernel in this step, or `None` if it did not reach the first stage
    /// of the step or skipped the last one.
    ///
    /// If the last stage was recorded before the first one, the step took 0 seconds.
    #[must_use]
    pub fn progress(self, times: &StageTimes) -> Option<Progress> {
        let StageTimes {
            seen,
            fetched,
            built,
            tested,
            available,
        } = *times;
        let (from, to, later) = match self {
            Self::Fetch => (seen, fetched, built.or(tested).or(available)),
            Self::Build => (fetched, built, tested.or(available)),
            Self::Test => (built, tested, available),
            Self::Publish => (tested, available, None),
            Self::Whole => (seen, available, None),
        };
        let from = from?;
        match to {
            Some(to) => Some(Progress::Done((to.as_second() - from.as_second()).max(0))),
            None if later.is_some() => None,
            None => Some(Progress::Waiting),
        }
    }
}

/// Percentiles by the nearest-rank method. Each is one of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spread {
    /// The median, in seconds.
    pub median_s: i64,
    /// The 90th percentile, in seconds.
    pub p90_s: i64,
    /// The maximum, in seconds.
    pub worst_s: i64,
}

impl Spread {
    /// Returns the percentiles of durations in seconds, or `None` if there are none.
    #[must_use]
    pub fn of(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let rank = |percent: usize| {
            seconds
                .get((seconds.len() * percent).div_ceil(100).max(1) - 1)
                .copied()
        };
        Some(Self {
            median_s: rank(50)?,
            p90_s: rank(90)?,
            worst_s: rank(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_step_that_has_started_is_waiting() {
        let times = StageTimes {
            seen: Some(at(100)),
            fetched: Some(at(160)),
            ..StageTimes::default()
        };
        let progress: Vec<_> = Step::ALL.map(|step| step.progress(&times)).to_vec();
        let waiting = Some(Progress::Waiting);
        assert_eq!(
            progress,
            [Some(Progress::Done(60)), waiting, None, None, waiting]
        );
    }

    #[test]
    fn a_skipped_stage_is_neither_waiting_nor_counted() {
        let times = StageTimes {
            seen: Some(at(100)),
            built: Some(at(300)),
            ..StageTimes::default()
        };
        assert_eq!(Step::Fetch.progress(&times), None, "fetched is skipped");
        assert_eq!(
            Step::Build.progress(&times),
            None,
            "the start of the step is unknown"
        );
        assert_eq!(Step::Test.progress(&times), Some(Progress::Waiting));
    }

    #[test]
    fn a_step_whose_end_precedes_its_start_took_no_time() {
        let times = StageTimes {
            seen: Some(at(500)),
            fetched: Some(at(100)),
            ..StageTimes::default()
        };
        assert_eq!(Step::Fetch.progress(&times), Some(Progress::Done(0)));
    }

    #[test]
    fn percentiles_are_values_of_the_list() {
        assert_eq!(Spread::of(vec![]), None);
        assert_eq!(
            Spread::of(vec![7]),
            Some(Spread {
                median_s: 7,
                p90_s: 7,
                worst_s: 7
            })
        );
        assert_eq!(
            Spread::of((1..=10).rev().collect()),
            Some(Spread {
                median_s: 5,
                p90_s: 9,
                worst_s: 10
            })
        );
    }

    proptest! {
        #[test]
        fn a_percentile_is_the_lowest_value_with_its_share_of_values_below(seconds in prop::collection::vec(0_i64..50, 1..40)) {
            let spread = Spread::of(seconds.clone()).unwrap();
            for (percent, percentile) in [(50, spread.median_s), (90, spread.p90_s), (100, spread.worst_s)] {
                let within = |limit: i64| seconds.iter().filter(|&&value| value <= limit).count() * 100;
                prop_assert!(seconds.contains(&percentile));
                prop_assert!(within(percentile) >= percent * seconds.len());
                prop_assert!(within(percentile - 1) < percent * seconds.len(), "not the lowest value");
            }
        }
    }
}
