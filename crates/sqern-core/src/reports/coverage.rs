//! The report `coverage`: the kernels of each distribution by stage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::AsOf;
use sqern_db::status::{self, Stage, StageCount, Status};
use tokio_postgres::Transaction;

use super::{ReportQuery, Trend, share, trend};
use crate::Error;

/// The kernels by stage.
#[derive(Debug, Clone, PartialEq)]
pub struct CoverageReport {
    /// The numbers of each distribution.
    pub distros: Vec<Coverage>,
    /// The counted kernels; empty unless they are requested.
    pub kernels: Vec<Status>,
}

/// The numbers of kernels of a distribution by last reached stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Coverage {
    /// The distribution.
    pub distro: String,
    /// The wanted kernels that are only known.
    pub known: u64,
    /// The wanted kernels that are seen.
    pub seen: u64,
    /// The wanted kernels that are fetched.
    pub fetched: u64,
    /// The wanted kernels that are built.
    pub built: u64,
    /// The wanted kernels that are tested.
    pub tested: u64,
    /// The wanted kernels that are available.
    pub available: u64,
    /// All wanted kernels.
    pub wanted: u64,
    /// The ignored and archived kernels.
    pub unwanted: u64,
    /// The share of wanted kernels that are available; `None` without wanted kernels.
    pub share_available: Option<f64>,
}

impl Coverage {
    fn count_mut(&mut self, stage: Stage) -> &mut u64 {
        match stage {
            Stage::Known => &mut self.known,
            Stage::Seen => &mut self.seen,
            Stage::Fetched => &mut self.fetched,
            Stage::Built => &mut self.built,
            Stage::Tested => &mut self.tested,
            Stage::Available => &mut self.available,
        }
    }

    /// Returns the numbers of wanted kernels in the order of [`Stage::ALL`].
    #[must_use]
    pub fn by_stage(&self) -> [u64; 6] {
        [
            self.known,
            self.seen,
            self.fetched,
            self.built,
            self.tested,
            self.available,
        ]
    }
}

/// Returns the kernels by stage. With `with_kernels`, also returns the counted kernels and their
/// numbers of hosts.
///
/// # Errors
///
/// Returns an error if a distribution, the revision or the target of the query does not exist.
pub async fn report(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    with_kernels: bool,
    as_of: &AsOf,
) -> Result<CoverageReport, Error> {
    query.require(transaction, as_of).await?;
    let filter = query.statuses(with_kernels);
    let (counts, kernels) = if with_kernels {
        let kernels = status::list(transaction, &filter, as_of).await?;
        (StageCount::of(&kernels), kernels)
    } else {
        let counts = status::stage_counts(transaction, &filter, as_of).await?;
        (counts, vec![])
    };
    Ok(CoverageReport {
        distros: by_distro(&counts),
        kernels,
    })
}

/// Returns the numbers of available and of all wanted kernels as of weekly times until `end`.
pub async fn trend(
    transaction: &Transaction<'_>,
    query: &ReportQuery,
    end: Timestamp,
) -> Result<Trend, Error> {
    let ReportQuery {
        distros,
        target,
        revision,
    } = query;
    let value = async |as_of: &AsOf| {
        let counts = status::counts(
            transaction,
            distros,
            target.as_deref(),
            revision.as_deref(),
            as_of,
        )
        .await?;
        Ok((counts.available, counts.wanted))
    };
    trend::weekly(transaction, end, value).await
}

/// Returns the numbers of each distribution.
fn by_distro(counts: &[StageCount]) -> Vec<Coverage> {
    let mut distros: BTreeMap<_, Coverage> = BTreeMap::new();
    for count in counts {
        let coverage = distros.entry(&count.distro).or_default();
        if count.wanted {
            coverage.wanted += count.kernels;
            *coverage.count_mut(count.stage) += count.kernels;
        } else {
            coverage.unwanted += count.kernels;
        }
    }
    let finish = |(distro, coverage): (_, Coverage)| Coverage {
        distro: ToString::to_string(distro),
        share_available: (coverage.wanted > 0).then(|| share(coverage.available, coverage.wanted)),
        ..coverage
    };
    distros.into_iter().map(finish).collect()
}
