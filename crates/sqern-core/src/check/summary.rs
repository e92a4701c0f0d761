//! The result of a check.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::change::Finished;
use sqern_model::upstream::UpstreamDiff;
use sqern_model::{Crawl, CrawlState, DistroName, KernelVersion, counted, join_some};
use sqern_upstream::UNRESOLVED_HOST;
use url::Url;

use crate::crawl::newest_first;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// The part of the reason that other sources can share.
    #[serde(skip)]
    pub cause: Option<String>,
    /// Problems that did not change the result.
    pub warnings: Vec<String>,
}

/// Crawls with the same result for the same cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckProblem<'a> {
    /// The result of the crawls.
    pub state: CrawlState,
    /// The cause.
    pub cause: &'a str,
    /// The sources; at least one.
    pub sources: Vec<&'a CheckedSource>,
}

impl CheckProblem<'_> {
    /// Returns a message. For several sources, it names the distributions and the hosts instead of
    /// each source.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            state,
            cause,
            sources,
        } = self;
        if let [
            CheckedSource {
                distro,
                source,
                reason,
                ..
            },
        ] = sources.as_slice()
        {
            return format!(
                "{distro} {source} {state}: {}",
                reason.as_deref().unwrap_or(cause)
            );
        }
        let mut distros: Vec<String> = sources
            .iter()
            .map(|source| source.distro.to_string())
            .collect();
        distros.dedup();
        let hosts = sources
            .iter()
            .filter_map(|source| Url::parse(&source.url).ok()?.host_str().map(str::to_owned));
        let hosts: BTreeSet<String> = hosts.collect();
        let hosts: Vec<String> = hosts.into_iter().collect();
        let hosts = if hosts.is_empty() {
            String::new()
        } else {
            format!(" ({})", join_some(&hosts))
        };
        format!(
            "{}: {} {state}: {cause}{hosts}",
            join_some(&distros),
            counted(sources.len(), "source")
        )
    }

    /// Returns whether no host name of several sources could be resolved, as without a network.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.sources.len() > 1 && self.cause.starts_with(UNRESOLVED_HOST)
    }
}

/// A warning about one or several sources of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckWarning<'a> {
    /// The distribution.
    pub distro: &'a DistroName,
    /// The text.
    pub text: &'a str,
    /// The names of the sources; at least one.
    pub sources: Vec<&'a str>,
}

impl CheckWarning<'_> {
    /// Returns a message. For several sources, it contains their number instead of their names.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            distro,
            text,
            sources,
        } = self;
        match sources.as_slice() {
            [source] => format!("{distro} {source}: {text}"),
            sources => format!("{distro}: {}: {text}", counted(sources.len(), "source")),
        }
    }
}

/// The differences of one distribution, the newest kernels first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
        let sources = diffs
            .iter()
            .flat_map(|(_, diff)| &diff.crawls)
            .map(|(crawl, kernels)| CheckedSource::new(crawl, *kernels));
        let distros = diffs.iter().map(|(distro, diff)| CheckedDistro {
            distro: distro.clone(),
            new: newest_first(distro, &diff.newly_seen),
            gone: newest_first(distro, &diff.gone_kernels),
        });
        Self {
            sources: sources.collect(),
            distros: distros.collect(),
            finished,
        }
    }

    /// Returns the partial and failed crawls by state and cause, in the order of the sources.
    #[must_use]
    pub fn problems(&self) -> Vec<CheckProblem<'_>> {
        let mut problems: Vec<CheckProblem<'_>> = Vec::new();
        for source in &self.sources {
            let Some(reason) = &source.reason else {
                continue;
            };
            let cause = source.cause.as_ref().unwrap_or(reason);
            match problems
                .iter_mut()
                .find(|problem| (problem.state, problem.cause) == (source.state, cause.as_str()))
            {
                Some(problem) => problem.sources.push(source),
                None => problems.push(CheckProblem {
                    state: source.state,
                    cause,
                    sources: vec![source],
                }),
            }
        }
        problems
    }

    /// Returns the warnings, each with the sources of a distribution that have it, in the order of the
    /// sources.
    #[must_use]
    pub fn warnings(&self) -> Vec<CheckWarning<'_>> {
        let mut warnings: Vec<CheckWarning<'_>> = Vec::new();
        for source in &self.sources {
            let CheckedSource {
                distro,
                source: name,
                warnings: texts,
                ..
            } = source;
            for text in texts {
                let known = warnings
                    .iter_mut()
                    .find(|warning| warning.distro == distro && warning.text == text);
                match known {
                    Some(warning) if warning.sources.last() == Some(&name.as_str()) => {}
                    Some(warning) => warning.sources.push(name),
                    None => warnings.push(CheckWarning {
                        distro,
                        text,
                        sources: vec![name],
                    }),
                }
            }
        }
        warnings
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
            cause: crawl.cause.clone(),
            warnings: crawl.warnings.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(distro: &str, source: &str, host: &str, cause: &str) -> CheckedSource {
        CheckedSource {
            distro: distro.parse().unwrap(),
            source: source.to_owned(),
            state: CrawlState::Failed,
            kernels: 0,
            bytes: 0,
            url: format!("https://{host}/repodata/repomd.xml"),
            reason: Some(format!(
                "could not download https://{host}/{source}: {cause}"
            )),
            cause: Some(cause.to_owned()),
            warnings: vec![],
        }
    }

    #[test]
    fn equal_warnings_of_a_distribution_are_one_warning() {
        let source = |distro, name, warnings: &[&str]| CheckedSource {
            warnings: warnings.iter().map(ToString::to_string).collect(),
            ..failed(distro, name, "repo.example", "cause")
        };
        let summary = CheckSummary {
            sources: vec![
                source("alma8", "8-base", &["key expires", "key expires", "old"]),
                source("alma8", "8-extras", &["key expires"]),
                source("alma9", "9-base", &["key expires"]),
            ],
            distros: vec![],
            finished: Finished {
                generation: None,
                events: 0,
            },
        };
        let messages: Vec<String> = summary
            .warnings()
            .iter()
            .map(CheckWarning::message)
            .collect();
        assert_eq!(
            messages,
            [
                "alma8: 2 sources: key expires",
                "alma8 8-base: old",
                "alma9 9-base: key expires"
            ]
        );
    }

    #[test]
    fn sources_without_a_network_are_one_problem() {
        let cause = &format!("{UNRESOLVED_HOST}: Name or service not known");
        let sources = vec![
            failed("alma8", "8-base", "repo.example", cause),
            failed("alma8", "8-extras", "vault.example", cause),
            failed("alma9", "9-base", "repo.example", cause),
            failed(
                "alma9",
                "9-extras",
                "repo.example",
                "HTTP status 404 Not Found",
            ),
        ];
        let summary = CheckSummary {
            sources,
            distros: vec![],
            finished: Finished {
                generation: None,
                events: 0,
            },
        };
        let problems = summary.problems();
        let messages: Vec<String> = problems.iter().map(CheckProblem::message).collect();
        assert_eq!(
            messages,
            [
                format!("alma8, alma9: 3 sources failed: {cause} (repo.example, vault.example)"),
                "alma9 9-extras failed: could not download https://repo.example/9-extras: HTTP status 404 Not Found".to_owned(),
            ]
        );
        assert!(problems[0].is_offline() && !problems[1].is_offline());
    }
}
