//! One index: fetched from the first place that has it, checked, decompressed, scanned.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use url::Url;

use super::decode::{Checked, Compression, check_stated, open};
use super::entry::{Entries, Wanted, scan};
use super::index::{Index, Variant};
use super::path::{base_url, below};
use super::top::{Context, Top, stopped};
use crate::deb::release::Stated;
use crate::deb::stanza::StanzaError;
use crate::http::{FetchError, Sink, shown};
use crate::{Failure, Limits};

/// Reads one index of a source: each mirror from the one that gave the top on, each compression, by hash and by name.
///
/// Other mirrors may serve it, as the `Release` tells its checksum. A file that is not there leads to the next way to get
/// it; one that is there and is wrong leads to the next mirror.
pub(super) async fn read_index(context: &Context<'_>, top: &Top, index: &Index, wanted: Wanted) -> Result<Entries, Failure> {
    let mut failed = None;
    for base in mirrors(context, top) {
        match from_mirror(context, top, &base, index).await {
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
    Err(failed.unwrap_or_else(|| Failure::new("an index", "no way to get it", &top.url)))
}

/// The mirror that gave the top, then those after it.
fn mirrors(context: &Context<'_>, top: &Top) -> Vec<Url> {
    let all = context.source.base.iter().filter_map(|base| base_url(base).ok());
    all.skip_while(|base| *base != top.base).collect()
}

async fn from_mirror(context: &Context<'_>, top: &Top, base: &Url, index: &Index) -> Result<(File, Variant, Url), Failure> {
    let mut absent = None;
    for variant in &index.variants {
        for url in places(context, top, base, index, variant) {
            match download(context, &url, variant).await {
                Ok(file) => return Ok((file, variant.clone(), url)),
                Err(FetchError::Absent(failure)) => absent = absent.or(Some(failure)),
                Err(error) => return Err(error.into_failure()),
            }
        }
    }
    Err(absent.unwrap_or_else(|| Failure::new("an index in a known compression", "none", &top.url)))
}

/// By its checksum first, where the archive offers that: what has a name is replaced while a mirror updates.
fn places(context: &Context<'_>, top: &Top, base: &Url, index: &Index, variant: &Variant) -> Vec<Url> {
    let suite = context.source.suite.trim_matches('/');
    let folder = index.path.trim_end_matches("Packages");
    let by_hash = format!("dists/{suite}/{folder}by-hash/SHA256/{}", variant.stated.sha256);
    let by_name = format!("dists/{suite}/{}{}", index.path, variant.compression.suffix());
    top.release.by_hash.then_some(by_hash).into_iter().chain([by_name]).map(|path| below(base, &path)).collect()
}

/// Receives the file that the `Release` states, and not a byte more.
async fn download(context: &Context<'_>, url: &Url, variant: &Variant) -> Result<File, FetchError> {
    let limit = context.options.limits.index_bytes;
    if variant.stated.size_bytes > limit {
        let got = format!("{} bytes as the Release states", variant.stated.size_bytes);
        return Err(FetchError::Fatal(Failure::new(format!("an index of at most {limit} bytes"), got, shown(url))));
    }
    let file = temporary_file(context.options.temp_dir.as_deref()).map_err(FetchError::Fatal)?;
    let kept = file.try_clone().map_err(|error| FetchError::Fatal(no_temporary(&error)))?;
    let mut sink = Sink::file(variant.stated.size_bytes, tokio::fs::File::from_std(file));
    context.fetch(url, &mut sink).await?;
    check_stated(&variant.stated, &sink.received(), sink.is_html(), &shown(url)).map_err(FetchError::Fatal)?;
    Ok(kept)
}

fn temporary_file(folder: Option<&Path>) -> Result<File, Failure> {
    folder.map_or_else(tempfile::tempfile, tempfile::tempfile_in).map_err(|error| no_temporary(&error))
}

fn no_temporary(error: &std::io::Error) -> Failure {
    Failure::new("a temporary file", error.to_string(), "the folder for temporary files").hint("df -h /tmp")
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
    let limit = plain.map_or(limits.decompressed_bytes, |plain| plain.size_bytes.min(limits.decompressed_bytes));
    let input = Checked::new(open(file, compression, place)?, limit);
    let (found, read) = scan(input, wanted, limits).map_err(|error| unreadable(&error, place))?;
    if let Some(plain) = plain {
        check_stated(plain, &read.finish(), false, &format!("{place} after decompression"))?;
    }
    Ok(found)
}

fn unreadable(error: &StanzaError, place: &str) -> Failure {
    let got = match error {
        StanzaError::Read(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "a cut file".to_owned(),
        other => other.to_string(),
    };
    Failure::new("an index of packages", got, place)
}
