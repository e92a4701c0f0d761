//! One index: fetched from the first place that has it, checked, decompressed, scanned.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use futures_util::future::join_all;
use sqern_model::{AptSource, DistroDef};
use url::Url;

use super::entry::{Origin, Wanted, scan};
use super::index::{Index, Variant, indexes};
use crate::crawl::checksum::Checksum;
use crate::crawl::context::Context;
use crate::crawl::decode::{Checked, Compression, check_stated, open};
use crate::crawl::download::{download, no_temporary, stopped};
use crate::crawl::entry::Entries;
use crate::crawl::path::below;
use crate::crawl::top::Top;
use crate::deb::release::Release;
use crate::deb::stanza::StanzaError;
use crate::digest::Stated;
use crate::http::{FetchError, shown, without_credentials};
use crate::{Failure, Limits};

/// What states an index, in errors.
const BY: &str = "the Release";

/// One suite whose indexes are read.
pub(crate) struct Suite<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) source: &'a AptSource,
    pub(crate) top: &'a Top,
    pub(crate) release: &'a Release,
}

/// Reads all indexes of a source; fails when none can be read.
pub(crate) async fn read_indexes(suite: &Suite<'_>, distro: &DistroDef) -> Result<Entries, Failure> {
    let top = suite.top;
    let local = suite.context.options.mirror_base.as_ref().unwrap_or(&top.base).scheme() == "file";
    let indexes = indexes(suite.release, suite.source, local, &top.url)?;
    let reads = indexes.iter().map(async |index| {
        let base = without_credentials(&top.base);
        let follows = |checksum: &mut Checksum| {
            checksum.add("base", base.as_str());
            checksum.add("index", index.stated().checksum.as_str());
        };
        let read = async {
            let wanted = Wanted::new(distro, &index.architecture, Origin::Base(base.clone()))
                .map_err(|error| Failure::operation("cannot combine the rules of", error.to_string(), &distro.name))?;
            read_index(suite, index, wanted).await
        };
        suite.context.entries(&index.path, follows, read).await
    });
    let (mut all, mut failed) = (Entries::default(), Vec::new());
    for read in join_all(reads).await {
        match read {
            Ok(entries) => all.extend(entries),
            Err(failure) => failed.push(failure),
        }
    }
    // What could be read is right; what could not makes the source partial, unless that is all of it.
    if failed.len() < indexes.len() {
        all.defects.extend(failed.iter().map(ToString::to_string));
    } else if let Some(failure) = failed.into_iter().next() {
        return Err(failure);
    }
    Ok(all)
}

/// Reads one index of a source: each mirror from the one that gave the top on, each compression, by hash and by name.
///
/// Other mirrors may serve it, as the `Release` tells its checksum. A file that is not there leads to the next way to get
/// it; one that is there and is wrong leads to the next mirror.
async fn read_index(suite: &Suite<'_>, index: &Index, wanted: Wanted) -> Result<Entries, Failure> {
    let (context, mut failed) = (suite.context, None);
    for base in &suite.top.mirrors {
        match from_mirror(suite, base, index).await {
            Ok((file, variant, url)) => {
                let (plain, limits) = (index.plain.clone(), context.options.limits.clone());
                let place = shown(&url);
                let _permit = context.client.decoder_permit().await;
                let scanned = move || scan_file(file, variant.compression, plain.as_ref(), &wanted, &limits, &place);
                return tokio::task::spawn_blocking(scanned).await.map_err(|error| stopped(&error, &url))?;
            }
            // The first failure is about the mirror that the top came from: the one to look at.
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    Err(failed.unwrap_or_else(|| Failure::operation("could not download the index of", "no mirror", &suite.top.url)))
}

async fn from_mirror(suite: &Suite<'_>, base: &Url, index: &Index) -> Result<(File, Variant, Url), Failure> {
    let mut absent = None;
    for variant in &index.variants {
        for url in places(suite, base, index, variant) {
            match download(suite.context, &url, &variant.stated, BY).await {
                Ok(file) => return Ok((file, variant.clone(), url)),
                Err(FetchError::Absent(failure)) => absent = absent.or(Some(failure)),
                Err(error) => return Err(error.into_failure()),
            }
        }
    }
    Err(absent.unwrap_or_else(|| Failure::new("an index in a supported compression", "none", &suite.top.url)))
}

/// By its checksum first, where the archive offers that: what has a name is replaced while a mirror updates.
fn places(suite: &Suite<'_>, base: &Url, index: &Index, variant: &Variant) -> Vec<Url> {
    let name = suite.source.suite.trim_matches('/');
    let folder = index.path.trim_end_matches("Packages");
    let by_hash = format!("dists/{name}/{folder}by-hash/SHA256/{}", variant.stated.checksum);
    let by_name = format!("dists/{name}/{}{}", index.path, variant.compression.suffix());
    suite.release.by_hash.then_some(by_hash).into_iter().chain([by_name]).map(|path| below(base, &path)).collect()
}

/// Decompresses and scans a file, and compares what came out with what the `Release` states of the plain file.
pub(super) fn scan_file(
    mut file: File,
    compression: Compression,
    plain: Option<&Stated>,
    wanted: &Wanted,
    limits: &Limits,
    place: &str,
) -> Result<Entries, Failure> {
    file.seek(SeekFrom::Start(0)).map_err(|error| no_temporary(&error))?;
    // An index without packages is an empty file, which has no first bytes to tell a compression by.
    let stated = plain.and_then(|plain| plain.size_bytes);
    let limit = stated.map_or(limits.decompressed_bytes, |size| size.min(limits.decompressed_bytes));
    let input = Checked::new(open(file, compression, place)?, limit, plain.map(|plain| plain.algorithm));
    let (found, read) = scan(input, wanted, limits).map_err(|error| unreadable(&error, place))?;
    if let Some(plain) = plain {
        check_stated(plain, &read.finish(), false, BY, &format!("{place} after decompression"))?;
    }
    Ok(found)
}

fn unreadable(error: &StanzaError, place: &str) -> Failure {
    let got = match error {
        StanzaError::Read(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "a truncated file".to_owned(),
        other => other.to_string(),
    };
    Failure::operation("cannot parse package index", got, place)
}
