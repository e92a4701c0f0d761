//! Whether sources can be read at all: their suites, and their keys.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sqern_model::{CrawlCache, DistroDef, Source};

use super::context::Context;
use super::distro::{missing_file, read_root_metadata};
use crate::openpgp::read_keyrings;
use crate::{Client, CrawlOptions, Error, Silent};

/// The root of a source, as it was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedSource {
    /// Where it was read, without credentials.
    pub url: String,
    /// What is worth a look: a mirror that was passed over, a signature that could not be judged, an age.
    pub warnings: Vec<String>,
}

/// Reads the root of every source of a distribution (`InRelease`, `repomd.xml`) and judges it as a crawl does; nothing below it. By
/// source, in their names' order; sources that a crawl leaves out are left out.
pub async fn probe(client: &Client, distro: &DistroDef, options: &CrawlOptions) -> BTreeMap<String, Result<ProbedSource, Error>> {
    let wanted = distro.sources.iter().filter(|source| missing_file(source).is_none());
    join_all(wanted.map(|source| async {
        let memory = CrawlCache::default();
        let mut context = Context::new(client.clone(), distro, source, &memory, options, &Silent);
        let root = read_root_metadata(&mut context).await;
        (source.name().to_owned(), root.map(|root| ProbedSource { url: root.url, warnings: root.warnings }))
    }))
    .await
    .into_iter()
    .collect()
}

/// How many certificates the keyring files of a source hold; none where none of the files is on this machine. Fails on a file that
/// can't be read or is no keyring.
pub fn count_certificates(source: &Source) -> Result<Option<usize>, Error> {
    let keyring = read_keyrings(source.keyring())?;
    Ok(keyring.found.then_some(keyring.certs.len()))
}
