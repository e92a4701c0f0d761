//! The report `activity`: the kernels that changed stage since a generation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::{AsOf, PastState, activity as db, distro};
use sqern_model::{At, DistroName};
use tokio_postgres::Transaction;

use super::Matrix;
use crate::Error;

pub use sqern_db::activity::{Activity, ActivityKind};

/// The kernels that changed stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityReport {
    /// The generation after which the activity is counted; 0 for the start of the journal.
    pub after: i64,
    /// The numbers of each generation.
    pub generations: Vec<GenerationActivity>,
    /// The counted kernels.
    pub kernels: Vec<Activity>,
}

/// The numbers of kernels that changed stage in one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GenerationActivity {
    /// The generation.
    pub generation: i64,
    /// The time at which it started.
    pub tstamp: Timestamp,
    /// The role that created it.
    pub username: String,
    /// Its comment.
    pub comment: Option<String>,
    /// The kernels that became known.
    pub known: u64,
    /// The kernels that were first seen.
    pub seen: u64,
    /// The kernels whose headers were fetched.
    pub fetched: u64,
    /// The kernels that were built.
    pub built: u64,
    /// The kernels that were tested.
    pub tested: u64,
    /// The kernels that became available.
    pub available: u64,
    /// The kernels that are no longer available.
    pub withdrawn: u64,
}

impl GenerationActivity {
    /// Returns the numbers in the order of [`ActivityKind::ALL`].
    #[must_use]
    pub fn by_kind(&self) -> [u64; 7] {
        [
            self.known,
            self.seen,
            self.fetched,
            self.built,
            self.tested,
            self.available,
            self.withdrawn,
        ]
    }
}

/// Returns the kernels of these distributions (all if empty) that changed stage after a generation
/// or a time.
///
/// # Errors
///
/// Returns an error if a distribution or the generation does not exist.
pub async fn report(
    transaction: &Transaction<'_>,
    since: At,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<ActivityReport, Error> {
    distro::require(transaction, distros, as_of).await?;
    let after = PastState::resolve(transaction, since).await?.generation;
    let kernels = db::list(transaction, after, distros, as_of).await?;
    Ok(ActivityReport {
        after,
        generations: count(&kernels),
        kernels,
    })
}

/// Returns the numbers of kernels by distribution and kind of activity.
#[must_use]
pub fn by_distro(kernels: &[Activity]) -> Matrix {
    let mut counts: BTreeMap<&DistroName, BTreeMap<ActivityKind, u64>> = BTreeMap::new();
    for activity in kernels {
        *counts
            .entry(&activity.kernel.distro)
            .or_default()
            .entry(activity.what)
            .or_default() += 1;
    }
    Matrix::new(&counts, ActivityKind::ALL, |kind| kind.as_str().to_owned())
}

/// Counts activity by generation.
fn count(activity: &[Activity]) -> Vec<GenerationActivity> {
    let row = |of_generation: &[Activity]| {
        let first = &of_generation[0];
        let count = |kind: ActivityKind| {
            of_generation
                .iter()
                .map(|activity| u64::from(activity.what == kind))
                .sum()
        };
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
    activity
        .chunk_by(|a, b| a.generation == b.generation)
        .map(row)
        .collect()
}
