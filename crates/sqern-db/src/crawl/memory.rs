//! What crawls leave to those that come after them: tables `crawl_file` and `crawl_index`, and how far the last check came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{CachedFile, CachedIndex, CachedMetadata, CrawlCache, CrawlState, DistroName};
use tokio_postgres::{GenericClient, Row, Transaction};

use crate::{DbError, text};

/// A source that the newest check of its distro could not read whole: what is listed of that distro may lack kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incomplete {
    /// The distro.
    pub distro: DistroName,
    /// The source.
    pub source: String,
    /// Partial or failed.
    pub state: CrawlState,
    /// What was expected, what was got, and where.
    pub reason: String,
    /// When that was.
    pub checked_at: Timestamp,
}

/// How a source was read last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastCrawl {
    /// The distro.
    pub distro: DistroName,
    /// The source.
    pub source: String,
    /// How far it could be believed.
    pub state: CrawlState,
    /// For partial and failed: what was expected, what was got, and where.
    pub reason: Option<String>,
    /// How many kernel versions it holds.
    pub kernels: i32,
    /// When that was.
    pub finished_at: Timestamp,
}

/// How each source that was ever read was read last.
pub async fn last(client: &impl GenericClient) -> Result<Vec<LastCrawl>, DbError> {
    let rows = client.query(include_str!("../../queries/crawl_last.sql"), &[]).await?;
    let read = |row: &Row| {
        Ok(LastCrawl {
            distro: text::distro(row.get(0))?,
            source: row.get(1),
            state: state(row.get(2))?,
            reason: row.get(3),
            kernels: row.get(4),
            finished_at: row.get(5),
        })
    };
    rows.iter().map(read).collect()
}

/// What is remembered of a distribution's sources, by their names.
pub async fn memory(client: &impl GenericClient, distro: &DistroName) -> Result<BTreeMap<String, CrawlCache>, DbError> {
    let mut memory: BTreeMap<String, CrawlCache> = BTreeMap::new();
    for row in client.query(include_str!("../../queries/crawl_memory.sql"), &[&distro.as_str()]).await? {
        let remembered = CrawlCache { checksum: row.get(1), dated_at: row.get(2), kept: CachedMetadata::default() };
        memory.insert(row.get(0), remembered);
    }
    let files = "SELECT source, url, etag, body FROM crawl_file WHERE distro = $1";
    for row in client.query(files, &[&distro.as_str()]).await? {
        let file = CachedFile { etag: row.get(2), body: row.get(3) };
        memory.entry(row.get(0)).or_default().kept.files.insert(row.get(1), file);
    }
    let indexes = "SELECT source, name, checksum, entries FROM crawl_index WHERE distro = $1";
    for row in client.query(indexes, &[&distro.as_str()]).await? {
        let index = CachedIndex { checksum: row.get(2), entries: row.get(3) };
        memory.entry(row.get(0)).or_default().kept.indexes.insert(row.get(1), index);
    }
    Ok(memory)
}

/// Replaces what is remembered of a source; writes only what differs.
pub(super) async fn keep(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    source: &str,
    kept: &CachedMetadata,
) -> Result<(), DbError> {
    let urls: Vec<&str> = kept.files.keys().map(String::as_str).collect();
    let etags: Vec<&str> = kept.files.values().map(|file| file.etag.as_str()).collect();
    let bodies: Vec<&[u8]> = kept.files.values().map(|file| file.body.as_slice()).collect();
    transaction
        .execute(
            "DELETE FROM crawl_file WHERE distro = $1 AND source = $2 AND url <> ALL ($3)",
            &[&distro.as_str(), &source, &urls],
        )
        .await?;
    transaction
        .execute(include_str!("../../queries/crawl_file_keep.sql"), &[&distro.as_str(), &source, &urls, &etags, &bodies])
        .await?;
    let names: Vec<&str> = kept.indexes.keys().map(String::as_str).collect();
    let checksums: Vec<&str> = kept.indexes.values().map(|index| index.checksum.as_str()).collect();
    let entries: Vec<&str> = kept.indexes.values().map(|index| index.entries.as_str()).collect();
    transaction
        .execute(
            "DELETE FROM crawl_index WHERE distro = $1 AND source = $2 AND name <> ALL ($3)",
            &[&distro.as_str(), &source, &names],
        )
        .await?;
    transaction
        .execute(include_str!("../../queries/crawl_index_keep.sql"), &[&distro.as_str(), &source, &names, &checksums, &entries])
        .await?;
    Ok(())
}

/// The sources that the newest check of their distro could not read whole, as of a time or now; `distros` empty means all.
pub async fn incomplete(
    client: &impl GenericClient,
    distros: &[DistroName],
    at: Option<Timestamp>,
) -> Result<Vec<Incomplete>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let rows = client.query(include_str!("../../queries/upstream_incomplete.sql"), &[&names, &at]).await?;
    let read = |row: &Row| {
        Ok(Incomplete {
            distro: text::distro(row.get(0))?,
            source: row.get(1),
            state: state(row.get(2))?,
            reason: row.get(3),
            checked_at: row.get(4),
        })
    };
    rows.iter().map(read).collect()
}

fn state(text: &str) -> Result<CrawlState, DbError> {
    let all = [CrawlState::Complete, CrawlState::Unchanged, CrawlState::Partial, CrawlState::Failed];
    all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| DbError::Unexpected {
        expected: "complete, unchanged, partial or failed",
        place: "crawl.state",
        got: text.to_owned(),
    })
}
