//! The crawl of a distribution's configured sources.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sqern_model::{Crawl, DistroDef, Source, SourceMemory};

use super::assemble::{Clock, SourceRead, assemble};
use super::checksum::of_source;
use super::context::Context;
use super::entry::Entries;
use super::identity::{identified, newest};
use super::path::{base_url, below};
use super::top::{Says, Top};
use crate::http::shown;
use crate::{Client, CrawlOptions, Failure, Progress, apt, rpm};

/// Reads every source of a distribution, and gives one [`Crawl`] for each, in their order. It never fails as a whole: what
/// went wrong with a source is its state and reason. Sources that [`left_out`] names are not read.
///
/// `memory` is what the last crawls kept, by the source's name: what it holds is not asked for again as long as the source says
/// the same, and a source that says something older is not believed.
pub async fn crawl_distro(
    client: &Client,
    distro: &DistroDef,
    memory: &BTreeMap<String, SourceMemory>,
    options: &CrawlOptions,
    progress: &dyn Progress,
) -> Vec<Crawl> {
    let clock = Clock::from(options.now);
    let nothing = SourceMemory::default();
    let wanted = distro.sources.iter().filter(|source| missing_file(source).is_none());
    let reads = wanted.map(|source| {
        let memory = memory.get(source.name()).unwrap_or(&nothing);
        read(Context::new(client.clone(), distro, source, memory, options, progress), &clock)
    });
    assemble(distro, join_all(reads).await)
}

/// The optional sources of a distribution that this machine has no credentials or certificates for, each with the file that is missing.
#[must_use]
pub fn left_out(distro: &DistroDef) -> Vec<(&Source, &str)> {
    distro.sources.iter().filter_map(|source| Some((source, missing_file(source)?))).collect()
}

/// The file without which an optional source is left out.
pub(super) fn missing_file(source: &Source) -> Option<&str> {
    let here = |file: &str| newest(file).is_ok_and(|file| file.exists());
    source.credential_files().into_iter().find(|file| source.is_optional() && !here(file))
}

/// One source from its top to its entries.
async fn read(mut context: Context<'_>, clock: &Clock) -> SourceRead {
    let (distro, source) = (context.distro, context.source);
    context.progress.started(&distro.name, source.name());
    let started_at = clock.now();
    let mut done = SourceRead {
        source: source.name().to_owned(),
        started_at,
        finished_at: started_at,
        url: first_url(source),
        etag: None,
        checksum: None,
        unchanged: false,
        dated_at: None,
        kept: None,
        bytes: 0,
        warnings: Vec::new(),
        result: Ok(Entries::default()),
    };
    let top = read_top(&mut context).await;
    let believed = top.is_ok();
    match top {
        Ok(top) => {
            let mut checksum = of_source(distro, source);
            checksum.add("base", &shown(&top.base));
            checksum.add("top", &top.text);
            let checksum = checksum.finish();
            done.unchanged = context.memory.checksum.as_ref() == Some(&checksum);
            done.result = read_indexes(&context, &top).await;
            done.checksum = done.result.is_ok().then_some(checksum);
            (done.url, done.etag, done.dated_at, done.warnings) = (top.url, top.etag, top.dated_at, top.warnings);
        }
        Err(failure) => done.result = Err(failure),
    }
    context.progress.finished(&distro.name, source.name());
    done.finished_at = clock.now();
    let (bytes, kept) = context.finish();
    (done.bytes, done.kept) = (bytes, believed.then_some(kept));
    done
}

/// The top of a source, as far as it can be believed; from there on the context asks by the source's own identity.
pub(super) async fn read_top(context: &mut Context<'_>) -> Result<Top, Failure> {
    context.client = identified(&context.client, context.source)?;
    match context.source {
        Source::Apt(source) => apt::read_top(context, source).await,
        Source::RpmMd(source) => rpm::read_top(context, source).await,
    }
}

async fn read_indexes(context: &Context<'_>, top: &Top) -> Result<Entries, Failure> {
    match (context.source, &top.says) {
        (Source::Apt(source), Says::Release(release)) => {
            apt::read_indexes(&apt::Suite { context, source, top, release }, context.distro).await
        }
        (_, Says::Repomd(repomd)) => rpm::read_primary(context, context.distro, top, &repomd.primary).await,
        (Source::RpmMd(_), Says::Release(_)) => Err(Failure::new("a repomd.xml", "a Release", &top.url)),
    }
}

/// What is told in the place of a URL that can't be used.
const NO_URL: &str = "(no usable URL)";

/// Where the top of a source was looked for first.
fn first_url(source: &Source) -> String {
    let (base, file) = match source {
        Source::Apt(source) => (source.base.first(), format!("dists/{}/InRelease", source.suite.trim_matches('/'))),
        Source::RpmMd(source) => match (source.base.first(), source.mirrorlist.first().or(source.metalink.as_ref())) {
            (None, Some(list)) => return shown_url(list),
            (base, _) => (base, "repodata/repomd.xml".to_owned()),
        },
    };
    let base = base.and_then(|base| base_url(base).ok());
    base.map_or_else(|| NO_URL.to_owned(), |base| shown(&below(&base, &file)))
}

/// One that is none is not shown: it may hold a password all the same.
fn shown_url(text: &str) -> String {
    base_url(text).map_or_else(|_| NO_URL.to_owned(), |url| shown(&url))
}
