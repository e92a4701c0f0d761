//! Fuzz targets of package indexes and the file names of apt lists.

use std::io::Read;
use std::sync::OnceLock;

use sqern_archive::BoundedReader;
use url::Url;

use super::entry::{Origin, PackageFilter, scan};
use super::listfile::{decode, encode};
use crate::Limits;
use crate::crawl::control::ScanControl;
use crate::crawl::entry::Entries;
use crate::crawl::fuzzing::assert_recordable;
use crate::deb::stanza::StanzaError;
use crate::fuzzing::{Chunks, head};

/// Returns the base URL of the packages.
pub(crate) fn base() -> Url {
    "https://h/debian".parse().expect("a URL")
}

/// Returns the filter of the built-in rules of Debian 12.
fn filter() -> &'static PackageFilter {
    static WANTED: OnceLock<PackageFilter> = OnceLock::new();
    WANTED.get_or_init(|| {
        let known = crate::sources::builtin().expect("built in");
        let distro = known
            .distros
            .values()
            .find(|distro| distro.name.as_str() == "debian12")
            .expect("built in");
        PackageFilter::new(distro, "amd64", Origin::Base(base())).expect("patterns")
    })
}

/// Parses an index.
pub(crate) fn scanned(input: impl Read, limits: &Limits) -> Result<Entries, StanzaError> {
    scan(
        BoundedReader::new(input, limits.decompressed_bytes),
        filter(),
        limits,
        &ScanControl::new(limits),
    )
    .map(|(found, _)| found)
}

/// Parses an index with the rules of Debian 12. The result does not depend on chunks, can be
/// recorded, and refers to files below the base.
pub(crate) fn packages(data: &[u8]) -> bool {
    let (size, text) = head(data);
    let limits = Limits {
        line_bytes: 1000,
        stanza_bytes: 2000,
        stanzas: 20,
        ..Limits::default()
    };
    let found = scanned(text, &limits).map_err(|error| error.to_string());
    let chunked = scanned(Chunks::new(text, size), &limits).map_err(|error| error.to_string());
    assert_eq!(
        format!("{found:?}"),
        format!("{chunked:?}"),
        "in chunks of {size}"
    );
    let Ok(found) = found else { return false };
    assert!(found.entries.len() + found.defects.len() <= 20);
    assert_recordable(&found, &base());
    !found.entries.is_empty()
}

/// Converts paths to names of list files and back. A name has no directory, and the path is
/// restored.
pub(crate) fn listfile(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let name = encode(text);
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/'),
        "{name:?}"
    );
    assert_eq!(decode(&name), text, "{name:?}");
    let path = decode(text);
    assert_eq!(decode(&encode(&path)), path, "{text:?}");
    true
}
