//! How long kernels take from one stage to the next.

use jiff::Timestamp;
use serde::Serialize;

/// When a kernel came to each stage; none where it did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// First seen upstream.
    pub seen: Option<Timestamp>,
    /// Its headers fetched.
    pub fetched: Option<Timestamp>,
    /// The first build that succeeded was started.
    pub built: Option<Timestamp>,
    /// The first test run that succeeded was started.
    pub tested: Option<Timestamp>,
    /// First available.
    pub available: Option<Timestamp>,
}

/// From one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Step {
    /// Until its headers are fetched.
    #[serde(rename = "seen to fetched")]
    Fetch,
    /// Until a build that succeeds is started.
    #[serde(rename = "fetched to built")]
    Build,
    /// Until a test that succeeds is started.
    #[serde(rename = "built to tested")]
    Test,
    /// Until it may be shipped.
    #[serde(rename = "tested to available")]
    Publish,
    /// The whole way.
    #[serde(rename = "seen to available")]
    Whole,
}

/// How far a kernel is with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It took so many seconds.
    Done(i64),
    /// It has begun and is not done.
    Waiting,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Fetch, Self::Build, Self::Test, Self::Publish, Self::Whole];

    /// What reports call it.
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

    /// How far a kernel is with it; none where it has not come to where the step begins, or went past it another way.
    ///
    /// A stage that was recorded before the one that it follows took no time.
    #[must_use]
    pub fn progress(self, times: &StageTimes) -> Option<Progress> {
        let StageTimes { seen, fetched, built, tested, available } = *times;
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

/// How values lie, each figure being one of them (nearest rank: the smallest that at least that share does not exceed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them take no more.
    pub median_s: i64,
    /// Nine in ten take no more.
    pub p90_s: i64,
    /// The longest.
    pub worst_s: i64,
}

impl Spread {
    /// The spread of these seconds; none of nothing.
    #[must_use]
    pub fn of(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let rank = |percent: usize| seconds.get((seconds.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { median_s: rank(50)?, p90_s: rank(90)?, worst_s: rank(100)? })
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
    fn a_kernel_waits_at_the_step_that_it_has_begun() {
        let times = StageTimes { seen: Some(at(100)), fetched: Some(at(160)), ..StageTimes::default() };
        let progress: Vec<_> = Step::ALL.map(|step| step.progress(&times)).to_vec();
        let waiting = Some(Progress::Waiting);
        assert_eq!(progress, [Some(Progress::Done(60)), waiting, None, None, waiting]);
    }

    #[test]
    fn a_stage_that_was_left_out_is_neither_waited_for_nor_counted() {
        let times = StageTimes { seen: Some(at(100)), built: Some(at(300)), ..StageTimes::default() };
        assert_eq!(Step::Fetch.progress(&times), None, "others fetched it");
        assert_eq!(Step::Build.progress(&times), None, "nobody knows since when");
        assert_eq!(Step::Test.progress(&times), Some(Progress::Waiting));
    }

    #[test]
    fn what_was_recorded_late_took_no_time() {
        let times = StageTimes { seen: Some(at(500)), fetched: Some(at(100)), ..StageTimes::default() };
        assert_eq!(Step::Fetch.progress(&times), Some(Progress::Done(0)));
    }

    #[test]
    fn figures_are_values_of_the_list() {
        assert_eq!(Spread::of(vec![]), None);
        assert_eq!(Spread::of(vec![7]), Some(Spread { median_s: 7, p90_s: 7, worst_s: 7 }));
        assert_eq!(Spread::of((1..=10).rev().collect()), Some(Spread { median_s: 5, p90_s: 9, worst_s: 10 }));
    }

    proptest! {
        #[test]
        fn at_least_the_share_of_a_figure_does_not_exceed_it(seconds in prop::collection::vec(0_i64..50, 1..40)) {
            let spread = Spread::of(seconds.clone()).unwrap();
            for (percent, figure) in [(50, spread.median_s), (90, spread.p90_s), (100, spread.worst_s)] {
                let within = |limit: i64| seconds.iter().filter(|&&one| one <= limit).count() * 100;
                prop_assert!(seconds.contains(&figure));
                prop_assert!(within(figure) >= percent * seconds.len());
                prop_assert!(within(figure - 1) < percent * seconds.len(), "a smaller one would do");
            }
        }
    }
}
