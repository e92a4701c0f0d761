//! Reads indexes: downloads them from the first mirror that has them, verifies, decompresses and
//! scans them.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use futures_util::future::join_all;
use sqern_archive::Compression;
use sqern_model::{AptSource, DistroDef};
use url::Url;

use super::entry::{Origin, PackageFilter, scan};
use super::index::{Index, Variant, indexes};
use crate::crawl::checksum::Checksum;
use crate::crawl::context::Context;
use crate::crawl::control::ScanControl;
use crate::crawl::decode::{check_plain, open};
use crate::crawl::download::{download, no_temporary};
use crate::crawl::entry::Entries;
use crate::crawl::path::below;
use crate::crawl::read::{from_first_mirror, invalid_rules, scan_in_thread};
use crate::crawl::root_metadata::RootMetadata;
use crate::deb::release::Release;
use crate::deb::stanza::StanzaError;
use crate::http::{FetchError, without_credentials};
use crate::listed_file::ListedFile;
use crate::{Error, ErrorKind, Limits};

/// The metadata that lists an index, in errors.
const BY: &str = "the Release";

/// A suite whose indexes are read.
pub(crate) struct Suite<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) source: &'a AptSource,
    pub(crate) root: &'a RootMetadata,
    pub(crate) release: &'a Release,
}

/// Reads all indexes of a source.
///
/// # Errors
///
/// Returns an error if no index can be read.
pub(crate) async fn read_indexes(suite: &Suite<'_>, distro: &DistroDef) -> Result<Entries, Error> {
    let root = suite.root;
    let local = suite
        .context
        .options
        .mirror_base
        .as_ref()
        .unwrap_or(&root.base)
        .scheme()
        == "file";
    let indexes = indexes(suite.release, suite.source, local, &root.url)?;
    let reads = indexes.iter().map(async |index| {
        let base = without_credentials(&root.base);
        let add_inputs = |checksum: &mut Checksum| {
            checksum.add("base", base.as_str());
            checksum.add("index", index.stated().checksum.as_str());
        };
        let read = async {
            let filter =
                PackageFilter::new(distro, &index.architecture, Origin::Base(base.clone()))
                    .map_err(|error| invalid_rules(distro, error))?;
            read_index(suite, index, filter).await
        };
        suite.context.entries(&index.path, add_inputs, read).await
    });
    let (mut all, mut failed) = (Entries::default(), Vec::new());
    for read in join_all(reads).await {
        match read {
            Ok(entries) => all.extend(entries),
            Err(failure) => failed.push(failure),
        }
    }
    // Entries of readable indexes are valid. Unreadable indexes make the crawl partial.
    if failed.len() < indexes.len() {
        all.defects.extend(failed.iter().map(ToString::to_string));
    } else if let Some(failure) = failed.into_iter().next() {
        return Err(failure);
    }
    Ok(all)
}

/// Reads an index. It tries each mirror, each compression, and the path by checksum before the path
/// by name. After a missing file, the next path is tried, and after an invalid one, the next mirror.
async fn read_index(
    suite: &Suite<'_>,
    index: &Index,
    filter: PackageFilter,
) -> Result<Entries, Error> {
    let mirrors = suite.root.mirrors.iter();
    let downloads: Vec<_> = mirrors
        .map(|base| Box::pin(from_mirror(suite, base, index)))
        .collect();
    let (file, variant, url) = from_first_mirror(suite.root, "index", downloads).await?;
    let (plain, limits) = (index.plain.clone(), suite.context.options.limits.clone());
    let control = suite.context.control.clone();
    let scan = move |location: &str| {
        scan_file(
            file,
            variant.compression,
            plain.as_ref(),
            &filter,
            &limits,
            &control,
            location,
        )
    };
    scan_in_thread(suite.context, &url, scan).await
}

async fn from_mirror(
    suite: &Suite<'_>,
    base: &Url,
    index: &Index,
) -> Result<(File, Variant, Url), Error> {
    let mut absent = None;
    for variant in &index.variants {
        for (url, is_by_hash) in urls(suite, base, index, variant) {
            match download(suite.context, &url, &variant.stated, BY).await {
                Ok(file) => return Ok((file, variant.clone(), url)),
                Err(FetchError::Absent(failure)) => absent = absent.or(Some(failure)),
                // Some servers answer requests by checksum with other errors. apt then requests the
                // file by name, too.
                Err(error) if is_by_hash => absent = absent.or(Some(error.into_error())),
                Err(error) => return Err(error.into_error()),
            }
        }
    }
    Err(absent.unwrap_or_else(|| {
        Error::unexpected(
            ErrorKind::InvalidMetadata,
            "an index in a supported compression",
            "none",
            &suite.root.url,
        )
    }))
}

/// Returns the URLs of an index, and whether each is a path by checksum. That one is first, because the
/// file at the path by name is replaced during an update of the mirror.
fn urls(suite: &Suite<'_>, base: &Url, index: &Index, variant: &Variant) -> Vec<(Url, bool)> {
    let folder = index.path.trim_end_matches("Packages");
    let by_hash = format!(
        "{folder}by-hash/{}/{}",
        variant.stated.algorithm.to_string().to_ascii_uppercase(),
        variant.stated.checksum
    );
    let by_name = format!("{}{}", index.path, variant.compression.suffix());
    suite
        .release
        .by_hash
        .then_some((by_hash, true))
        .into_iter()
        .chain([(by_name, false)])
        .map(|(path, is_by_hash)| (below(base, &suite.source.suite_file(&path)), is_by_hash))
        .collect()
}

/// Decompresses and scans an index, and verifies the checksum of the decompressed file.
pub(super) fn scan_file(
    mut file: File,
    compression: Compression,
    plain: Option<&ListedFile>,
    filter: &PackageFilter,
    limits: &Limits,
    control: &ScanControl,
    location: &str,
) -> Result<Entries, Error> {
    file.seek(SeekFrom::Start(0)).map_err(no_temporary)?;
    let stated = plain.and_then(|plain| plain.size_bytes);
    let limit = stated.map_or(limits.decompressed_bytes, |size| {
        size.min(limits.decompressed_bytes)
    });
    let input = open(file, compression, limit, plain, control, location)?;
    let (found, read) =
        scan(input, filter, limits, control).map_err(|error| unreadable(error, location))?;
    check_plain(&read, plain, BY, location)?;
    Ok(found)
}

fn unreadable(error: StanzaError, location: &str) -> Error {
    let actual = match error {
        StanzaError::OutOfMemory(error) => return error.into_error(location),
        StanzaError::Read(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "a truncated file".to_owned()
        }
        other => other.to_string(),
    };
    Error::failed(
        ErrorKind::InvalidMetadata,
        "cannot parse package index",
        actual,
        location,
    )
}
