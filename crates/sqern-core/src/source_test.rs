//! Tests of sources: crawls without a database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{
    Crawl, CrawlState, DistroDef, DistroName, KernelVersion, PackageRole, SourceSet,
};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, crawl_distro};

use crate::crawl::{CrawlEvent, CrawlProgress, newest_first, report_skipped};
use crate::sources::definition;
use crate::{Error, Progress};

/// The distribution to test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestSubject {
    /// A defined distribution.
    Distro(DistroName),
    /// A distribution file.
    File(PathBuf),
}

/// The crawl of one source.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceTestResult {
    /// The distribution.
    pub distro: DistroName,
    /// The name of the source.
    pub source: String,
    /// The result of the crawl.
    pub state: CrawlState,
    /// The URL of the root metadata.
    pub url: String,
    /// The number of received bytes.
    pub bytes: u64,
    /// The reason, if the crawl is partial or failed.
    pub reason: Option<String>,
    /// Problems that did not change the result.
    pub warnings: Vec<String>,
    /// The kernels with headers, the newest first.
    pub kernels: Vec<KernelVersion>,
}

/// Returns the definition of the distribution to test, with the selected sources; with all of them
/// if `selected` is empty. A distribution file may extend or override the definitions.
///
/// # Errors
///
/// Returns an error if the file is invalid or the distribution has no source, and
/// [`Error::UnknownSource`] if it has no selected one.
pub fn select(
    mut sources: SourceSet,
    subject: &TestSubject,
    selected: &[String],
) -> Result<DistroDef, Error> {
    let name = match subject {
        TestSubject::Distro(name) => name.clone(),
        TestSubject::File(path) => sqern_upstream::sources::load_file(&mut sources, path)?,
    };
    let mut distro = definition(&sources, &name)?.clone();
    let known: Vec<String> = distro
        .sources
        .iter()
        .map(|source| source.name().to_owned())
        .collect();
    if let Some(source) = selected.iter().find(|name| !known.contains(name)) {
        return Err(Error::UnknownSource {
            distro: name,
            name: source.clone(),
            known,
        });
    }
    distro
        .sources
        .retain(|source| selected.is_empty() || selected.iter().any(|name| name == source.name()));
    Ok(distro)
}

/// Crawls all sources of a distribution. The error of a source is part of its result.
///
/// # Errors
///
/// Returns an error if the client cannot be created.
pub async fn test(
    distro: &DistroDef,
    options: &CrawlOptions,
    progress: &impl Progress<CrawlEvent>,
) -> Result<Vec<SourceTestResult>, Error> {
    report_skipped(distro, progress);
    let client = Client::new(ClientOptions::default())?;
    let crawls = crawl_distro(
        &client,
        distro,
        &BTreeMap::new(),
        options,
        &CrawlProgress(progress),
    )
    .await;
    Ok(crawls.into_iter().map(SourceTestResult::from).collect())
}

/// Returns whether all crawls are complete, and there is at least one.
#[must_use]
pub fn is_complete(results: &[SourceTestResult]) -> bool {
    !results.is_empty() && results.iter().all(|result| result.state.is_whole())
}

/// Returns the kernels of all sources, without duplicates, the newest first.
#[must_use]
pub fn kernels(distro: &DistroName, results: &[SourceTestResult]) -> Vec<KernelVersion> {
    let kernels: BTreeSet<&KernelVersion> =
        results.iter().flat_map(|result| &result.kernels).collect();
    newest_first(distro, kernels)
}

impl From<Crawl> for SourceTestResult {
    fn from(crawl: Crawl) -> Self {
        let headers = crawl
            .packages
            .iter()
            .filter(|package| package.role == PackageRole::Headers);
        let kernels: BTreeSet<&KernelVersion> = headers.map(|package| &package.kernel).collect();
        let kernels = newest_first(&crawl.distro, kernels);
        Self {
            distro: crawl.distro,
            source: crawl.source,
            state: crawl.state,
            url: crawl.url,
            bytes: crawl.bytes,
            reason: crawl.reason,
            warnings: crawl.warnings,
            kernels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selected_sources_are_tested_and_must_exist() {
        let sources = crate::sources::load([]).expect("the built-in definitions are valid");
        let subject = TestSubject::Distro("debian12".parse().expect("a name"));
        let all = select(sources.clone(), &subject, &[]).expect("defined");
        assert!(all.sources.len() > 1);
        let first = all.sources[0].name().to_owned();
        let selected =
            select(sources.clone(), &subject, std::slice::from_ref(&first)).expect("defined");
        assert_eq!(
            selected
                .sources
                .iter()
                .map(sqern_model::Source::name)
                .collect::<Vec<_>>(),
            [&first]
        );
        let error = select(sources, &subject, &["nightly".to_owned()]).expect_err("no such source");
        let expected = format!("unknown source \"nightly\" of debian12; its sources are {first}, ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
