//! Events of crawls, which checks and tests of sources share.

use std::collections::BTreeMap;

use sqern_model::{DistroDef, DistroName, KernelVersion, VersionRule};
use sqern_upstream::skipped_sources;

use crate::Progress;

/// An event of a crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrawlEvent {
    /// A supported distribution has no source, so its new kernels are not found.
    NoSource(DistroName),
    /// The clock of this machine differs from the clock of the database server.
    ClockDiffers {
        /// The difference; negative if the clock of this machine is behind.
        seconds: i64,
    },
    /// Optional sources are skipped.
    SourcesSkipped {
        /// The distribution.
        distro: DistroName,
        /// The names of the sources.
        sources: Vec<String>,
        /// The missing file with their credentials or certificate.
        missing_file: String,
    },
    /// All sources of a distribution are skipped, so its new kernels are not found.
    AllSourcesSkipped(DistroName),
    /// The crawl of a source started.
    SourceStarted {
        /// The distribution.
        distro: DistroName,
        /// The name of the source.
        source: String,
    },
    /// A server sent data of a source.
    Received {
        /// The size of the data before decompression.
        bytes: u64,
    },
    /// The crawl of a source ended.
    SourceFinished {
        /// The distribution.
        distro: DistroName,
        /// The name of the source.
        source: String,
    },
}

/// Reports the progress of a crawl as events.
pub(crate) struct CrawlProgress<'a, P>(pub(crate) &'a P);

impl<P: Progress<CrawlEvent>> sqern_upstream::Progress for CrawlProgress<'_, P> {
    fn started(&self, distro: &DistroName, source: &str) {
        self.0.report(CrawlEvent::SourceStarted {
            distro: distro.clone(),
            source: source.to_owned(),
        });
    }

    fn received(&self, _distro: &DistroName, _source: &str, bytes: u64) {
        self.0.report(CrawlEvent::Received { bytes });
    }

    fn finished(&self, distro: &DistroName, source: &str) {
        self.0.report(CrawlEvent::SourceFinished {
            distro: distro.clone(),
            source: source.to_owned(),
        });
    }
}

/// Reports the sources of a distribution that a crawl skips.
pub(crate) fn report_skipped(distro: &DistroDef, progress: &impl Progress<CrawlEvent>) {
    let skipped = skipped_sources(distro);
    let mut by_file: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (source, missing_file) in &skipped {
        by_file
            .entry(*missing_file)
            .or_default()
            .push(source.name().to_owned());
    }
    for (missing_file, sources) in by_file {
        let missing_file = missing_file.to_owned();
        progress.report(CrawlEvent::SourcesSkipped {
            distro: distro.name.clone(),
            sources,
            missing_file,
        });
    }
    if !skipped.is_empty() && skipped.len() == distro.sources.len() {
        progress.report(CrawlEvent::AllSourcesSkipped(distro.name.clone()));
    }
}

/// Sorts kernel versions by the rules of the distribution, the newest first.
pub(crate) fn newest_first<'a>(
    distro: &DistroName,
    versions: impl IntoIterator<Item = &'a KernelVersion>,
) -> Vec<KernelVersion> {
    let mut versions: Vec<KernelVersion> = versions.into_iter().cloned().collect();
    versions.sort_by(|a, b| VersionRule::of(distro).cmp(b, a));
    versions
}
