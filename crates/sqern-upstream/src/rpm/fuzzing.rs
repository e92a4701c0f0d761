//! rpm-md's formats, tried over any bytes.

mod librpm;
mod slow;
mod tree;
mod written;

use std::io::Read;
use std::sync::OnceLock;

use url::Url;

use super::evr;
use super::metalink::Metalink;
use super::mirrorlist;
use super::primary::scan;
use super::repomd::Repomd;
use super::wanted::{self, Wanted};
use crate::Limits;
use crate::crawl::decode::Checked;
use crate::crawl::entry::Entries;
use crate::crawl::fuzzing::assert_recordable;
use crate::fuzzing::{Pieces, head, is_order, three};

pub(crate) use tree::xml;

/// Files as they are built in: a kernel told by what the package provides, by name and release, and by name alone.
const DISTROS: [&str; 3] = ["fedora42", "tumbleweed", "photon5"];

fn base() -> Url {
    "https://h/os".parse().expect("a URL")
}

/// What one of the distributions looks for.
fn wanted(choice: u8) -> &'static Wanted {
    static WANTED: OnceLock<Vec<Wanted>> = OnceLock::new();
    let all = WANTED.get_or_init(|| {
        let known = crate::sources::builtin().expect("built in");
        let one = |name: &&str| known.distros.values().find(|distro| distro.name.as_str() == *name).expect("built in");
        let new = |distro| Wanted::new(distro, &["x86_64".to_owned()], base()).expect("patterns");
        DISTROS.iter().map(one).map(new).collect()
    });
    &all[usize::from(choice) % all.len()]
}

/// What a list holds with the rules of one of the distributions, or why it is refused.
pub(crate) fn scanned(input: impl Read, choice: u8, limits: &Limits) -> Result<Entries, String> {
    let input = Checked::new(input, limits.decompressed_bytes, None);
    scan(input, wanted(choice), limits).map(|(found, _)| found).map_err(|error| error.to_string())
}

/// A list of packages with real rules: in pieces as in one, and as a slow reading of the whole tree has it.
pub(crate) fn primary(data: &[u8]) -> bool {
    let (choice, text) = head(data);
    let limits = Limits { line_bytes: 2000, stanzas: 20, ..Limits::default() };
    let found = scanned(text, choice, &limits);
    let pieces = scanned(Pieces::new(text, choice), choice, &limits);
    // Of two things that are wrong with a document, the one that is told may be another in pieces.
    assert_eq!(format!("{:?}", found.as_ref().ok()), format!("{:?}", pieces.ok()), "in pieces of {choice}");
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            assert!(!error.chars().any(char::is_control) && error.len() <= 5000, "{error:?}");
            return false;
        }
    };
    assert!(found.entries.len() + found.defects.len() + found.warnings.len() <= 20);
    assert_recordable(&found, &"https://h/".parse().expect("a URL"));
    if let Some(slow) = str::from_utf8(text).ok().and_then(|text| slow::entries(text, wanted(choice))) {
        assert_eq!(format!("{found:?}"), format!("{slow:?}"), "beside a slow reading");
    }
    !found.entries.is_empty()
}

/// A `repomd.xml`: what was read and is written again reads the same.
pub(crate) fn repomd(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let Ok(repomd) = Repomd::parse(text) else { return false };
    let again = Repomd::parse(&written::repomd(&repomd));
    assert_eq!(again.map_err(|error| error.to_string()), Ok(repomd), "written again");
    true
}

/// A metalink: the mirrors are as safe as the server that named them, and few; written again it reads the same.
pub(crate) fn metalink(data: &[u8]) -> bool {
    let (from, text) = from(data);
    let Some(metalink) = str::from_utf8(text).ok().and_then(|text| Metalink::parse(text, &from).ok()) else { return false };
    assert_safe(&metalink.bases, &from);
    let best = metalink.checksums.iter().map(|(algorithm, _)| *algorithm).max();
    assert!(metalink.checksums.iter().all(|(algorithm, _)| Some(*algorithm) == best), "a worse checksum counts too");
    let again = Metalink::parse(&written::metalink(&metalink), &from);
    assert_eq!(again.map_err(|error| error.to_string()), Ok(metalink), "written again");
    true
}

/// A list of mirrors: as safe as the server that sent it, and short; written again it reads the same.
pub(crate) fn mirrors(data: &[u8]) -> bool {
    let (from, text) = from(data);
    let Ok(text) = str::from_utf8(text) else { return false };
    let mirrors = mirrorlist::parse(text, &from);
    assert_safe(&mirrors, &from);
    let again: String = mirrors.iter().map(|url| format!("{url}\r\n")).collect();
    assert_eq!(mirrorlist::parse(&again, &from), mirrors, "written again");
    !mirrors.is_empty()
}

/// The URL that a list came from, chosen by the first byte, and the list.
fn from(data: &[u8]) -> (Url, &[u8]) {
    let (choice, text) = head(data);
    let from = ["https://h/list", "http://h/list", "file:///srv/list"][usize::from(choice) % 3];
    (from.parse().expect("a URL"), text)
}

fn assert_safe(mirrors: &[Url], from: &Url) {
    assert!(mirrors.len() <= mirrorlist::MIRRORS);
    let has = |scheme: &str| mirrors.iter().any(|mirror| mirror.scheme() == scheme);
    assert!(!has("file") || from.scheme() == "file", "a server names files: {mirrors:?}");
    assert!(from.scheme() != "https" || !has("http") || !has("https"), "a step down from https: {mirrors:?}");
    for mirror in mirrors {
        assert!(
            ["http", "https", "file"].contains(&mirror.scheme()) && (mirror.has_host() || mirror.scheme() == "file"),
            "{mirror}"
        );
    }
}

/// The order of versions: an order, and librpm's. A bound with a release is compared as a version is.
pub(crate) fn order(data: &[u8]) -> bool {
    let Some(versions) = three(data) else { return false };
    is_order(&versions, |left, right| evr::compare(left, right));
    for left in versions {
        for right in versions {
            let expected = librpm::compare(left, right);
            assert_eq!(evr::compare(left, right), expected, "{left:?} {right:?} beside librpm's way");
            let both = left.contains('-') == right.contains('-');
            assert!(!both || evr::compare_with_bound(left, right) == expected, "{left:?} bound by {right:?}");
        }
        let shown = evr::show("0", left, "");
        assert_eq!(shown, left, "an epoch of 0");
    }
    true
}

/// A base that an element names.
pub(crate) fn other_base(base: &Url, text: &str) -> Result<Url, String> {
    wanted::other_base(base, text)
}
