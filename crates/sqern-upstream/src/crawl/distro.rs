//! The crawl of a distribution's configured sources.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use jiff::Timestamp;
use sqern_model::{Crawl, DistroDef, Source};

use super::assemble::{Clock, SourceRead, assemble};
use super::checksum::Checksum;
use super::context::Context;
use super::entry::Entries;
use super::identity::identified;
use super::path::{base_url, below};
use super::top::{Says, Top};
use crate::http::shown;
use crate::{Client, CrawlOptions, Failure, Progress, apt, rpm};

/// Reads every source of a distribution, and gives one [`Crawl`] for each, in their order. It never fails as a whole: what
/// went wrong with a source is its state and reason.
///
/// `previous` has the [`Crawl::checksum`] of each source's last complete crawl, by the source's name. When all of them are
/// what they were, all sources are unchanged and no index is read; else all are read, as kernels of one source need packages
/// of another.
pub async fn crawl_distro(
    client: &Client,
    distro: &DistroDef,
    previous: &BTreeMap<String, String>,
    options: &CrawlOptions,
    progress: &dyn Progress,
) -> Vec<Crawl> {
    let clock = Clock::from(options.now);
    let opened = join_all(distro.sources.iter().map(|source| open(client, distro, source, options, progress, &clock))).await;
    let unchanged = !opened.is_empty() && opened.iter().all(|one| one.is_unchanged(previous));
    let reads = join_all(opened.into_iter().map(|one| finish(one, distro, &clock, unchanged))).await;
    let crawls =
        if unchanged { reads.into_iter().map(|read| read.unchanged(&distro.name)).collect() } else { assemble(distro, reads) };
    for crawl in &crawls {
        progress.finished(crawl);
    }
    crawls
}

/// A source whose top was asked for.
struct Opened<'a> {
    source: &'a Source,
    context: Context<'a>,
    started_at: Timestamp,
    top: Result<(Top, String), Failure>,
}

impl Opened<'_> {
    fn is_unchanged(&self, previous: &BTreeMap<String, String>) -> bool {
        self.top.as_ref().is_ok_and(|(_, checksum)| previous.get(self.source.name()) == Some(checksum))
    }
}

async fn open<'a>(
    client: &Client,
    distro: &'a DistroDef,
    source: &'a Source,
    options: &'a CrawlOptions,
    progress: &'a dyn Progress,
    clock: &Clock,
) -> Opened<'a> {
    progress.started(&distro.name, source.name());
    let started_at = clock.now();
    let client = client.clone();
    let mut context =
        Context { client, options, progress, distro: &distro.name, source: source.name(), bytes: AtomicU64::new(0) };
    let top = match identified(&context.client, source) {
        Ok(client) => {
            context.client = client;
            match source {
                Source::Apt(source) => apt::read_top(&context, source).await,
                Source::RpmMd(source) => rpm::read_top(&context, source).await,
            }
        }
        Err(failure) => Err(failure),
    };
    let top = top.map(|top| {
        let mut checksum = Checksum::of_rules(distro);
        checksum.add_source(source);
        checksum.add("base", top.base.as_str());
        checksum.add("release", &top.text);
        (top, checksum.finish())
    });
    Opened { source, context, started_at, top }
}

async fn finish(opened: Opened<'_>, distro: &DistroDef, clock: &Clock, unchanged: bool) -> SourceRead {
    let Opened { source, context, started_at, top } = opened;
    let (url, etag, checksum, warnings, result) = match top {
        Ok((top, checksum)) => {
            let result = if unchanged { Ok(Entries::default()) } else { read(&context, source, distro, &top).await };
            (top.url, top.etag, result.is_ok().then_some(checksum), top.warnings, result)
        }
        Err(failure) => (first_url(source), None, None, Vec::new(), Err(failure)),
    };
    let bytes = context.bytes.load(Ordering::Relaxed);
    let source = source.name().to_owned();
    SourceRead { source, started_at, finished_at: clock.now(), url, etag, checksum, bytes, warnings, result }
}

async fn read(context: &Context<'_>, source: &Source, distro: &DistroDef, top: &Top) -> Result<Entries, Failure> {
    match (source, &top.says) {
        (Source::Apt(source), Says::Release(release)) => {
            apt::read_indexes(&apt::Suite { context, source, top, release }, distro).await
        }
        (_, Says::Repomd(repositories)) => rpm::read_primaries(context, distro, repositories).await,
        (Source::RpmMd(_), Says::Release(_)) => Err(Failure::new("a repomd.xml", "a Release", &top.url)),
    }
}

/// Where the top of a source was looked for first.
fn first_url(source: &Source) -> String {
    let (base, file) = match source {
        Source::Apt(source) => (source.base.first(), format!("dists/{}/InRelease", source.suite.trim_matches('/'))),
        Source::RpmMd(source) => match (source.base.first(), source.mirrorlist.first().or(source.metalink.as_ref())) {
            (None, Some(list)) => return base_url(list).map_or_else(|_| list.clone(), |url| shown(&url)),
            (base, _) => (base, "repodata/repomd.xml".to_owned()),
        },
    };
    let base = base.map(String::as_str).unwrap_or_default();
    base_url(base).map_or_else(|_| base.to_owned(), |base| shown(&below(&base, &file)))
}
