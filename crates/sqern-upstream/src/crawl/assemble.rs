//! Creates a [`Crawl`] from the entries of each source.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sqern_model::{
    CachedMetadata, Crawl, CrawlState, DistroDef, DistroName, KernelPackage, KernelVersion,
    PackageRole, counted,
};

use super::entry::{Entries, Entry};
use super::resolve::{Catalog, EntryId, Excess};
use crate::{Error, ErrorKind, Limits};

/// The number of defects of a source that are named. Further ones are only counted.
const NAMED_DEFECTS: usize = 5;
/// The number of warnings of a source, of each kind. Further ones are only counted.
const WARNINGS: usize = 100;

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
    /// The authentication of the root metadata; see [`Crawl::verified_by`].
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
pub(crate) fn assemble(
    distro: &DistroDef,
    mut reads: Vec<SourceRead>,
    limits: &Limits,
) -> Vec<Crawl> {
    reads.iter_mut().for_each(reject_duplicates);
    let kernels = kernels(distro, &reads, limits);
    let crawls = reads.into_iter().zip(kernels).map(|(mut read, kernels)| {
        if let Ok(found) = &mut read.result {
            read.warnings.append(&mut found.warnings);
        }
        if let Some(problem) = kernels.problem {
            read.result = Err(problem);
            read.checksum = None;
        }
        let omitted = kernels.omitted_warnings + read.warnings.len().saturating_sub(WARNINGS);
        read.warnings.truncate(WARNINGS);
        read.warnings.extend(kernels.warnings);
        if omitted > 0 {
            read.warnings.push(format!(
                "{} omitted",
                counted(omitted as u64, "further warning")
            ));
        }
        let (state, reason, packages) = match &read.result {
            Err(failure) => (CrawlState::Failed, Some(failure.to_string()), Vec::new()),
            Ok(Entries { defects, .. }) if !defects.is_empty() => (
                CrawlState::Partial,
                Some(defects_text(defects)),
                kernels.packages,
            ),
            Ok(_) if read.unchanged => (CrawlState::Unchanged, None, kernels.packages),
            Ok(_) => (CrawlState::Complete, None, kernels.packages),
        };
        read.crawl(&distro.name, state, reason, packages)
    });
    crawls.collect()
}

/// The kernels and warnings of a source.
#[derive(Default)]
struct Kernels {
    /// Sorted packages without duplicates.
    packages: Vec<KernelPackage>,
    warnings: BTreeSet<String>,
    omitted_warnings: usize,
    /// The reason if the kernels of the source exceed a limit.
    problem: Option<Error>,
}

impl Kernels {
    fn warn(&mut self, warning: String) {
        if self.warnings.len() < WARNINGS {
            self.warnings.insert(warning);
        } else if !self.warnings.contains(&warning) {
            self.omitted_warnings += 1;
        }
    }
}

fn kernels(distro: &DistroDef, reads: &[SourceRead], limits: &Limits) -> Vec<Kernels> {
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
    let mut catalog = Catalog::new(distro, &sources, limits);
    let mut kernels: Vec<Kernels> = reads.iter().map(|_| Kernels::default()).collect();
    for source in 0..sources.len() {
        match kernels_of_source(&mut catalog, source, sources[source], limits, |warning| {
            kernels[source].warn(match warning {
                KernelWarning::Skipped { kernel, reason } => format!("skipped: {kernel}: {reason}"),
                KernelWarning::Missing { kernel, relation } => {
                    incomplete(kernel, relation, distro, &failed)
                }
            });
        }) {
            Ok(packages) => {
                for (source, package) in packages {
                    kernels[source].packages.push(package);
                }
            }
            Err(reason) => {
                kernels[source].problem = Some(Error::failed(
                    ErrorKind::LimitExceeded,
                    "could not determine the kernels of",
                    reason,
                    format!("source {} of {}", reads[source].source, distro.name),
                ));
            }
        }
    }
    for found in &mut kernels {
        found.packages.sort_unstable();
        found.packages.dedup();
    }
    kernels
}

/// A problem of one kernel.
enum KernelWarning<'a> {
    /// The kernel exceeds a limit.
    Skipped {
        kernel: &'a KernelVersion,
        reason: &'a str,
    },
    /// No package satisfies a relation.
    Missing {
        kernel: &'a KernelVersion,
        relation: &'a str,
    },
}

/// Returns the packages of the kernels of a source, each with the position of the source that lists
/// it. An error is the exceeded limit of the source.
fn kernels_of_source(
    catalog: &mut Catalog<'_>,
    source: usize,
    entries: &[Entry],
    limits: &Limits,
    mut warn: impl FnMut(KernelWarning<'_>),
) -> Result<Vec<(usize, KernelPackage)>, String> {
    let mut packages = Vec::new();
    catalog.start_source();
    for (index, headers) in entries.iter().enumerate() {
        let Some((kernel, _)) = &headers.kernel else {
            continue;
        };
        let id = EntryId {
            source,
            entry: index,
        };
        let needs = match catalog.needs(id) {
            Ok(needs) => needs,
            Err(Excess::Kernel(reason)) => {
                warn(KernelWarning::Skipped {
                    kernel,
                    reason: &reason,
                });
                continue;
            }
            Err(Excess::Source(reason)) => return Err(reason),
        };
        packages.push((source, package(kernel, PackageRole::Headers, headers)));
        for id in needs.found {
            packages.push((
                id.source,
                package(kernel, PackageRole::Support, catalog.at(id)),
            ));
        }
        if packages.len() > limits.source_packages {
            return Err(format!(
                "they require more than {} packages",
                limits.source_packages
            ));
        }
        for relation in &needs.missing {
            warn(KernelWarning::Missing { kernel, relation });
        }
    }
    Ok(packages)
}

fn package(kernel: &KernelVersion, role: PackageRole, entry: &Entry) -> KernelPackage {
    KernelPackage {
        kernel: kernel.clone(),
        role,
        package: Arc::clone(&entry.package),
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

/// Removes repeated entries of a source. Different files with the same name, version and
/// architecture are a defect, and only the first one is used.
fn reject_duplicates(read: &mut SourceRead) {
    let Ok(found) = &mut read.result else { return };
    let mut first: HashMap<[&str; 3], &str> = HashMap::new();
    let mut seen: HashSet<([&str; 3], &str)> = HashSet::new();
    let mut defects = Vec::new();
    let mut is_kept = Vec::with_capacity(found.entries.len());
    for entry in &found.entries {
        let package = &*entry.package;
        let key = [
            package.name.as_str(),
            &package.version,
            &package.architecture,
        ];
        let is_same = *first.entry(key).or_insert(&package.checksum) == package.checksum;
        if !is_same && defects.len() < WARNINGS {
            let [name, version, architecture] = key;
            defects.push(format!(
                "{name} {version} {architecture} is listed with different checksums"
            ));
        }
        // A package for all architectures is in the index of each one.
        is_kept.push(is_same && seen.insert((key, &entry.index_architecture)));
    }
    let mut is_kept = is_kept.into_iter();
    found.entries.retain(|_| is_kept.next().unwrap_or_default());
    found.defects.append(&mut defects);
}
