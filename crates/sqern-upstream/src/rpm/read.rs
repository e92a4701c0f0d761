//! The lists of packages of a source: fetched, checked, decompressed, scanned.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use percent_encoding::percent_decode_str;
use sqern_model::{DistroDef, counted};
use url::Url;

use super::primary::scan;
use super::repomd::IndexFile;
use super::wanted::{Wanted, other_base};
use super::xml::XmlError;
use crate::crawl::checksum::Checksum;
use crate::crawl::context::Context;
use crate::crawl::decode::{Checked, Compression, check_stated, open};
use crate::crawl::download::{download, no_temporary, stopped};
use crate::crawl::entry::Entries;
use crate::crawl::path::{below, hostile};
use crate::crawl::top::Top;
use crate::digest::Stated;
use crate::http::{FetchError, shown, without_credentials};
use crate::{Failure, Limits};

/// What states a list of packages, in errors.
const BY: &str = "the repomd.xml";

/// Reads the list of packages of a source.
pub(crate) async fn read_primary(
    context: &Context<'_>,
    distro: &DistroDef,
    top: &Top,
    primary: &IndexFile,
) -> Result<Entries, Failure> {
    let Some(stated) = &primary.sent else {
        return Err(Failure::new("a checksum of the package list", "none", &top.url));
    };
    let base = without_credentials(&top.base);
    let follows = |checksum: &mut Checksum| {
        checksum.add("base", base.as_str());
        checksum.add("primary", &stated.checksum);
    };
    context.entries("primary", follows, from_mirrors(context, distro, top, primary, stated, &base)).await
}

/// Each mirror from the one that gave the `repomd.xml` on: others may serve the file, as its checksum is known. One that is
/// absent or wrong leads to the next mirror.
async fn from_mirrors(
    context: &Context<'_>,
    distro: &DistroDef,
    top: &Top,
    primary: &IndexFile,
    stated: &Stated,
    origin: &Url,
) -> Result<Entries, Failure> {
    let mut failed = None;
    for base in &top.mirrors {
        let url = file_url(base, primary).map_err(|got| Failure::new("a package list below the base URL", got, &top.url))?;
        match download(context, &url, stated, BY).await.map_err(FetchError::into_failure) {
            Ok(file) => {
                let wanted = Wanted::new(distro, context.source.architectures(), origin.clone())
                    .map_err(|error| Failure::operation("cannot combine the rules of", error.to_string(), &distro.name))?;
                let (opened, limits, place) = (primary.open.clone(), context.options.limits.clone(), shown(&url));
                let _permit = context.client.decoder_permit().await;
                let compression = compression(&primary.href);
                let scanned = move || scan_file(file, compression, opened.as_ref(), &wanted, &limits, &place);
                return tokio::task::spawn_blocking(scanned).await.map_err(|error| stopped(&error, &url))?;
            }
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    Err(failed.unwrap_or_else(|| Failure::operation("could not download the package list of", "no mirror", &top.url)))
}

/// The URL of a file of a repository; the error is what leads away from it.
fn file_url(base: &Url, file: &IndexFile) -> Result<Url, String> {
    let path = percent_decode_str(&file.href).decode_utf8().map_err(|_| format!("invalid UTF-8 in {:?}", file.href))?;
    if let Some(what) = hostile(&path) {
        return Err(format!("{what}: {:?}", file.href));
    }
    let base = file.xml_base.as_ref().map_or_else(|| Ok(base.clone()), |text| other_base(base, text))?;
    Ok(below(&base, &path))
}

/// How a file is compressed, by its name.
fn compression(name: &str) -> Compression {
    let fits = |compression: &Compression| name.ends_with(compression.suffix());
    // Plain comes last, and its empty suffix ends every name.
    Compression::ALL.into_iter().find(fits).unwrap_or(Compression::Plain)
}

/// Decompresses and scans a file, and compares what came out with what the `repomd.xml` states of the plain one.
fn scan_file(
    mut file: File,
    compression: Compression,
    plain: Option<&Stated>,
    wanted: &Wanted,
    limits: &Limits,
    place: &str,
) -> Result<Entries, Failure> {
    file.seek(SeekFrom::Start(0)).map_err(|error| no_temporary(&error))?;
    let stated = plain.and_then(|plain| plain.size_bytes);
    if let Some(size) = stated.filter(|size| *size > limits.decompressed_bytes) {
        let expected = format!("a package list of at most {} bytes after decompression", limits.decompressed_bytes);
        return Err(Failure::new(expected, format!("{} as listed by {BY}", counted(size, "byte")), place));
    }
    let limit = stated.unwrap_or(limits.decompressed_bytes);
    let input = Checked::new(open(file, compression, place)?, limit, plain.map(|plain| plain.algorithm));
    let (found, read) = scan(input, wanted, limits).map_err(|error| unreadable(&error, place))?;
    if let Some(plain) = plain {
        check_stated(plain, &read.finish(), false, BY, &format!("{place} after decompression"))?;
    }
    Ok(found)
}

fn unreadable(error: &XmlError, place: &str) -> Failure {
    let got = match error {
        XmlError::Read(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "a truncated file".to_owned(),
        other => other.to_string(),
    };
    Failure::operation("cannot parse package list (primary.xml)", got, place)
}
