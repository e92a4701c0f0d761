//! Reads package lists: downloads, verifies, decompresses and scans them.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use sqern_archive::Compression;
use sqern_model::{DistroDef, counted};
use url::Url;

use super::location::location_url;
use super::package_filter::PackageFilter;
use super::primary::scan;
use super::repomd::IndexFile;
use super::xml::XmlError;
use crate::crawl::checksum::Checksum;
use crate::crawl::context::Context;
use crate::crawl::control::ScanControl;
use crate::crawl::decode::{SUPPORTED, check_plain, open};
use crate::crawl::download::{download, no_temporary};
use crate::crawl::entry::Entries;
use crate::crawl::read::{from_first_mirror, invalid_rules, scan_in_thread};
use crate::crawl::root_metadata::RootMetadata;
use crate::http::{FetchError, without_credentials};
use crate::listed_file::ListedFile;
use crate::{Error, ErrorKind, Limits};

/// The metadata that lists a package list, in errors.
const BY: &str = "the repomd.xml";

/// Reads the package list of a source.
pub(crate) async fn read_primary(
    context: &Context<'_>,
    distro: &DistroDef,
    root: &RootMetadata,
    primary: &IndexFile,
) -> Result<Entries, Error> {
    let Some(stated) = &primary.sent else {
        return Err(Error::unexpected(
            ErrorKind::InvalidMetadata,
            "a checksum of the package list",
            "none",
            &root.url,
        ));
    };
    let base = without_credentials(&root.base);
    let add_inputs = |checksum: &mut Checksum| {
        checksum.add("base", base.as_str());
        checksum.add("primary", &stated.checksum);
    };
    context
        .entries(
            "primary",
            add_inputs,
            from_mirrors(context, distro, root, primary, stated, &base),
        )
        .await
}

/// Downloads the package list from the first mirror that has it, and scans it.
async fn from_mirrors(
    context: &Context<'_>,
    distro: &DistroDef,
    root: &RootMetadata,
    primary: &IndexFile,
    stated: &ListedFile,
    origin: &Url,
) -> Result<Entries, Error> {
    let mirrors = root.mirrors.iter();
    let downloads: Vec<_> = mirrors
        .map(|base| Box::pin(from_mirror(context, root, base, primary, stated)))
        .collect();
    let (file, url) = from_first_mirror(root, "package list", downloads).await?;
    let filter = PackageFilter::new(distro, context.source.architectures(), origin.clone())
        .map_err(|error| invalid_rules(distro, error))?
        .with_hosts(context.source.package_hosts());
    let (opened, limits) = (primary.open.clone(), context.options.limits.clone());
    let control = context.control.clone();
    let compression = compression(&primary.href);
    let scan = move |location: &str| {
        scan_file(
            file,
            compression,
            opened.as_ref(),
            &filter,
            &limits,
            &control,
            location,
        )
    };
    scan_in_thread(context, &url, scan).await
}

async fn from_mirror(
    context: &Context<'_>,
    root: &RootMetadata,
    base: &Url,
    primary: &IndexFile,
    stated: &ListedFile,
) -> Result<(File, Url), Error> {
    let hosts = context.source.package_hosts();
    let xml_base = primary.xml_base.as_deref();
    let url = location_url(base, &primary.href, xml_base, hosts).map_err(|error| {
        let operation = "cannot use the location of the package list in";
        Error::caused(ErrorKind::InvalidMetadata, operation, error, &root.url)
    })?;
    let file = download(context, &url, stated, BY)
        .await
        .map_err(FetchError::into_error)?;
    Ok((file, url))
}

/// Returns the compression format of a file name.
fn compression(name: &str) -> Compression {
    let fits = |compression: &Compression| name.ends_with(compression.suffix());
    // Plain is last, because every name ends with its empty suffix.
    SUPPORTED
        .into_iter()
        .find(fits)
        .unwrap_or(Compression::Plain)
}

/// Decompresses and scans a package list, and verifies the checksum of the decompressed file.
fn scan_file(
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
    if let Some(size) = stated.filter(|size| *size > limits.decompressed_bytes) {
        let expected = format!(
            "a package list of at most {} bytes after decompression",
            limits.decompressed_bytes
        );
        return Err(Error::unexpected(
            ErrorKind::ChecksumMismatch,
            expected,
            format!("{} as listed by {BY}", counted(size, "byte")),
            location,
        ));
    }
    let limit = stated.unwrap_or(limits.decompressed_bytes);
    let input = open(file, compression, limit, plain, control, location)?;
    let (found, read) =
        scan(input, filter, limits, control).map_err(|error| unreadable(error, location))?;
    check_plain(&read, plain, BY, location)?;
    Ok(found)
}

fn unreadable(error: XmlError, location: &str) -> Error {
    let actual = match error {
        XmlError::OutOfMemory(error) => return error.into_error(location),
        XmlError::Read(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "a truncated file".to_owned()
        }
        other => other.to_string(),
    };
    Error::failed(
        ErrorKind::InvalidMetadata,
        "cannot parse package list (primary.xml)",
        actual,
        location,
    )
}
