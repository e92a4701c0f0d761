//! The differences between the recorded packages of a distribution and the packages that a crawl
//! found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Crawl, CrawlState, KernelPackage, KernelVersion, PackageRole, join_some};

/// The recorded kernels and packages of a distribution.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// All recorded versions.
    pub kernels: BTreeSet<KernelVersion>,
    /// The versions that were seen in a repository.
    pub seen: BTreeSet<KernelVersion>,
    /// All recorded packages by source, including gone ones.
    pub packages: BTreeMap<String, BTreeMap<PackageKey, KnownPackage>>,
}

/// The key of a package in its distribution and source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageKey {
    /// The version of its kernel.
    pub kernel: KernelVersion,
    /// The name of the package.
    pub name: String,
    /// The version of the package.
    pub version: String,
    /// The architecture of the package.
    pub architecture: String,
    /// The checksum of the file, as in [`Package::checksum`](crate::Package::checksum).
    pub checksum: String,
}

/// A recorded package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPackage {
    /// The id of the row.
    pub id: i64,
    /// The URL of the file.
    pub url: String,
    /// Its role for its kernel.
    pub role: PackageRole,
    /// Whether a complete crawl did not find it.
    pub gone: bool,
    /// The signer of the metadata that last listed it; see [`ListedPackage::verified_by`].
    pub verified_by: Option<String>,
}

/// A package in a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPackage {
    /// The name of the source.
    pub source: String,
    /// The package, as the source lists it.
    pub package: KernelPackage,
    /// The fingerprint of the OpenPGP certificate whose key signed the metadata that last listed the
    /// package, or `apt`; `None` if no signature was verified.
    pub verified_by: Option<String>,
}

/// The changes for a distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UpstreamDiff {
    /// Versions to record in `kver`.
    pub new_kernels: BTreeSet<KernelVersion>,
    /// Versions to record in `kver_seen`.
    pub newly_seen: BTreeSet<KernelVersion>,
    /// Packages to record.
    pub new_packages: Vec<ListedPackage>,
    /// Recorded packages that are listed again, or have a different URL, role or signer, by id.
    pub changed_packages: BTreeMap<i64, ListedPackage>,
    /// The ids of packages that are no longer listed.
    pub gone_packages: Vec<i64>,
    /// Versions that no source lists any longer.
    pub gone_kernels: BTreeSet<KernelVersion>,
    /// The crawl of each source, and the number of its kernels.
    pub crawls: Vec<(Crawl, usize)>,
}

/// Returns the changes from the crawls of the sources of a distribution.
///
/// If a complete source lost more than a tenth of its kernels, its new packages are added, but no
/// packages are removed. `accept_shrink` accepts the loss.
#[must_use]
pub fn diff(known: &Known, crawls: Vec<Crawl>, accept_shrink: bool) -> UpstreamDiff {
    let mut result = UpstreamDiff::default();
    // Headers in one source can require support packages of another source. A support package is
    // therefore gone only if all sources are complete.
    let all_whole = crawls.iter().all(|crawl| crawl.state.is_whole());
    for mut crawl in crawls {
        let packages = std::mem::take(&mut crawl.packages);
        let before = known.packages.get(&crawl.source);
        let listed_before = kernels_listed(before);
        if crawl.state == CrawlState::Failed {
            result.crawls.push((crawl, listed_before.len()));
            continue;
        }
        let kernels: BTreeSet<KernelVersion> = headers(
            packages
                .iter()
                .map(|package| (package.role, &package.kernel)),
        );
        if crawl.state.is_whole() && !accept_shrink && shrank(listed_before.len(), kernels.len()) {
            crawl.state = CrawlState::Partial;
            let missing: Vec<String> = listed_before
                .difference(&kernels)
                .map(ToString::to_string)
                .collect();
            crawl.reason = Some(format!(
                "number of kernels decreased from {} to {}, without {}; removals require --accept-shrink",
                listed_before.len(),
                kernels.len(),
                join_some(&missing)
            ));
        }
        compare_packages(&mut result, &crawl, before, packages, all_whole);
        result
            .new_kernels
            .extend(kernels.difference(&known.kernels).cloned());
        result
            .newly_seen
            .extend(kernels.difference(&known.seen).cloned());
        result.crawls.push((crawl, kernels.len()));
    }
    result.gone_kernels = gone_kernels(known, &result);
    result
}

/// Returns whether a source with `before` kernels lost more than a tenth of them.
fn shrank(before: usize, after: usize) -> bool {
    after * 10 < before * 9
}

fn compare_packages(
    result: &mut UpstreamDiff,
    crawl: &Crawl,
    before: Option<&BTreeMap<PackageKey, KnownPackage>>,
    packages: Vec<KernelPackage>,
    all_whole: bool,
) {
    let mut listed: BTreeSet<i64> = BTreeSet::new();
    for package in distinct(packages) {
        let record = before.and_then(|before| before.get(&PackageKey::of(&package)));
        let found = ListedPackage {
            source: crawl.source.clone(),
            package,
            verified_by: crawl.verified_by.clone(),
        };
        match record {
            None => result.new_packages.push(found),
            Some(record) => {
                listed.insert(record.id);
                if record.differs(&found) {
                    result.changed_packages.insert(record.id, found);
                }
            }
        }
    }
    if crawl.state.is_whole() {
        let can_go = |record: &KnownPackage| {
            !record.gone && (all_whole || record.role == PackageRole::Headers)
        };
        let gone = before
            .into_iter()
            .flatten()
            .map(|(_, record)| record)
            .filter(|record| can_go(record) && !listed.contains(&record.id));
        result.gone_packages.extend(gone.map(|record| record.id));
    }
}

/// Returns the first package with each key.
fn distinct(mut packages: Vec<KernelPackage>) -> Vec<KernelPackage> {
    fn key(package: &KernelPackage) -> [&str; 5] {
        [
            package.kernel.as_str(),
            &package.name,
            &package.version,
            &package.architecture,
            &package.checksum,
        ]
    }
    packages.sort_by(|left, right| key(left).cmp(&key(right)));
    packages.dedup_by(|next, first| key(next) == key(first));
    packages
}

/// Returns the versions whose last headers package is removed.
fn gone_kernels(known: &Known, diff: &UpstreamDiff) -> BTreeSet<KernelVersion> {
    let gone: BTreeSet<i64> = diff.gone_packages.iter().copied().collect();
    let records = || {
        known
            .packages
            .values()
            .flatten()
            .filter(|(_, record)| record.role == PackageRole::Headers)
    };
    let mut kernels: BTreeSet<KernelVersion> = records()
        .filter(|(_, record)| gone.contains(&record.id))
        .map(|(key, _)| key.kernel.clone())
        .collect();
    for (key, _) in records().filter(|(_, record)| {
        !gone.contains(&record.id)
            && (!record.gone || diff.changed_packages.contains_key(&record.id))
    }) {
        kernels.remove(&key.kernel);
    }
    for listed in &diff.new_packages {
        kernels.remove(&listed.package.kernel);
    }
    kernels
}

fn kernels_listed(
    packages: Option<&BTreeMap<PackageKey, KnownPackage>>,
) -> BTreeSet<KernelVersion> {
    headers(
        packages
            .into_iter()
            .flatten()
            .filter(|(_, record)| !record.gone)
            .map(|(key, record)| (record.role, &key.kernel)),
    )
}

fn headers<'a>(
    packages: impl Iterator<Item = (PackageRole, &'a KernelVersion)>,
) -> BTreeSet<KernelVersion> {
    packages
        .filter(|(role, _)| *role == PackageRole::Headers)
        .map(|(_, kernel)| kernel.clone())
        .collect()
}

impl KnownPackage {
    /// Returns whether a crawl that found the package must update the record.
    fn differs(&self, found: &ListedPackage) -> bool {
        self.gone
            || self.url != found.package.url
            || self.role != found.package.role
            || self.verified_by != found.verified_by
    }
}

impl PackageKey {
    /// Returns the key of a package.
    #[must_use]
    pub fn of(package: &KernelPackage) -> Self {
        Self {
            kernel: package.kernel.clone(),
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            checksum: package.checksum.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Package;
    use jiff::Timestamp;

    fn package(kernel: &str) -> KernelPackage {
        KernelPackage {
            kernel: kernel.parse().unwrap(),
            role: PackageRole::Headers,
            package: Arc::new(Package {
                name: format!("linux-headers-{kernel}"),
                version: "1".into(),
                architecture: "amd64".into(),
                url: format!("http://mirror.example/{kernel}.deb"),
                size_bytes: 1,
                checksum: "0".repeat(64),
            }),
        }
    }

    fn crawl(state: CrawlState, kernels: &[&str]) -> Crawl {
        Crawl {
            distro: "debian12".parse().unwrap(),
            source: "bookworm".into(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            state,
            reason: None,
            cause: None,
            warnings: vec![],
            url: "http://mirror.example/InRelease".into(),
            etag: None,
            checksum: None,
            dated_at: None,
            verified_by: None,
            bytes: 0,
            kept: None,
            packages: kernels.iter().map(|kernel| package(kernel)).collect(),
        }
    }

    /// Returns these kernels as recorded from the source `bookworm`. A leading `!` means gone.
    fn known(kernels: &[&str]) -> Known {
        let mut known = Known::default();
        for (id, kernel) in (1..).zip(kernels) {
            let package = package(kernel.trim_start_matches('!'));
            known.kernels.insert(package.kernel.clone());
            known.seen.insert(package.kernel.clone());
            known.packages.entry("bookworm".into()).or_default().insert(
                PackageKey::of(&package),
                KnownPackage {
                    id,
                    url: package.url.clone(),
                    role: package.role,
                    gone: kernel.starts_with('!'),
                    verified_by: None,
                },
            );
        }
        known
    }

    fn names(versions: &BTreeSet<KernelVersion>) -> Vec<&str> {
        versions.iter().map(KernelVersion::as_str).collect()
    }

    #[test]
    fn new_kernels_are_recorded_and_missing_ones_of_complete_sources_are_gone() {
        let diff = diff(
            &known(&["1", "2", "!3"]),
            vec![crawl(CrawlState::Complete, &["2", "3", "4"])],
            false,
        );
        assert_eq!(names(&diff.new_kernels), ["4"]);
        assert_eq!(names(&diff.newly_seen), ["4"]);
        assert_eq!(diff.new_packages.len(), 1);
        assert_eq!(
            diff.changed_packages.keys().copied().collect::<Vec<_>>(),
            [3],
            "3 is listed again"
        );
        assert_eq!(diff.gone_packages, [1]);
        assert_eq!(names(&diff.gone_kernels), ["1"]);
    }

    #[test]
    fn a_second_crawl_with_the_same_packages_changes_nothing() {
        let diff = diff(
            &known(&["1", "2"]),
            vec![crawl(CrawlState::Complete, &["1", "2", "2"])],
            false,
        );
        assert_eq!(
            UpstreamDiff {
                crawls: vec![],
                ..diff
            },
            UpstreamDiff::default()
        );
    }

    #[test]
    fn the_signer_of_a_package_is_that_of_the_crawl_that_listed_it() {
        let signed = |state, kernels| Crawl {
            verified_by: Some("apt".into()),
            ..crawl(state, kernels)
        };
        for state in [
            CrawlState::Complete,
            CrawlState::Unchanged,
            CrawlState::Partial,
        ] {
            let diff = diff(
                &known(&["1", "2", "!3"]),
                vec![signed(state, &["2", "4"])],
                true,
            );
            let signers: Vec<_> = diff
                .changed_packages
                .iter()
                .map(|(id, listed)| (*id, listed.verified_by.as_deref()))
                .collect();
            assert_eq!(signers, [(2, Some("apt"))], "{state}");
            assert_eq!(diff.new_packages[0].verified_by.as_deref(), Some("apt"));
        }
        let failed = diff(
            &known(&["1"]),
            vec![signed(CrawlState::Failed, &["1"])],
            true,
        );
        assert_eq!(failed.changed_packages, BTreeMap::new());
    }

    #[test]
    fn failed_and_partial_crawls_remove_nothing() {
        for state in [CrawlState::Failed, CrawlState::Partial] {
            let diff = diff(&known(&["1", "2"]), vec![crawl(state, &[])], true);
            assert_eq!(
                UpstreamDiff {
                    crawls: vec![],
                    ..diff
                },
                UpstreamDiff::default(),
                "{state}"
            );
        }
    }

    #[test]
    fn missing_rows_of_an_unchanged_source_are_recorded_again() {
        let diff = diff(
            &known(&["1"]),
            vec![crawl(CrawlState::Unchanged, &["1", "2"])],
            false,
        );
        assert_eq!((names(&diff.new_kernels), diff.crawls[0].1), (vec!["2"], 2));
    }

    #[test]
    fn support_packages_are_not_gone_if_another_source_failed() {
        let mut known = known(&["1", "2"]);
        for record in known.packages.values_mut().flat_map(BTreeMap::values_mut) {
            record.role = PackageRole::Support;
        }
        let failed = Crawl {
            source: "bookworm-security".into(),
            ..crawl(CrawlState::Failed, &[])
        };
        assert_eq!(
            diff(&known, vec![crawl(CrawlState::Complete, &[]), failed], true).gone_packages,
            Vec::<i64>::new()
        );
        assert_eq!(
            diff(&known, vec![crawl(CrawlState::Complete, &[])], true).gone_packages,
            [1, 2]
        );
    }

    #[test]
    fn a_loss_of_more_than_a_tenth_of_the_kernels_must_be_accepted() {
        let all: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let tenth = diff(
            &known(&all),
            vec![crawl(CrawlState::Complete, &all[2..])],
            false,
        );
        assert_eq!(
            (tenth.gone_packages.len(), tenth.crawls[0].0.state),
            (2, CrawlState::Complete)
        );
        let more = diff(
            &known(&all),
            vec![crawl(CrawlState::Complete, &all[3..])],
            false,
        );
        assert_eq!(
            (more.gone_packages.len(), more.crawls[0].0.state),
            (0, CrawlState::Partial)
        );
        assert!(more.crawls[0].0.reason.as_deref().is_some_and(|reason| {
            reason.contains("number of kernels decreased from 20 to 17, without 0, 1")
        }));
        let accepted = diff(
            &known(&all),
            vec![crawl(CrawlState::Complete, &all[3..])],
            true,
        );
        assert_eq!(
            (accepted.gone_packages.len(), accepted.crawls[0].0.state),
            (3, CrawlState::Complete)
        );
    }
}
