//! Checks that root metadata and keyrings of sources are available.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sqern_model::{CrawlCache, DistroDef, Source};

use super::context::Context;
use super::distro::{missing_file, read_root_metadata};
use crate::openpgp::{KeyringSpec, read_keyrings};
use crate::{Client, CrawlOptions, Error, Silent};

/// The verified root metadata of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedSource {
    /// The URL without credentials.
    pub url: String,
    /// Warnings: a skipped mirror, an unverified signature, an old date.
    pub warnings: Vec<String>,
}

/// Reads and verifies the root metadata (`InRelease`, `repomd.xml`) of all sources of a
/// distribution, by name. Indexes are not read, and skipped sources are omitted.
pub async fn probe(
    client: &Client,
    distro: &DistroDef,
    options: &CrawlOptions,
) -> BTreeMap<String, Result<ProbedSource, Error>> {
    let sources = distro
        .sources
        .iter()
        .filter(|source| missing_file(source).is_none());
    join_all(sources.map(|source| async {
        let cache = CrawlCache::default();
        let mut context = Context::new(client.clone(), distro, source, &cache, options, &Silent);
        let root = read_root_metadata(&mut context).await;
        (
            source.name().to_owned(),
            root.map(|root| ProbedSource {
                url: root.url,
                warnings: root.warnings,
            }),
        )
    }))
    .await
    .into_iter()
    .collect()
}

/// Returns the number of accepted certificates in the keyrings of a source, or `None` if there is none.
///
/// # Errors
///
/// Returns an error if a keyring is invalid or cannot be read.
pub fn count_certificates(source: &Source) -> Result<Option<usize>, Error> {
    let keyring = read_keyrings(&KeyringSpec::of(source))?;
    Ok(keyring.is_found().then_some(keyring.certs.len()))
}
