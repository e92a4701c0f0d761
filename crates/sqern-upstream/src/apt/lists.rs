//! Reads the apt lists of this machine (`/var/lib/apt/lists`) instead of configured sources, which
//! requires no network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqern_archive::Compression;
use sqern_model::{CachedMetadata, Crawl, CrawlCache, DistroDef, Source};

use super::check_release::{self, Expired};
use super::entry::{Origin, PackageFilter};
use super::listfile::{decode, encode};
use super::read::scan_file;
use crate::crawl::assemble::{Clock, SourceRead, assemble};
use crate::crawl::checksum::Checksum;
use crate::crawl::context::{cached_entries, keep};
use crate::crawl::control::ScanControl;
use crate::crawl::date::not_from_the_future;
use crate::crawl::decode::SUPPORTED;
use crate::crawl::entry::Entries;
use crate::crawl::read::invalid_rules;
use crate::deb::release::Release;
use crate::openpgp::split;
use crate::regular_file::{open_regular, read_regular};
use crate::{CrawlOptions, Error, ErrorKind};

/// Reads apt lists, and returns a [`Crawl`] for each suite. Its source is `apt:` with site and path
/// (`apt:mirror.example/debian/dists/bookworm`).
///
/// apt has verified the signatures of signed suites. A suite without a signature is accepted by apt only
/// with the option `trusted` or `allow-insecure`, and causes a warning. Each index must have the size and SHA-256 in its `Release`. An
/// expired `Release` is a warning. Packages have the URL `apt:NAME=VERSION`. `caches` is as in
/// [`crawl_distro`](crate::crawl_distro).
///
/// # Errors
///
/// Returns an error if the directory contains no `Release`, or none of its indexes.
pub async fn crawl_apt_lists(
    folder: &Path,
    distro: &DistroDef,
    caches: &BTreeMap<String, CrawlCache>,
    options: &CrawlOptions,
) -> Result<Vec<Crawl>, Error> {
    let (folder, distro, caches, options) = (
        folder.to_owned(),
        distro.clone(),
        caches.clone(),
        options.clone(),
    );
    let location = folder.display().to_string();
    let crawled =
        tokio::task::spawn_blocking(move || crawl_blocking(&folder, &distro, &caches, &options))
            .await;
    crawled
        .map_err(|error| Error::caused(ErrorKind::Internal, "could not process", error, location))?
}

fn crawl_blocking(
    folder: &Path,
    distro: &DistroDef,
    caches: &BTreeMap<String, CrawlCache>,
    options: &CrawlOptions,
) -> Result<Vec<Crawl>, Error> {
    let clock = Clock::from(options.now);
    let names = file_names(folder)?;
    let suites = suites(&names);
    if suites.is_empty() {
        return Err(nothing("Release", folder));
    }
    let architectures = architectures(distro);
    let suites: Vec<SuiteLists> = suites
        .into_iter()
        .map(|(prefix, release)| {
            SuiteLists::read(
                folder,
                &names,
                prefix,
                release,
                distro,
                &architectures,
                options,
            )
        })
        .collect();
    if suites
        .iter()
        .all(|suite| suite.lists.as_ref().is_ok_and(Vec::is_empty))
    {
        return Err(nothing("index (*_Packages)", folder));
    }
    let empty = CrawlCache::default();
    let reads = suites.into_iter().map(|suite| {
        let cache = caches.get(&suite.source).unwrap_or(&empty);
        suite.finish(&clock, cache, distro, options)
    });
    Ok(assemble(distro, reads.collect(), &options.limits))
}

fn nothing(what: &str, folder: &Path) -> Error {
    let reason = format!("the apt lists contain no {what}");
    Error::failed(
        ErrorKind::NotFound,
        "could not use",
        reason,
        folder.display(),
    )
    .with_hint("apt-get update")
}

fn file_names(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let refused = |error: std::io::Error| {
        Error::io("could not read", error, folder.display()).with_hint("apt-get update")
    };
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        names.extend(entry.map_err(refused)?.file_name().into_string());
    }
    Ok(names)
}

/// Returns the prefixes of the files of all suites, with the file of the `Release`. A clearsigned
/// one is preferred.
fn suites(names: &BTreeSet<String>) -> BTreeMap<&str, &str> {
    let mut suites = BTreeMap::new();
    for suffix in ["InRelease", "Release"] {
        for name in names {
            if let Some(prefix) = name
                .strip_suffix(suffix)
                .filter(|prefix| prefix.ends_with('_'))
            {
                suites.entry(prefix).or_insert(name.as_str());
            }
        }
    }
    suites
}

/// Returns the architectures of the sources of the distribution. If there are none, all
/// architectures are read.
fn architectures(distro: &DistroDef) -> BTreeSet<&str> {
    let apt = distro.sources.iter().filter_map(|source| match source {
        Source::Apt(source) => Some(&source.architectures),
        Source::RpmMd(_) => None,
    });
    apt.flatten().map(String::as_str).collect()
}

/// The `Release` of a suite and its available indexes.
struct SuiteLists {
    source: String,
    path: PathBuf,
    checksum: String,
    warnings: Vec<String>,
    dated_at: Option<Timestamp>,
    /// Whether apt has verified a signature.
    is_signed: bool,
    lists: Result<Vec<List>, Error>,
}

/// An available index.
struct List {
    path: PathBuf,
    compression: Compression,
    architecture: String,
    plain: crate::listed_file::ListedFile,
}

impl SuiteLists {
    fn read(
        folder: &Path,
        names: &BTreeSet<String>,
        prefix: &str,
        file: &str,
        distro: &DistroDef,
        architectures: &BTreeSet<&str>,
        options: &CrawlOptions,
    ) -> Self {
        let path = folder.join(file);
        let source = format!("apt:{}", decode(prefix.trim_end_matches('_')));
        let mut checksum = Checksum::of_rules(distro);
        for architecture in architectures {
            checksum.add("architecture", architecture);
        }
        let mut warnings = Vec::new();
        let is_signed =
            file.ends_with("InRelease") || names.contains(&format!("{prefix}Release.gpg"));
        if !is_signed {
            warnings.push(format!(
                "NOT VERIFIED: apt has no signature of {}",
                path.display()
            ));
        }
        let mut dated_at = None;
        let lists = release(&path, options, &mut warnings, &mut checksum).map(|release| {
            dated_at = release.date;
            let lists = lists(
                folder,
                names,
                prefix,
                &release,
                architectures,
                &mut warnings,
            );
            for list in &lists {
                checksum.add("list", &list.path.display().to_string());
            }
            lists
        });
        Self {
            source,
            path,
            checksum: checksum.finish(),
            warnings,
            dated_at,
            is_signed,
            lists,
        }
    }

    fn finish(
        self,
        clock: &Clock,
        cache: &CrawlCache,
        distro: &DistroDef,
        options: &CrawlOptions,
    ) -> SourceRead {
        let started_at = clock.now();
        let (mut kept, mut bytes) = (CachedMetadata::default(), size(&self.path));
        let result = self
            .lists
            .and_then(|lists| read_lists(&lists, cache, &mut kept, &mut bytes, distro, options));
        SourceRead {
            source: self.source,
            started_at,
            finished_at: clock.now(),
            url: self.path.display().to_string(),
            etag: None,
            unchanged: cache.checksum.as_ref() == Some(&self.checksum),
            checksum: result.is_ok().then_some(self.checksum),
            dated_at: self.dated_at,
            verified_by: self.is_signed.then(|| "apt".to_owned()),
            kept: result.is_ok().then_some(kept),
            bytes,
            warnings: self.warnings,
            result,
        }
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn release(
    path: &Path,
    options: &CrawlOptions,
    warnings: &mut Vec<String>,
    checksum: &mut Checksum,
) -> Result<Release, Error> {
    let location = path.display().to_string();
    let refused = |error| Error::io("could not read", error, path.display());
    let text = read_regular(path, options.limits.release_bytes).map_err(refused)?;
    let text = match split(&text) {
        Ok(signed) => signed.text,
        Err(_) if !location.ends_with("InRelease") => text,
        Err(error) => {
            return Err(
                Error::caused(ErrorKind::InvalidMetadata, "cannot parse", error, location)
                    .with_hint("apt-get update"),
            );
        }
    };
    let text = String::from_utf8_lossy(&text);
    let release = Release::parse(&text).map_err(|error| {
        Error::caused(
            ErrorKind::InvalidMetadata,
            "cannot parse Release",
            error,
            &location,
        )
    })?;
    if let Some(date) = release.date {
        not_from_the_future("Release file", date, options.now, &location)?;
    }
    warnings.extend(check_release::time(
        &release,
        options.now,
        Expired::Warns,
        &location,
    )?);
    checksum.add("release", &text);
    Ok(release)
}

/// Returns the available indexes of a suite, in any compression. A missing one is not configured on
/// this machine.
fn lists(
    folder: &Path,
    names: &BTreeSet<String>,
    prefix: &str,
    release: &Release,
    architectures: &BTreeSet<&str>,
    warnings: &mut Vec<String>,
) -> Vec<List> {
    let mut lists = Vec::new();
    for index in index_paths(release) {
        let architecture = index
            .rsplit_once("/binary-")
            .map_or("", |(_, rest)| rest.trim_end_matches("/Packages"));
        let read = architectures.is_empty()
            || architecture == "all"
            || architectures.contains(architecture);
        let found = SUPPORTED.into_iter().find_map(|compression| {
            let name = format!("{prefix}{}{}", encode(index), compression.suffix());
            names
                .contains(&name)
                .then(|| (folder.join(name), compression))
        });
        let Some((path, compression)) = found.filter(|_| read) else {
            continue;
        };
        match release.files.get(index).cloned() {
            Some(plain) => lists.push(List {
                path,
                compression,
                architecture: architecture.to_owned(),
                plain,
            }),
            // apt compresses indexes again, so only the checksum of the decompressed file can be
            // verified.
            None => warnings.push(format!(
                "skipped: the Release contains no SHA256 of the uncompressed {index}, at {}",
                path.display()
            )),
        }
    }
    lists
}

/// Returns the paths of the listed indexes without suffixes of compression formats.
fn index_paths(release: &Release) -> BTreeSet<&str> {
    let plain = |path: &'_ str| {
        let end = SUPPORTED
            .iter()
            .find(|compression| path.ends_with(compression.suffix()));
        path.len() - end.map_or(0, |compression| compression.suffix().len())
    };
    let paths = release.files.keys().map(|path| &path[..plain(path)]);
    let packages = |path: &&str| path.ends_with("/Packages") && path.contains("/binary-");
    paths
        .filter(packages)
        .filter(|path| !path.contains("/debian-installer/"))
        .collect()
}

fn read_lists(
    lists: &[List],
    cache: &CrawlCache,
    kept: &mut CachedMetadata,
    bytes: &mut u64,
    distro: &DistroDef,
    options: &CrawlOptions,
) -> Result<Entries, Error> {
    let mut all = Entries::default();
    let control = ScanControl::new(&options.limits);
    for list in lists {
        let name = list.path.display().to_string();
        let mut checksum = Checksum::of_rules(distro);
        checksum.add("architecture", &list.architecture);
        checksum.add("list", &list.plain.checksum);
        let checksum = checksum.finish();
        let (entries, index) =
            if let Some(cached) = cached_entries(cache, &name, &checksum, &control)? {
                cached
            } else {
                *bytes += size(&list.path);
                keep(
                    read_list(list, distro, options, &control, &name)?,
                    checksum,
                    &name,
                )?
            };
        kept.indexes.insert(name, index);
        all.extend(entries);
    }
    Ok(all)
}

fn read_list(
    list: &List,
    distro: &DistroDef,
    options: &CrawlOptions,
    control: &ScanControl,
    location: &str,
) -> Result<Entries, Error> {
    let filter = PackageFilter::new(distro, &list.architecture, Origin::Apt)
        .map_err(|error| invalid_rules(distro, error))?;
    let file =
        open_regular(&list.path).map_err(|error| Error::io("could not read", error, location))?;
    scan_file(
        file,
        list.compression,
        Some(&list.plain),
        &filter,
        &options.limits,
        control,
        location,
    )
    .map_err(|failure| failure.with_hint("apt-get update"))
}
