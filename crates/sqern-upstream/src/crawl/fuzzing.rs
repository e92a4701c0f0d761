//! Fuzz targets of decompression, paths and URLs.

use std::io::{Cursor, Read as _};

use percent_encoding::percent_decode_str;
use sqern_archive::Compression;
use url::Url;

use super::control::ScanControl;
use super::decode::{IndexReader, SUPPORTED, open};
use super::entry::Entries;
use super::path::{base_url, below, resolve};
use crate::Limits;
use crate::fuzzing::head;

/// The size limit after decompression.
const PLAIN_BYTES: u64 = 128 * 1024;

/// Decompresses files. The output is limited, and compressed data decompresses to itself, with one
/// member or two.
///
/// The first byte selects the format, and whether the rest is a compressed file or data to
/// compress.
pub(crate) fn decode(data: &[u8]) -> bool {
    let (choice, rest) = head(data);
    let compression = SUPPORTED[usize::from(choice) % SUPPORTED.len()];
    match usize::from(choice) / SUPPORTED.len() % 3 {
        0 => {
            let Some(mut reader) = reader(rest, compression) else {
                return false;
            };
            let mut plain = Vec::new();
            let read = reader.read_to_end(&mut plain);
            assert!(
                plain.len() as u64 <= PLAIN_BYTES,
                "{} bytes after decompression",
                plain.len()
            );
            scan(rest, compression);
            read.is_ok()
        }
        1 => {
            let file = compress(compression, rest);
            let truncated = &file[..file.len() * (rest.len() % 8) / 8];
            if let (false, Some(mut reader)) = (
                compression == Compression::Plain,
                reader(truncated, compression),
            ) {
                let read = reader.read_to_end(&mut Vec::new());
                assert!(
                    read.is_err(),
                    "{compression:?}, truncated to {} bytes",
                    truncated.len()
                );
            }
            assert_eq!(plain(&file, compression), rest, "{compression:?}");
            true
        }
        _ => {
            let (first, second) = rest.split_at(rest.len() / 2);
            let members = [compress(compression, first), compress(compression, second)].concat();
            assert_eq!(
                plain(&members, compression),
                rest,
                "two members of {compression:?}"
            );
            true
        }
    }
}

fn reader(file: &[u8], compression: Compression) -> Option<IndexReader> {
    open(
        Cursor::new(file.to_vec()),
        compression,
        PLAIN_BYTES,
        None,
        &ScanControl::new(&Limits::default()),
        "here",
    )
    .ok()
}

/// Parses a file as an index and as a package list.
fn scan(file: &[u8], compression: Compression) {
    let limits = Limits {
        decompressed_bytes: PLAIN_BYTES,
        line_bytes: 1000,
        stanza_bytes: 4000,
        ..Limits::default()
    };
    let reader = || reader(file, compression).expect("the file was opened before");
    if let Ok(found) = crate::apt::fuzzing::scanned(reader(), &limits) {
        assert_recordable(&found, &crate::apt::fuzzing::base());
    }
    let _ = crate::rpm::fuzzing::scanned(reader(), 0, &limits);
}

fn plain(file: &[u8], compression: Compression) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut reader = reader(file, compression).expect("a compressed file");
    reader.read_to_end(&mut plain).expect("a compressed file");
    plain
}

fn compress(compression: Compression, plain: &[u8]) -> Vec<u8> {
    compression
        .compress(plain)
        .expect("memory accepts all bytes")
}

/// Parses a path of an index, or the base URL of an element. The URL is below the base, and
/// identifies exactly this path.
pub(crate) fn path(data: &[u8]) -> bool {
    let (choice, rest) = head(data);
    let Ok(text) = str::from_utf8(rest) else {
        return false;
    };
    let bases = [
        "https://h/debian",
        "http://h:8080/a%20b/",
        "file:///srv/mirror",
        "https://user:secret@h",
        "file:///",
        "https://h/x?y",
    ];
    let base = base_url(bases[usize::from(choice) % bases.len()]).expect("a base");
    if let Ok(url) = base_url(text) {
        assert!(["http", "https", "file"].contains(&url.scheme()), "{url}");
        assert_below(&url, "pool/x");
    }
    if let Ok(other) = crate::rpm::fuzzing::other_base(&base, text) {
        assert_eq!(
            (
                other.scheme(),
                other.host_str(),
                other.port_or_known_default()
            ),
            (base.scheme(), base.host_str(), base.port_or_known_default())
        );
        assert!(
            [(base.username(), base.password()), ("", None)]
                .contains(&(other.username(), other.password())),
            "{other}"
        );
        if base.scheme() == "file" {
            assert!(
                other.path().starts_with(base.path()),
                "{other} beside {base}"
            );
        }
        assert_below(&other, "pool/x");
    }
    let Ok(url) = resolve(&base, text) else {
        return false;
    };
    assert_same_server(&base, &url);
    if !text
        .split('/')
        .any(|element| [".", ".."].contains(&element))
    {
        assert_below(&base, text.trim_start_matches('/'));
    }
    true
}

/// Asserts that a URL is on the server of the base; on the local disk, in its directory.
fn assert_same_server(base: &Url, url: &Url) {
    let without_path = |url: &Url| {
        let mut url = url.clone();
        url.set_path("");
        url
    };
    assert_eq!(without_path(url), without_path(base));
    let mut elements = url.path().split('/');
    assert!(
        elements.all(|element| element != ".." && element != "."),
        "{url}"
    );
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(url), "parsed again");
    if base.scheme() == "file" {
        let folder = format!("{}/", base.path().trim_end_matches('/'));
        assert!(url.path().starts_with(&folder), "{url} beside {base}");
    }
}

/// Asserts that the URL of a valid path differs from its base only by that path.
fn assert_below(base: &Url, path: &str) {
    let url = below(base, path);
    let without_path = |url: &Url| {
        let mut url = url.clone();
        url.set_path("");
        url
    };
    assert_eq!(without_path(&url), without_path(base), "{path:?}");
    let prefix = format!("{}/", base.path().trim_end_matches('/'));
    let rest = url
        .path()
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("{url} is not below {base}"));
    assert_eq!(
        percent_decode_str(rest).collect::<Vec<u8>>(),
        path.as_bytes(),
        "{url}"
    );
    let mut elements = path.split('/');
    assert!(
        elements.all(|element| element != ".." && element != "."),
        "{url}"
    );
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url), "parsed again");
    // file: URLs with a host are rejected when they are read.
    if let (Ok(folder), true) = (base.to_file_path(), base.scheme() == "file") {
        let file = url.to_file_path().expect("a path");
        assert!(file.starts_with(folder), "{}", file.display());
    }
}

/// Asserts that all entries can be recorded and displayed, and that their URLs are on the server of
/// the base.
pub(crate) fn assert_recordable(found: &Entries, base: &Url) {
    for entry in &found.entries {
        let package = &entry.package;
        for text in [&package.name, &package.version, &package.architecture] {
            assert!(
                sqern_model::name::is_text_key(text) && text.len() <= 255,
                "{text:?} is not a valid key of the database"
            );
        }
        assert!(
            i64::try_from(package.size_bytes).is_ok(),
            "{} bytes",
            package.size_bytes
        );
        let url = Url::parse(&package.url).expect("a URL");
        assert_eq!(url.as_str(), package.url);
        assert_same_server(base, &url);
    }
    let relations = found
        .entries
        .iter()
        .flat_map(|entry| entry.needs.iter().flatten().chain(&entry.provides));
    for text in found
        .defects
        .iter()
        .chain(&found.warnings)
        .cloned()
        .chain(relations.map(ToString::to_string))
    {
        assert!(
            !text.chars().any(char::is_control),
            "{text:?} would be displayed"
        );
    }
    let longest = found
        .defects
        .iter()
        .chain(&found.warnings)
        .map(String::len)
        .max()
        .unwrap_or(0);
    assert!(longest <= 2000, "{longest} bytes of text about one package");
}
