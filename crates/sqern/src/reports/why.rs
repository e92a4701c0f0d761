//! The explanation of `sqern why`: the stage of a kernel, and the reason why the next stage is missing.

mod text;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqern_db::DataState;
use sqern_db::crawl::{Incomplete, LastCheck};
use sqern_db::kver::KverPackage;
use sqern_db::status::{Missing, Stage, Status};
use sqern_db::why::Evidence;
use sqern_model::{Kernel, KernelVersion, Spread, StageTimes, Step};

pub use text::describe;

use super::lag::{step_of, times};

/// The kernels of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The version that was asked for.
    pub version: KernelVersion,
    /// The kernels with this version, one per distribution. Empty if it is unknown.
    pub kernels: Vec<Why>,
    /// Where it is unknown, kernels that are much like it.
    pub nearest: Vec<Kernel>,
    /// When the sources of these distributions were read last.
    pub last_checks: Vec<LastCheck>,
    /// The sources that could not be read whole then.
    pub incomplete: Vec<Incomplete>,
    /// The state that this is of.
    pub data: DataState,
}

/// The stage of one kernel, and the reason why the next stage is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The stage.
    #[serde(flatten)]
    pub status: Status,
    /// `wanted`, `ignored` or `archived`.
    pub state: &'static str,
    /// What is behind that.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// Its packages, those that are still listed first.
    pub packages: Vec<KverPackage>,
    /// The reason why the next stage is missing; `None` if the kernel is available.
    pub blocks: Option<String>,
    /// The hint.
    pub hint: Option<String>,
    /// The position in the plan of the next step.
    pub place: Option<Place>,
    /// The usual duration of the next step.
    pub usual: Option<Usual>,
}

/// A position in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `fetch`, `build` or `test`.
    pub to: &'static str,
    /// The position, from 1.
    pub place: usize,
    /// How many there are.
    pub of: usize,
}

/// The usual duration of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usual {
    /// The step.
    pub step: Step,
    /// Whose kernels these are: the distribution, or none for those of all.
    pub distro: Option<String>,
    /// How many have done it.
    pub done: usize,
    /// How long they took.
    #[serde(flatten)]
    pub spread: Spread,
    /// When this one would have done it, if it took the median.
    pub expected_at: Option<Timestamp>,
}

/// Returns the next step of a kernel; `None` after the last stage, and for unseen kernels.
#[must_use]
pub fn step(status: &Status) -> Option<Step> {
    match status.stage {
        Stage::Known | Stage::Available => None,
        Stage::Seen => Some(Step::Fetch),
        Stage::Fetched => Some(Step::Build),
        Stage::Built => Some(Step::Test),
        Stage::Tested => Some(Step::Publish),
    }
}

/// Returns the usual duration of the next step, as in `sqern report lag`: of its distribution, else of all distributions.
#[must_use]
pub fn usual(status: &Status, others: &[Status]) -> Option<Usual> {
    let step = step(status)?;
    let of = |own: bool| {
        let kernels: Vec<StageTimes> =
            others.iter().filter(|one| one.wanted && (!own || one.kernel.distro == status.kernel.distro)).map(times).collect();
        let (done, _, spread) = step_of(step, &kernels)?;
        Some((done, spread?, own))
    };
    let (done, spread, own) = of(true).or_else(|| of(false))?;
    let begun = match step {
        Step::Fetch | Step::Whole => status.seen_at,
        Step::Build => status.fetched_at,
        Step::Test => status.built_at,
        Step::Publish => status.tested_at,
    };
    let expected = |begun: Timestamp| begun.checked_add(SignedDuration::from_secs(spread.median_s)).ok();
    let distro = own.then(|| status.kernel.distro.to_string());
    Some(Usual { step, distro, done, spread, expected_at: begun.and_then(expected) })
}

/// Returns the reason why the next stage of a kernel is missing, and a hint.
#[must_use]
pub fn blocks(status: &Status, evidence: &Evidence, packages: &[KverPackage]) -> (Option<String>, Option<String>) {
    let Kernel { distro, version } = &status.kernel;
    let Some(missing) = status.missing else { return (None, None) };
    if status.archived {
        let hint = format!("sqern kver unarchive {distro} {version}");
        return (Some("archived, so excluded from all plans".to_owned()), Some(hint));
    }
    if let Some(by) = evidence.ignored_by.first() {
        let comment = by.comment.as_ref().map(|comment| format!(" ({comment})")).unwrap_or_default();
        let blocks = format!("ignored by pattern {}{comment}", by.pattern);
        return (Some(blocks), Some(format!("sqern ignore list --distro {distro}")));
    }
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let last_try =
        || if status.built_by.is_some() { ("test", evidence.tests.first()) } else { ("build", evidence.builds.first()) };
    let (blocks, hint) = match missing {
        Missing::NotSeen => {
            let blocks = format!("not listed by any source of {distro}");
            (blocks, format!("sqern check --distro {distro}"))
        }
        Missing::NotFetched if !packages.is_empty() && packages.iter().all(|package| package.gone_at.is_some()) => {
            let blocks = "headers are not fetched, and no source lists their packages anymore".to_owned();
            (blocks, format!("sqern kver show {version} --distro {distro}"))
        }
        Missing::NotFetched => {
            ("headers are not fetched".to_owned(), format!("sqern fetch --distro {distro} --kernel {version}"))
        }
        Missing::NotBuilt => ("not built yet".to_owned(), format!("sqern build plan --distro {distro} --kernel {version}")),
        Missing::NotTested => {
            let blocks = format!("build {} is not tested yet", id(status.built_by));
            (blocks, format!("sqern test plan --distro {distro} --kernel {version}"))
        }
        Missing::NotAvailable => {
            let test = id(status.tested_by);
            (format!("test {test} succeeded, but the module is not available"), format!("sqern available add --test {test}"))
        }
        Missing::Building | Missing::BuildFailed | Missing::Testing | Missing::TestFailed | Missing::HarnessFailed => {
            let (kind, last) = last_try();
            let number = id(last.map(|one| one.id));
            let blocks = match last.and_then(|one| one.result) {
                Some(result) => format!("{kind} {number} recorded result {result} for this kernel"),
                None => format!("{kind} {number} is in progress"),
            };
            (blocks, format!("sqern {kind} show {number}"))
        }
    };
    (Some(blocks), Some(hint))
}
