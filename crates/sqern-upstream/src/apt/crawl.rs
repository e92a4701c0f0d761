//! The crawl of a distribution's configured sources.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use jiff::Timestamp;
use sqern_model::{Crawl, DistroDef, Source};

use super::assemble::{Clock, SourceRead, assemble};
use super::checksum::Checksum;
use super::entry::{Entries, Origin, Wanted};
use super::index::indexes;
use super::read::read_index;
use super::top::{Context, Top, read_top};
use crate::http::{shown, without_credentials};
use crate::{Client, CrawlOptions, Failure, Progress};

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
    let contexts: Vec<Context<'_>> = distro
        .sources
        .iter()
        .map(|Source::Apt(source)| Context { client, options, progress, distro: &distro.name, source, bytes: AtomicU64::new(0) })
        .collect();
    let opened = join_all(contexts.iter().map(|context| open(context, distro, &clock))).await;
    let unchanged = !opened.is_empty() && opened.iter().all(|one| one.is_unchanged(previous));
    let reads = opened.into_iter().zip(&contexts).map(|(one, context)| finish(one, context, distro, &clock, unchanged));
    let reads = join_all(reads).await;
    let crawls =
        if unchanged { reads.into_iter().map(|read| read.unchanged(&distro.name)).collect() } else { assemble(distro, reads) };
    for crawl in &crawls {
        progress.finished(crawl);
    }
    crawls
}

/// A source whose top was asked for.
struct Opened {
    source: String,
    started_at: Timestamp,
    top: Result<(Top, String), Failure>,
}

impl Opened {
    fn is_unchanged(&self, previous: &BTreeMap<String, String>) -> bool {
        self.top.as_ref().is_ok_and(|(_, checksum)| previous.get(&self.source) == Some(checksum))
    }
}

async fn open(context: &Context<'_>, distro: &DistroDef, clock: &Clock) -> Opened {
    context.progress.started(context.distro, &context.source.name);
    let started_at = clock.now();
    let top = read_top(context).await.map(|top| {
        let mut checksum = Checksum::of_rules(distro);
        checksum.add_source(context.source);
        checksum.add("base", top.base.as_str());
        checksum.add("release", &top.text);
        (top, checksum.finish())
    });
    Opened { source: context.source.name.clone(), started_at, top }
}

async fn finish(opened: Opened, context: &Context<'_>, distro: &DistroDef, clock: &Clock, unchanged: bool) -> SourceRead {
    let Opened { source, started_at, top } = opened;
    let (url, etag, checksum, warnings, result) = match top {
        Ok((top, checksum)) => {
            let result = if unchanged { Ok(Entries::default()) } else { read_indexes(context, distro, &top).await };
            (top.url, top.etag, result.is_ok().then_some(checksum), top.warnings, result)
        }
        Err(failure) => (first_url(context), None, None, Vec::new(), Err(failure)),
    };
    let bytes = context.bytes.load(Ordering::Relaxed);
    SourceRead { source, started_at, finished_at: clock.now(), url, etag, checksum, bytes, warnings, result }
}

/// Where the top of a source was looked for first.
fn first_url(context: &Context<'_>) -> String {
    let base = context.source.base.first().map(String::as_str).unwrap_or_default();
    let url = super::path::base_url(base)
        .map(|base| super::path::below(&base, &format!("dists/{}/InRelease", context.source.suite.trim_matches('/'))));
    url.map_or_else(|_| base.to_owned(), |url| shown(&url))
}

async fn read_indexes(context: &Context<'_>, distro: &DistroDef, top: &Top) -> Result<Entries, Failure> {
    let local = context.options.mirror_base.as_ref().unwrap_or(&top.base).scheme() == "file";
    let indexes = indexes(&top.release, context.source, local, &top.url)?;
    let reads = indexes.iter().map(async |index| {
        let origin = Origin::Base(without_credentials(&top.base));
        let wanted = Wanted::new(distro, &index.architecture, origin)
            .map_err(|error| Failure::new("rules that work together", error.to_string(), &distro.name))?;
        read_index(context, top, index, wanted).await
    });
    let mut all = Entries::default();
    for read in join_all(reads).await {
        let Entries { entries, defects } = read?;
        all.entries.extend(entries);
        all.defects.extend(defects);
    }
    Ok(all)
}
