//! Debian-style indexes and apt's lists, tried over any bytes.

use std::io::Read;
use std::sync::OnceLock;

use url::Url;

use super::entry::{Origin, Wanted, scan};
use super::listfile::{decode, encode};
use crate::Limits;
use crate::crawl::decode::Checked;
use crate::crawl::entry::Entries;
use crate::crawl::fuzzing::assert_recordable;
use crate::fuzzing::{Pieces, head};

/// What its packages lie below.
pub(crate) fn base() -> Url {
    "https://h/debian".parse().expect("a URL")
}

/// The file of Debian 12 as it is built in: what is asked of a real index.
fn wanted() -> &'static Wanted {
    static WANTED: OnceLock<Wanted> = OnceLock::new();
    WANTED.get_or_init(|| {
        let known = crate::sources::builtin().expect("built in");
        let distro = known.distros.values().find(|distro| distro.name.as_str() == "debian12").expect("built in");
        Wanted::new(distro, "amd64", Origin::Base(base())).expect("patterns")
    })
}

/// What an index holds, or why it is refused.
pub(crate) fn scanned(input: impl Read, limits: &Limits) -> Result<Entries, String> {
    let input = Checked::new(input, limits.decompressed_bytes, None);
    scan(input, wanted(), limits).map(|(found, _)| found).map_err(|error| error.to_string())
}

/// An index with the rules of Debian 12: in pieces as in one, and nothing of it but what the database can keep and what lies
/// below the archive's base.
pub(crate) fn packages(data: &[u8]) -> bool {
    let (size, text) = head(data);
    let limits = Limits { line_bytes: 1000, stanza_bytes: 2000, stanzas: 20, ..Limits::default() };
    let found = scanned(text, &limits);
    let pieces = scanned(Pieces::new(text, size), &limits);
    assert_eq!(format!("{found:?}"), format!("{pieces:?}"), "in pieces of {size}");
    let Ok(found) = found else { return false };
    assert!(found.entries.len() + found.defects.len() <= 20);
    assert_recordable(&found, &base());
    !found.entries.is_empty()
}

/// Names of apt's list files: one is one name below the folder, and stands for the path that it was made of.
pub(crate) fn listfile(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let name = encode(text);
    assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'), "{name:?}");
    assert_eq!(decode(&name), text, "{name:?}");
    let path = decode(text);
    assert_eq!(decode(&encode(&path)), path, "{text:?}");
    true
}
