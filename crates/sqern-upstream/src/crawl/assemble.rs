//! Creates a [`Crawl`] from the entries of each source.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use sqern_model::{
    CachedMetadata, Crawl, CrawlState, DistroDef, DistroName, KernelPackage, KernelVersion,
    PackageRole,
};

use super::entry::{Entries, Entry};
use super::resolve::{Catalog, EntryId};
use crate::Error;

/// The number of defects of a source that are named. Further ones are only counted.
const NAMED_DEFECTS: usize = 5;

/// The clock of a crawl: its start time plus the elapsed time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    now: Timestamp,
    since: std::time::Instant,
}

impl Clock {
    /// Returns a clock that starts at `now`.
    pub(crate) fn from(now: Timestamp) -> Self {
        Self {
            now,
            since: std::time::Instant::now(),
        }
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or_default();
        self.now.checked_add(passed).unwrap_or(self.now)
    }
}

/// The entries of a source, before its kernels are determined.
#[derive(Debug)]
pub(crate) struct SourceRead {
    pub(crate) source: String,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) checksum: Option<String>,
    /// Whether the checksum equals that of the last complete crawl.
    pub(crate) unchanged: bool,
    pub(crate) dated_at: Option<Timestamp>,
    /// What authenticates the root metadata; see [`Crawl::verified_by`].
    pub(crate) verified_by: Option<String>,
    /// The cache for the next crawl; `None` if the root metadata is not valid.
    pub(crate) kept: Option<CachedMetadata>,
    pub(crate) bytes: u64,
    pub(crate) warnings: Vec<String>,
    pub(crate) result: Result<Entries, Error>,
}

impl SourceRead {
    fn crawl(
        self,
        distro: &DistroName,
        state: CrawlState,
        reason: Option<String>,
        packages: Vec<KernelPackage>,
    ) -> Crawl {
        Crawl {
            distro: distro.clone(),
            source: self.source,
            started_at: self.started_at,
            finished_at: self.finished_at,
            state,
            reason,
            cause: self
                .result
                .as_ref()
                .err()
                .map(|error| error.description().cause()),
            warnings: self.warnings,
            url: self.url,
            etag: self.etag,
            checksum: self.checksum,
            dated_at: self.dated_at,
            verified_by: self.verified_by,
            bytes: self.bytes,
            packages,
            kept: self.kept,
        }
    }
}

/// Returns a crawl for each source, with its kernels and the available packages that they require.
pub(crate) fn assemble(distro: &DistroDef, mut reads: Vec<SourceRead>) -> Vec<Crawl> {
    reads.iter_mut().for_each(reject_ambiguous);
    let kernels = kernels(distro, &reads);
    let crawls = reads.into_iter().zip(kernels).map(|(mut read, kernels)| {
        if let Ok(found) = &mut read.result {
            read.warnings.append(&mut found.warnings);
        }
        read.warnings.extend(kernels.warnings);
        match &read.result {
            Err(failure) => {
                let reason = Some(failure.to_string());
                read.crawl(&distro.name, CrawlState::Failed, reason, Vec::new())
            }
            Ok(Entries { defects, .. }) if !defects.is_empty() => {
                let reason = Some(defects_text(defects));
                read.crawl(
                    &distro.name,
                    CrawlState::Partial,
                    reason,
                    kernels.packages.into_iter().collect(),
                )
            }
            Ok(_) => {
                let state = if read.unchanged {
                    CrawlState::Unchanged
                } else {
                    CrawlState::Complete
                };
                read.crawl(
                    &distro.name,
                    state,
                    None,
                    kernels.packages.into_iter().collect(),
                )
            }
        }
    });
    crawls.collect()
}

/// The kernels and warnings of a source.
#[derive(Default)]
struct Kernels {
    packages: BTreeSet<KernelPackage>,
    warnings: BTreeSet<String>,
}

fn kernels(distro: &DistroDef, reads: &[SourceRead]) -> Vec<Kernels> {
    let sources: Vec<&[Entry]> = reads
        .iter()
        .map(|read| {
            read.result
                .as_ref()
                .map_or(&[][..], |found| found.entries.as_slice())
        })
        .collect();
    let failed: Vec<&str> = reads
        .iter()
        .filter(|read| read.result.is_err())
        .map(|read| read.source.as_str())
        .collect();
    let catalog = Catalog::new(&sources);
    let mut kernels: Vec<Kernels> = reads.iter().map(|_| Kernels::default()).collect();
    for (source, entries) in sources.iter().enumerate() {
        for headers in *entries {
            let Some((kernel, _)) = &headers.kernel else {
                continue;
            };
            kernels[source]
                .packages
                .insert(package(kernel, PackageRole::Headers, headers));
            let needs = catalog.needs(distro, headers);
            for EntryId { source, entry } in needs.found {
                kernels[source].packages.insert(package(
                    kernel,
                    PackageRole::Support,
                    &sources[source][entry],
                ));
            }
            kernels[source].warnings.extend(
                needs
                    .missing
                    .iter()
                    .map(|missing| incomplete(kernel, missing, distro, &failed)),
            );
        }
    }
    kernels
}

fn package(kernel: &KernelVersion, role: PackageRole, entry: &Entry) -> KernelPackage {
    KernelPackage {
        kernel: kernel.clone(),
        role,
        name: entry.name.clone(),
        version: entry.version.clone(),
        architecture: entry.architecture.clone(),
        url: entry.url.clone(),
        size_bytes: entry.size_bytes,
        checksum: entry.checksum.clone(),
    }
}

fn incomplete(
    kernel: &KernelVersion,
    missing: &str,
    distro: &DistroDef,
    failed: &[&str],
) -> String {
    let text = format!(
        "{kernel} is incomplete: it requires {missing}, which no index of {} contains",
        distro.name
    );
    match failed {
        [] => text,
        [source] => format!("{text} (source {source} failed)"),
        sources => format!("{text} (sources {} failed)", sources.join(", ")),
    }
}

fn defects_text(defects: &[String]) -> String {
    let named = defects
        .iter()
        .take(NAMED_DEFECTS)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match defects.len().saturating_sub(NAMED_DEFECTS) {
        0 => format!("skipped: {named}"),
        more => format!("skipped: {named} and {more} more"),
    }
}

/// Records a defect if a source lists different files with the same name, version and architecture.
/// Only the first one is used.
fn reject_ambiguous(read: &mut SourceRead) {
    let Ok(found) = &mut read.result else { return };
    let mut seen: HashMap<(String, String, String), String> = HashMap::new();
    let defects = &mut found.defects;
    found.entries.retain(|entry| {
        let key = (
            entry.name.clone(),
            entry.version.clone(),
            entry.architecture.clone(),
        );
        let first = seen.entry(key).or_insert_with(|| entry.checksum.clone());
        if *first != entry.checksum {
            let Entry {
                name,
                version,
                architecture,
                ..
            } = entry;
            defects.push(format!(
                "{name} {version} {architecture} is listed with different checksums"
            ));
        }
        *first == entry.checksum
    });
}
