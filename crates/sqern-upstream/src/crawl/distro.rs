//! Crawls the configured sources of a distribution.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use sqern_model::{Crawl, CrawlCache, DistroDef, Source};

use super::assemble::{Clock, SourceRead, assemble};
use super::checksum::of_source;
use super::context::Context;
use super::entry::Entries;
use super::identity::{identified, newest};
use super::path::{base_url, below};
use super::root_metadata::{RootDocument, RootMetadata};
use crate::http::redact_url;
use crate::{Client, CrawlOptions, Error, ErrorKind, Progress, apt, rpm};

/// Reads all sources of a distribution, and returns a [`Crawl`] for each. An error of a source is
/// its state and reason. Sources that [`skipped_sources`] returns are not read.
///
/// `caches` contains the cache of the last crawl of each source, by name. Unchanged data is not
/// downloaded again, and older root metadata is an error.
pub async fn crawl_distro(
    client: &Client,
    distro: &DistroDef,
    caches: &BTreeMap<String, CrawlCache>,
    options: &CrawlOptions,
    progress: &dyn Progress,
) -> Vec<Crawl> {
    let clock = Clock::from(options.now);
    let empty = CrawlCache::default();
    let sources = distro
        .sources
        .iter()
        .filter(|source| missing_file(source).is_none());
    let reads = sources.map(|source| {
        let cache = caches.get(source.name()).unwrap_or(&empty);
        read(
            Context::new(client.clone(), distro, source, cache, options, progress),
            &clock,
        )
    });
    assemble(distro, join_all(reads).await, &options.limits)
}

/// Returns the optional sources of a distribution whose credentials or certificates are missing on
/// this machine, with the missing file.
#[must_use]
pub fn skipped_sources(distro: &DistroDef) -> Vec<(&Source, &str)> {
    distro
        .sources
        .iter()
        .filter_map(|source| Some((source, missing_file(source)?)))
        .collect()
}

/// Returns the missing file of an optional source.
pub(super) fn missing_file(source: &Source) -> Option<&str> {
    let here = |file: &str| newest(file).is_ok_and(|file| file.exists());
    source
        .credential_files()
        .into_iter()
        .find(|file| source.is_optional() && !here(file))
}

/// Reads a source from its root metadata to its entries.
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
        verified_by: None,
        kept: None,
        bytes: 0,
        warnings: Vec::new(),
        result: Ok(Entries::default()),
    };
    let canceled = context.control.cancel_on_drop();
    let limit = context.options.source_timeout;
    let mut has_root = false;
    let read = tokio::time::timeout(limit, read_source(&mut context, &mut done, &mut has_root));
    if read.await.is_err() {
        done.result = Err(timed_out(&context, limit));
        done.checksum = None;
    }
    drop(canceled);
    context.progress.finished(&distro.name, source.name());
    done.finished_at = clock.now();
    let (bytes, kept) = context.finish();
    (done.bytes, done.kept) = (bytes, has_root.then_some(kept));
    let (outcome, seconds) = (
        if done.result.is_ok() {
            "read"
        } else {
            "could not read"
        },
        done.finished_at.duration_since(started_at).as_secs_f64(),
    );
    tracing::info!(
        bytes,
        seconds,
        "{outcome} source {} of {}",
        source.name(),
        distro.name
    );
    done
}

/// Reads the root metadata and the indexes of a source. If an index differs from the root metadata,
/// both are read again, because the mirror might have been updated in between.
async fn read_source(context: &mut Context<'_>, done: &mut SourceRead, has_root: &mut bool) {
    let root = match read_root_metadata(context).await {
        Ok(root) => root,
        Err(failure) => {
            done.result = Err(failure);
            return;
        }
    };
    *has_root = true;
    read_below(context, done, &root).await;
    if !is_inconsistent(context, done) {
        return;
    }
    match read_root_metadata(context).await {
        Ok(newer) if newer.text != root.text => read_below(context, done, &newer).await,
        _ => context.set_inconsistent(),
    }
    if is_inconsistent(context, done) {
        let note = "an index differs from the root metadata, so the mirror might be being updated";
        match &mut done.result {
            Ok(_) => done.warnings.push(format!("{note}, at {}", root.url)),
            Err(error) => error.append(&format!("; {note}")),
        }
    }
}

/// Returns whether a source is incomplete and an index differed from the root metadata.
fn is_inconsistent(context: &Context<'_>, done: &SourceRead) -> bool {
    let differed = context.take_inconsistent();
    let is_complete = matches!(&done.result, Ok(entries) if entries.defects.is_empty());
    differed && !is_complete
}

/// Reads the indexes that root metadata lists.
async fn read_below(context: &Context<'_>, done: &mut SourceRead, root: &RootMetadata) {
    let mut checksum = of_source(context.distro, context.source);
    checksum.add("base", &redact_url(&root.base));
    checksum.add("top", &root.text);
    let checksum = checksum.finish();
    done.unchanged = context.cache.checksum.as_ref() == Some(&checksum);
    (done.url, done.etag, done.dated_at) = (root.url.clone(), root.etag.clone(), root.dated_at);
    done.verified_by.clone_from(&root.verified_by);
    done.warnings.clone_from(&root.warnings);
    done.result = read_indexes(context, root).await;
    done.checksum = done.result.is_ok().then_some(checksum);
}

/// Returns the error of a source that exceeds its time limit.
fn timed_out(context: &Context<'_>, limit: Duration) -> Error {
    Error::failed(
        ErrorKind::LimitExceeded,
        "could not read",
        format!("canceled after {limit:?}"),
        format!(
            "source {} of {}",
            context.source.name(),
            context.distro.name
        ),
    )
    .with_hint("sqern check --source-timeout 2h  # extends the time limit of a source")
}

/// Reads and verifies the root metadata of a source. All further requests use the credentials and
/// certificates of the source.
pub(super) async fn read_root_metadata(context: &mut Context<'_>) -> Result<RootMetadata, Error> {
    context.client = identified(&context.client, context.source)?;
    match context.source {
        Source::Apt(source) => apt::read_root_metadata(context, source).await,
        Source::RpmMd(source) => rpm::read_root_metadata(context, source).await,
    }
}

async fn read_indexes(context: &Context<'_>, root: &RootMetadata) -> Result<Entries, Error> {
    match (context.source, &root.document) {
        (Source::Apt(source), RootDocument::Release(release)) => {
            apt::read_indexes(
                &apt::Suite {
                    context,
                    source,
                    root,
                    release,
                },
                context.distro,
            )
            .await
        }
        (_, RootDocument::Repomd(repomd)) => {
            rpm::read_primary(context, context.distro, root, &repomd.primary).await
        }
        (Source::RpmMd(_), RootDocument::Release(_)) => Err(Error::unexpected(
            ErrorKind::InvalidMetadata,
            "a repomd.xml",
            "a Release",
            &root.url,
        )),
    }
}

/// The replacement of an invalid URL.
const NO_URL: &str = "(no usable URL)";

/// Returns the first URL of the root metadata of a source.
fn first_url(source: &Source) -> String {
    let (base, file) = match source {
        Source::Apt(source) => (source.base.first(), source.suite_file("InRelease")),
        Source::RpmMd(source) => match (
            source.base.first(),
            source.mirrorlist.first().or(source.metalink.as_ref()),
        ) {
            (None, Some(list)) => return shown_url(list),
            (base, _) => (base, "repodata/repomd.xml".to_owned()),
        },
    };
    let base = base.and_then(|base| base_url(base).ok());
    base.map_or_else(
        || NO_URL.to_owned(),
        |base| redact_url(&below(&base, &file)),
    )
}

/// Returns a URL for messages. An invalid one is replaced, because it might contain a password.
fn shown_url(text: &str) -> String {
    base_url(text).map_or_else(|_| NO_URL.to_owned(), |url| redact_url(&url))
}
