//! The result of a check.

use serde::Serialize;
use sqern_db::change::Finished;
use sqern_model::upstream::UpstreamDiff;
use sqern_model::{Crawl, CrawlState, DistroName, KernelVersion};

use crate::crawl::newest_first;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckSummary {
    /// The crawled sources.
    pub sources: Vec<CheckedSource>,
    /// The checked distributions.
    pub distros: Vec<CheckedDistro>,
    /// The generation.
    #[serde(flatten)]
    pub finished: Finished,
}

/// The crawl of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedSource {
    /// The distribution.
    pub distro: DistroName,
    /// The name of the source.
    pub source: String,
    /// The result of the crawl.
    pub state: CrawlState,
    /// The number of kernels of the source; after a failed crawl, that of the last crawl.
    pub kernels: usize,
    /// The number of received bytes.
    pub bytes: u64,
    /// The URL of the root metadata.
    pub url: String,
    /// The reason, if the crawl is partial or failed.
    pub reason: Option<String>,
    /// Problems that did not change the result.
    pub warnings: Vec<String>,
}

/// The differences of one distribution, the newest kernels first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedDistro {
    /// The distribution.
    pub distro: DistroName,
    /// The kernels that were seen for the first time.
    pub new: Vec<KernelVersion>,
    /// The kernels that no source lists any more.
    pub gone: Vec<KernelVersion>,
}

impl CheckSummary {
    pub(super) fn new(diffs: &[(DistroName, UpstreamDiff)], finished: Finished) -> Self {
        let sources = diffs.iter().flat_map(|(_, diff)| &diff.crawls).map(|(crawl, kernels)| CheckedSource::new(crawl, *kernels));
        let distros = diffs.iter().map(|(distro, diff)| CheckedDistro {
            distro: distro.clone(),
            new: newest_first(distro, &diff.newly_seen),
            gone: newest_first(distro, &diff.gone_kernels),
        });
        Self { sources: sources.collect(), distros: distros.collect(), finished }
    }

    /// Returns whether all crawls are complete or unchanged, and there is at least one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.state.is_whole())
    }
}

impl CheckedSource {
    fn new(crawl: &Crawl, kernels: usize) -> Self {
        Self {
            distro: crawl.distro.clone(),
            source: crawl.source.clone(),
            state: crawl.state,
            kernels,
            bytes: crawl.bytes,
            url: crawl.url.clone(),
            reason: crawl.reason.clone(),
            warnings: crawl.warnings.clone(),
        }
    }
}
