//! Fuzz targets of rpm-md formats.

mod librpm;
mod reference;
mod tree;
mod writer;

use std::io::Read;
use std::sync::OnceLock;

use sqern_archive::BoundedReader;
use url::Url;

use super::evr;
use super::location::{self, LocationError};
use super::metalink::Metalink;
use super::mirrorlist;
use super::package_filter::PackageFilter;
use super::primary::scan;
use super::repomd::Repomd;
use super::xml::XmlError;
use crate::Limits;
use crate::crawl::control::ScanControl;
use crate::crawl::entry::Entries;
use crate::crawl::fuzzing::assert_recordable;
use crate::fuzzing::{Chunks, head, is_order, three};

pub(crate) use tree::xml;

/// Built-in distributions whose rules use provides, name and release, and only the name.
const DISTROS: [&str; 3] = ["fedora42", "tumbleweed", "photon5"];

fn base() -> Url {
    "https://h/os".parse().expect("a URL")
}

/// Returns the filter of one of the distributions.
fn filter(choice: u8) -> &'static PackageFilter {
    static FILTERS: OnceLock<Vec<PackageFilter>> = OnceLock::new();
    let all = FILTERS.get_or_init(|| {
        let known = crate::sources::builtin().expect("built in");
        let distro = |name: &&str| {
            known
                .distros
                .values()
                .find(|distro| distro.name.as_str() == *name)
                .expect("built in")
        };
        let new =
            |distro| PackageFilter::new(distro, &["x86_64".to_owned()], base()).expect("patterns");
        DISTROS.iter().map(distro).map(new).collect()
    });
    &all[usize::from(choice) % all.len()]
}

/// Parses a package list with the rules of one of the distributions.
pub(crate) fn scanned(input: impl Read, choice: u8, limits: &Limits) -> Result<Entries, XmlError> {
    scan(
        BoundedReader::new(input, limits.decompressed_bytes),
        filter(choice),
        limits,
        &ScanControl::new(limits),
    )
    .map(|(found, _)| found)
}

/// Parses a package list with built-in rules. The result does not depend on chunks, and equals that
/// of the reference parser.
pub(crate) fn primary(data: &[u8]) -> bool {
    let (choice, text) = head(data);
    let limits = Limits {
        line_bytes: 2000,
        stanzas: 20,
        ..Limits::default()
    };
    let found = scanned(text, choice, &limits);
    let chunked = scanned(Chunks::new(text, choice), choice, &limits);
    // If a document has several errors, chunks may determine which one is reported.
    assert_eq!(
        format!("{:?}", found.as_ref().ok()),
        format!("{:?}", chunked.ok()),
        "in chunks of {choice}"
    );
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let error = error.to_string();
            assert!(
                !error.chars().any(char::is_control) && error.len() <= 5000,
                "{error:?}"
            );
            return false;
        }
    };
    assert!(found.entries.len() + found.defects.len() + found.warnings.len() <= 20);
    assert_recordable(&found, &"https://h/".parse().expect("a URL"));
    if let Some(expected) = str::from_utf8(text)
        .ok()
        .and_then(|text| reference::entries(text, filter(choice)))
    {
        assert_eq!(
            format!("{found:?}"),
            format!("{expected:?}"),
            "compared with the reference parser"
        );
    }
    !found.entries.is_empty()
}

/// Parses a `repomd.xml`. If it is written again, it parses to the same value.
pub(crate) fn repomd(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let Ok(repomd) = Repomd::parse(text) else {
        return false;
    };
    let again = Repomd::parse(&writer::repomd(&repomd));
    assert_eq!(
        again.map_err(|error| error.to_string()),
        Ok(repomd),
        "written again"
    );
    true
}

/// Parses a metalink. The mirrors are few, and as secure as the server of the list. If it is
/// written again, it parses to the same value.
pub(crate) fn metalink(data: &[u8]) -> bool {
    let (from, text) = from(data);
    let Some(metalink) = str::from_utf8(text)
        .ok()
        .and_then(|text| Metalink::parse(text, &from).ok())
    else {
        return false;
    };
    assert_safe(&metalink.bases, &from);
    let best = metalink
        .checksums
        .iter()
        .map(|(algorithm, _)| *algorithm)
        .max();
    assert!(
        metalink
            .checksums
            .iter()
            .all(|(algorithm, _)| Some(*algorithm) == best),
        "a weaker checksum is accepted"
    );
    let again = Metalink::parse(&writer::metalink(&metalink), &from);
    assert_eq!(
        again.map_err(|error| error.to_string()),
        Ok(metalink),
        "written again"
    );
    true
}

/// Parses a mirror list. The mirrors are few, and as secure as the server of the list. If it is
/// written again, it parses to the same value.
pub(crate) fn mirrors(data: &[u8]) -> bool {
    let (from, text) = from(data);
    let Ok(text) = str::from_utf8(text) else {
        return false;
    };
    let mirrors = mirrorlist::parse(text, &from, Some("x86_64"));
    assert_safe(&mirrors, &from);
    let again: String = mirrors.iter().map(|url| format!("{url}\r\n")).collect();
    assert_eq!(
        mirrorlist::parse(&again, &from, None),
        mirrors,
        "written again"
    );
    !mirrors.is_empty()
}

/// Returns the URL of a list, which the first byte selects, and the list.
fn from(data: &[u8]) -> (Url, &[u8]) {
    let (choice, text) = head(data);
    let from = ["https://h/list", "http://h/list", "file:///srv/list"][usize::from(choice) % 3];
    (from.parse().expect("a URL"), text)
}

fn assert_safe(mirrors: &[Url], from: &Url) {
    assert!(mirrors.len() <= mirrorlist::MIRRORS);
    let has = |scheme: &str| mirrors.iter().any(|mirror| mirror.scheme() == scheme);
    assert!(
        !has("file") || from.scheme() == "file",
        "a server refers to files: {mirrors:?}"
    );
    assert!(
        from.scheme() != "https" || !has("http") || !has("https"),
        "a downgrade from https: {mirrors:?}"
    );
    for mirror in mirrors {
        assert!(
            ["http", "https", "file"].contains(&mirror.scheme())
                && (mirror.has_host() || mirror.scheme() == "file"),
            "{mirror}"
        );
    }
}

/// Compares versions. The comparison is a total order, and equals that of librpm. A bound with a
/// release is compared like a version.
pub(crate) fn order(data: &[u8]) -> bool {
    let Some(versions) = three(data) else {
        return false;
    };
    is_order(&versions, |left, right| evr::compare(left, right));
    for left in versions {
        for right in versions {
            let expected = librpm::compare(left, right);
            assert_eq!(
                evr::compare(left, right),
                expected,
                "{left:?} {right:?} compared with librpm"
            );
            let both = left.contains('-') == right.contains('-');
            assert!(
                !both || evr::compare_with_bound(left, right) == expected,
                "{left:?} bound by {right:?}"
            );
        }
        let shown = evr::show("0", left, "");
        assert_eq!(shown, left, "an epoch of 0");
    }
    true
}

/// Parses the base URL of an element.
pub(crate) fn other_base(base: &Url, text: &str) -> Result<Url, LocationError> {
    location::other_base(base, text, &[])
}
