//! Cached metadata of sources, and the results of their last crawls: tables `crawl_file`,
//! `crawl_index` and `crawl`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{
    CACHED_INDEX_BYTES, CachedFile, CachedIndex, CachedMetadata, CrawlCache, CrawlState, DistroName,
};
use tokio_postgres::Transaction;

use crate::decode::{column, execute, from_row, query, query_rows, query_values};
use crate::{DbError, SqlClient};

/// A source that the newest check of its distribution did not read completely. The lists of the
/// distribution might lack kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Incomplete {
    /// The distribution of the source.
    pub distro: DistroName,
    /// The name of the source.
    pub source: String,
    /// The state of the crawl: partial or failed.
    pub state: CrawlState,
    /// The error message of the crawl.
    pub reason: String,
    /// The time of the check.
    pub checked_at: Timestamp,
}

from_row!(Incomplete {
    distro,
    source,
    state,
    reason,
    checked_at
});

/// The last crawl of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastCrawl {
    /// The distribution of the source.
    pub distro: DistroName,
    /// The name of the source.
    pub source: String,
    /// The state of the crawl.
    pub state: CrawlState,
    /// The error message of a partial or failed crawl.
    pub reason: Option<String>,
    /// The number of kernel versions in the source.
    pub kernels: i32,
    /// The time at which the crawl ended.
    pub finished_at: Timestamp,
    /// The fingerprint of the OpenPGP certificate whose key signed the root metadata, or `apt`; null if
    /// no signature was verified.
    pub verified_by: Option<String>,
}

from_row!(LastCrawl {
    distro,
    source,
    state,
    reason,
    kernels,
    finished_at,
    verified_by
});

/// The newest check of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastCheck {
    /// The distribution that was checked.
    pub distro: DistroName,
    /// The time of the check.
    pub checked_at: Timestamp,
}

from_row!(LastCheck { distro, checked_at });

/// Returns the newest checks of these distributions, or of all if `distros` is empty, that were
/// made until a time or now. A distribution without a check is not part of the list.
pub async fn last_checks(
    client: &impl SqlClient,
    distros: &[DistroName],
    until: Option<Timestamp>,
) -> Result<Vec<LastCheck>, DbError> {
    let query = "SELECT distro, max(checked_at) AS checked_at FROM crawl
        WHERE ($1::text[] = '{}' OR distro = ANY ($1)) AND checked_at <= coalesce($2::timestamptz, 'infinity')
        GROUP BY distro ORDER BY distro";
    query_rows(client, query, &[&distros, &until]).await
}

/// Returns the distributions that were never checked until a time (now if none). Without a
/// selection, these are distributions with recorded kernels, which then are known only from
/// customers or users.
pub async fn never_checked(
    client: &impl SqlClient,
    distros: &[DistroName],
    until: Option<Timestamp>,
) -> Result<Vec<DistroName>, DbError> {
    let query = "SELECT d.name FROM distro AS d
        WHERE CASE WHEN $1::text[] = '{}' THEN EXISTS (SELECT FROM kver WHERE kver.distro = d.name) ELSE d.name = ANY ($1) END
          AND NOT EXISTS (SELECT FROM crawl AS c
                          WHERE c.distro = d.name AND c.checked_at <= coalesce($2::timestamptz, 'infinity'))
        ORDER BY d.name";
    query_values(client, query, &[&distros, &until]).await
}

/// Returns the last crawl of each source.
pub async fn last(client: &impl SqlClient) -> Result<Vec<LastCrawl>, DbError> {
    query_rows(client, include_str!("../../queries/crawl_last.sql"), &[]).await
}

/// Returns the cached metadata of the sources of a distribution by the name of the source.
pub async fn cache(
    client: &impl SqlClient,
    distro: &DistroName,
) -> Result<BTreeMap<String, CrawlCache>, DbError> {
    let mut caches: BTreeMap<String, CrawlCache> = BTreeMap::new();
    for row in query(
        client,
        include_str!("../../queries/crawl_cache.sql"),
        &[distro],
    )
    .await?
    {
        let cache = CrawlCache {
            checksum: column(&row, "checksum")?,
            dated_at: column(&row, "dated_at")?,
            was_verified: column(&row, "was_verified")?,
            kept: CachedMetadata::default(),
        };
        caches.insert(column(&row, "name")?, cache);
    }
    for row in query(
        client,
        "SELECT source, url, etag, body FROM crawl_file WHERE distro = $1",
        &[distro],
    )
    .await?
    {
        let file = CachedFile {
            etag: column(&row, "etag")?,
            body: column(&row, "body")?,
        };
        caches
            .entry(column(&row, "source")?)
            .or_default()
            .kept
            .files
            .insert(column(&row, "url")?, file);
    }
    for row in query(
        client,
        "SELECT source, name, checksum, entries FROM crawl_index WHERE distro = $1 AND octet_length(entries) <= $2",
        &[distro, &CACHED_INDEX_BYTES],
    )
    .await?
    {
        let index = CachedIndex {
            checksum: column(&row, "checksum")?,
            entries: column(&row, "entries")?,
        };
        caches
            .entry(column(&row, "source")?)
            .or_default()
            .kept
            .indexes
            .insert(column(&row, "name")?, index);
    }
    Ok(caches)
}

/// Replaces the cached metadata of a source. Rows that do not change are not written.
pub(super) async fn store(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    source: &str,
    metadata: &CachedMetadata,
) -> Result<(), DbError> {
    let urls: Vec<&str> = metadata.files.keys().map(String::as_str).collect();
    let etags: Vec<&str> = metadata
        .files
        .values()
        .map(|file| file.etag.as_str())
        .collect();
    let bodies: Vec<&[u8]> = metadata
        .files
        .values()
        .map(|file| file.body.as_slice())
        .collect();
    execute(
        transaction,
        "DELETE FROM crawl_file WHERE distro = $1 AND source = $2 AND url <> ALL ($3)",
        &[distro, &source, &urls],
    )
    .await?;
    execute(
        transaction,
        include_str!("../../queries/crawl_file_keep.sql"),
        &[distro, &source, &urls, &etags, &bodies],
    )
    .await?;
    let names: Vec<&str> = metadata.indexes.keys().map(String::as_str).collect();
    let checksums: Vec<&str> = metadata
        .indexes
        .values()
        .map(|index| index.checksum.as_str())
        .collect();
    let entries: Vec<&str> = metadata
        .indexes
        .values()
        .map(|index| index.entries.as_str())
        .collect();
    execute(
        transaction,
        "DELETE FROM crawl_index WHERE distro = $1 AND source = $2 AND name <> ALL ($3)",
        &[distro, &source, &names],
    )
    .await?;
    execute(
        transaction,
        include_str!("../../queries/crawl_index_keep.sql"),
        &[distro, &source, &names, &checksums, &entries],
    )
    .await?;
    Ok(())
}

/// Returns the sources that the newest check of their distribution did not read completely, as of a
/// time or now. Selects all distributions if `distros` is empty.
pub async fn incomplete(
    client: &impl SqlClient,
    distros: &[DistroName],
    at: Option<Timestamp>,
) -> Result<Vec<Incomplete>, DbError> {
    query_rows(
        client,
        include_str!("../../queries/upstream_incomplete.sql"),
        &[&distros, &at],
    )
    .await
}
