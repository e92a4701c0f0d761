//! The definitions of distributions and their sources.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::crawl::LastCrawl;
use sqern_model::{CrawlState, DistroDef, DistroName, SignaturePolicy, Source, SourceSet};
use sqern_upstream::{skipped_sources, sources};

use crate::Error;

/// A source with the result of its last crawl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceStatus {
    /// The distribution.
    pub distro: DistroName,
    /// The name of the source.
    pub source: String,
    /// The kind of the repository.
    pub kind: RepositoryKind,
    /// The architectures.
    pub architectures: Vec<String>,
    /// The treatment of signatures.
    pub signature: SignaturePolicy,
    /// The missing file with the credentials or the certificate of an optional source, which is
    /// therefore skipped.
    #[serde(rename = "lacks")]
    pub missing_file: Option<String>,
    /// The result of the last crawl; `None` if the source was never read.
    pub state: Option<SourceState>,
    /// The reason, if the last crawl is partial or failed.
    pub reason: Option<String>,
    /// The number of kernels.
    pub kernels: Option<i32>,
    /// The end of the last crawl.
    pub finished_at: Option<Timestamp>,
    /// Whether a signature authenticated the root metadata in the last crawl; null if the crawl
    /// failed before.
    pub verified: Option<bool>,
    /// The fingerprint of the OpenPGP certificate whose key signed the root metadata, or `apt`.
    pub verified_by: Option<String>,
}

/// The state of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// This machine lacks a file that an optional source requires.
    Skipped,
    /// The result of the last crawl.
    #[serde(untagged)]
    Crawled(CrawlState),
}

/// The kind of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryKind {
    /// A repository of apt.
    Apt,
    /// A repository of dnf and zypper.
    RpmMd,
}

/// Returns the built-in definitions, overridden and extended by those of each directory in turn.
///
/// # Errors
///
/// Returns an error if a directory cannot be read or contains an invalid file.
pub fn load<'a>(directories: impl IntoIterator<Item = &'a Path>) -> Result<SourceSet, Error> {
    let mut set = sources::builtin()?;
    for directory in directories {
        sources::load_dir(&mut set, directory)?;
    }
    Ok(set)
}

/// Returns the definition of a distribution.
///
/// # Errors
///
/// Returns [`Error::NoSource`] if the distribution is not defined or has no source.
pub fn definition<'a>(set: &'a SourceSet, name: &DistroName) -> Result<&'a DistroDef, Error> {
    set.get(name)
        .filter(|distro| !distro.sources.is_empty())
        .ok_or_else(|| Error::NoSource {
            distro: name.clone(),
            similar: sqern_db::similar_names(
                name.as_str(),
                set.distros.keys().map(DistroName::as_str),
            ),
        })
}

/// Returns the definitions of distributions; all definitions if `names` is empty.
///
/// # Errors
///
/// Returns [`Error::NoSource`] if a distribution is not defined or has no source.
pub fn select<'a>(set: &'a SourceSet, names: &[DistroName]) -> Result<Vec<&'a DistroDef>, Error> {
    if names.is_empty() {
        return Ok(set.distros.values().collect());
    }
    for name in names {
        definition(set, name)?;
    }
    Ok(set
        .distros
        .values()
        .filter(|distro| names.contains(&distro.name))
        .collect())
}

/// Combines the sources of distributions with their last crawls.
#[must_use]
pub fn statuses(distros: &[&DistroDef], last_crawls: &[LastCrawl]) -> Vec<SourceStatus> {
    let mut statuses = Vec::new();
    for distro in distros {
        let skipped = skipped_sources(distro);
        statuses.extend(distro.sources.iter().map(|source| {
            let missing_file = skipped
                .iter()
                .find(|(skipped, _)| skipped.name() == source.name())
                .map(|(_, file)| *file);
            let last = last_crawls
                .iter()
                .find(|crawl| crawl.distro == distro.name && crawl.source == source.name());
            SourceStatus::new(distro, source, missing_file, last)
        }));
    }
    statuses
}

impl SourceStatus {
    fn new(
        distro: &DistroDef,
        source: &Source,
        missing_file: Option<&str>,
        last: Option<&LastCrawl>,
    ) -> Self {
        Self {
            distro: distro.name.clone(),
            source: source.name().to_owned(),
            kind: match source {
                Source::Apt(_) => RepositoryKind::Apt,
                Source::RpmMd(_) => RepositoryKind::RpmMd,
            },
            architectures: source.architectures().to_vec(),
            signature: source.signature(),
            missing_file: missing_file.map(str::to_owned),
            state: match missing_file {
                Some(_) => Some(SourceState::Skipped),
                None => last.map(|last| SourceState::Crawled(last.state)),
            },
            reason: last.and_then(|last| last.reason.clone()),
            kernels: last.map(|last| last.kernels),
            finished_at: last.map(|last| last.finished_at),
            verified: last
                .filter(|last| last.state != CrawlState::Failed || last.verified_by.is_some())
                .map(|last| last.verified_by.is_some()),
            verified_by: last.and_then(|last| last.verified_by.clone()),
        }
    }
}

impl RepositoryKind {
    /// Returns the name of the kind, as in distribution files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::RpmMd => "rpm-md",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_distribution_is_reported_with_similar_names() {
        let set = load([]).expect("the built-in definitions are valid");
        let error =
            definition(&set, &"debian21".parse().expect("a name")).expect_err("not defined");
        assert_eq!(
            error.to_string(),
            "distribution \"debian21\" has no sources"
        );
        assert_eq!(error.hints().len(), 2, "{:?}", error.hints());
        assert!(
            error.hints()[0].starts_with("Did you mean debian11"),
            "{:?}",
            error.hints()
        );
    }

    #[test]
    fn sources_have_the_state_of_their_last_crawl() {
        let set = load([]).expect("the built-in definitions are valid");
        let name: DistroName = "debian12".parse().expect("a name");
        let distros = select(&set, std::slice::from_ref(&name)).expect("defined");
        let crawl = LastCrawl {
            distro: name,
            source: distros[0].sources[1].name().to_owned(),
            state: CrawlState::Failed,
            reason: Some("timed out".to_owned()),
            kernels: 7,
            finished_at: Timestamp::UNIX_EPOCH,
            verified_by: None,
        };
        let statuses = statuses(&distros, &[crawl]);
        assert_eq!(statuses.len(), distros[0].sources.len());
        assert_eq!(
            (statuses[0].kind.as_str(), statuses[0].state),
            ("apt", None)
        );
        assert_eq!(
            (statuses[1].state, statuses[1].kernels),
            (Some(SourceState::Crawled(CrawlState::Failed)), Some(7))
        );
    }
}
