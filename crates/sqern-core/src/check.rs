//! Checks: crawl the sources of distributions and record new kernels.
//!
//! A check crawls all sources first, and then records the differences of all distributions in one
//! generation. A partial or failed source removes no kernels, and the other sources are recorded.

mod summary;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::join_all;
use jiff::SignedDuration;
use sqern_db::change::{self, Finished};
use sqern_db::{AsOf, crawl as db, distro, kver};
use sqern_model::upstream::{self, UpstreamDiff};
use sqern_model::{Crawl, CrawlCache, DistroDef, DistroName, SourceSet};
use sqern_upstream::{ClientOptions, CrawlOptions, crawl_apt_lists, crawl_distro};
use tokio_postgres::Client;

use crate::crawl::{CrawlEvent, CrawlProgress, report_skipped};
use crate::sources::definition;
use crate::{ChangeOptions, Clock, Database, Error, Progress};

pub use summary::{CheckProblem, CheckSummary, CheckWarning, CheckedDistro, CheckedSource};

/// A check to run.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The definitions of distributions.
    pub sources: SourceSet,
    /// The repositories to crawl.
    pub target: CheckTarget,
    /// The options of the crawls.
    pub crawl: CrawlOptions,
    /// The clock of the recorded time.
    pub clock: Clock,
    /// Whether a source may lose more than 10% of its kernels.
    pub accept_shrink: bool,
}

/// The repositories to crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    /// The package lists of apt on this machine. They belong to one distribution.
    AptLists {
        /// The directory of the lists.
        directory: PathBuf,
        /// The distribution.
        distro: DistroName,
    },
    /// The configured sources of these distributions; empty for all supported ones.
    Sources(Vec<DistroName>),
}

/// A larger difference between the clocks of this machine and of the server is reported.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(1);

/// The caches of the last crawls, by source.
type Caches = BTreeMap<String, CrawlCache>;

/// Crawls the repositories, and records the differences in one generation. With `dry_run`, returns
/// the same data and records nothing.
///
/// # Errors
///
/// Returns an error if a distribution does not exist or has no source, if the lists of apt cannot
/// be read, or an error of the database. The error of a source is part of the summary.
pub async fn check(
    database: &Database,
    request: &CheckRequest,
    options: &ChangeOptions,
    progress: &impl Progress<CrawlEvent>,
) -> Result<CheckSummary, Error> {
    let session = database.open().await?;
    db::require_crawler(&session.client).await?;
    report_clock(&session.client, request.clock, progress).await?;
    let distros = selected_distros(&session.client, request, progress).await?;
    let mut caches = Vec::new();
    for distro in &distros {
        caches.push(db::cache(&session.client, &distro.name).await?);
    }
    // A server or a firewall can close a connection that is idle during the crawls.
    drop(session);
    let crawled = match &request.target {
        CheckTarget::AptLists { directory, .. } => {
            let mut crawled = Vec::new();
            for (distro, caches) in distros.iter().zip(&caches) {
                crawled.push((
                    distro.name.clone(),
                    crawl_apt_lists(directory, distro, caches, &request.crawl).await?,
                ));
            }
            crawled
        }
        CheckTarget::Sources(_) => {
            crawl_sources(&distros, &caches, &request.crawl, progress).await?
        }
    };
    let mut session = database.open().await?;
    let (diffs, finished) = record(&mut session.client, crawled, request, options).await?;
    tracing::info!(
        generation = finished.generation,
        events = finished.events,
        "recorded the check"
    );
    Ok(CheckSummary::new(&diffs, finished))
}

/// Reports a difference between the clocks of this machine and of the server. Signatures and
/// expiry times are compared with the clock of this machine.
async fn report_clock(
    client: &Client,
    clock: Clock,
    progress: &impl Progress<CrawlEvent>,
) -> Result<(), Error> {
    let recorded = clock.recorded(client).await?;
    let ahead = clock.now().duration_since(recorded);
    if ahead.abs() > MAX_CLOCK_DIFFERENCE {
        progress.report(CrawlEvent::ClockDiffers {
            seconds: ahead.as_secs(),
        });
    }
    Ok(())
}

/// Returns the definitions of the distributions to crawl.
async fn selected_distros<'a>(
    client: &Client,
    request: &'a CheckRequest,
    progress: &impl Progress<CrawlEvent>,
) -> Result<Vec<&'a DistroDef>, Error> {
    let mut names = match &request.target {
        CheckTarget::AptLists { distro, .. } => vec![distro.clone()],
        CheckTarget::Sources(names) if names.is_empty() => {
            return supported_distros(client, &request.sources, progress).await;
        }
        CheckTarget::Sources(names) => names.clone(),
    };
    names.sort();
    names.dedup();
    for name in &names {
        distro::get(client, name).await?;
    }
    names
        .iter()
        .map(|name| definition(&request.sources, name))
        .collect()
}

/// Returns the definitions of the supported distributions that have sources.
async fn supported_distros<'a>(
    client: &Client,
    sources: &'a SourceSet,
    progress: &impl Progress<CrawlEvent>,
) -> Result<Vec<&'a DistroDef>, Error> {
    let mut definitions = Vec::new();
    for distro in distro::list(client, &AsOf::Now)
        .await?
        .into_iter()
        .filter(|distro| distro.supported)
    {
        match definition(sources, &distro.name) {
            Ok(definition) => definitions.push(definition),
            Err(_) => progress.report(CrawlEvent::NoSource(distro.name)),
        }
    }
    if definitions.is_empty() {
        Err(Error::NoSupportedSource)
    } else {
        Ok(definitions)
    }
}

/// Crawls all sources in parallel. The failure of a source does not stop the others.
async fn crawl_sources(
    distros: &[&DistroDef],
    caches: &[Caches],
    options: &CrawlOptions,
    progress: &impl Progress<CrawlEvent>,
) -> Result<Vec<(DistroName, Vec<Crawl>)>, Error> {
    for distro in distros {
        report_skipped(distro, progress);
    }
    let client = sqern_upstream::Client::new(ClientOptions::default())?;
    let progress = CrawlProgress(progress);
    let crawls = distros.iter().zip(caches).map(|(distro, caches)| {
        let (client, progress) = (&client, &progress);
        async move {
            (
                distro.name.clone(),
                crawl_distro(client, distro, caches, options, progress).await,
            )
        }
    });
    Ok(join_all(crawls).await)
}

/// Records the differences of all distributions in one generation.
async fn record(
    client: &mut Client,
    crawled: Vec<(DistroName, Vec<Crawl>)>,
    request: &CheckRequest,
    options: &ChangeOptions,
) -> Result<(Vec<(DistroName, UpstreamDiff)>, Finished), Error> {
    // Before the generation starts, so that the state of that generation includes the check.
    let now = request.clock.recorded(client).await?;
    let change = change::begin(client, &options.comment).await?;
    kver::lock(&change.transaction).await?;
    let mut diffs = Vec::new();
    for (name, crawls) in crawled {
        let known = db::known(&change.transaction, &name).await?;
        let diff = upstream::diff(&known, crawls, request.accept_shrink);
        db::apply(&change.transaction, &name, &diff, now, change.generation()).await?;
        diffs.push((name, diff));
    }
    let finished = change.finish(options.dry_run).await?;
    Ok((diffs, finished))
}
