//! Decompression, paths and URLs, tried over any bytes.

use std::io::{self, Cursor, Read, Write};

use percent_encoding::percent_decode_str;
use url::Url;

use super::decode::{Checked, Compression, open};
use super::entry::Entries;
use super::path::{base_url, below, hostile};
use crate::Limits;
use crate::fuzzing::head;

/// What comes out of a compressed input at most.
const PLAIN_BYTES: u64 = 128 * 1024;

/// A compressed file: what is read of any bytes is bounded, and what was compressed comes out the same, as one member or two.
///
/// The first byte chooses the compression, and whether the rest is such a file or is to become one.
pub(crate) fn decode(data: &[u8]) -> bool {
    let (choice, rest) = head(data);
    let compression = Compression::ALL[usize::from(choice) % Compression::ALL.len()];
    match usize::from(choice) / Compression::ALL.len() % 3 {
        0 => {
            let Ok(input) = open(Cursor::new(rest.to_vec()), compression, "here") else { return false };
            let mut checked = Checked::new(input, PLAIN_BYTES, None);
            let mut plain = Vec::new();
            let read = checked.read_to_end(&mut plain);
            assert!(plain.len() as u64 <= PLAIN_BYTES, "{} bytes came out", plain.len());
            scan(rest, compression);
            read.is_ok()
        }
        1 => {
            let file = compress(compression, rest);
            let cut = &file[..file.len() * (rest.len() % 8) / 8];
            if let (false, Ok(mut input)) = (compression == Compression::Plain, open(Cursor::new(cut.to_vec()), compression, ""))
            {
                assert!(input.read_to_end(&mut Vec::new()).is_err(), "{compression:?}, cut to {} bytes", cut.len());
            }
            assert_eq!(plain(file, compression), rest, "{compression:?}");
            true
        }
        _ => {
            let (first, second) = rest.split_at(rest.len() / 2);
            let members = [compress(compression, first), compress(compression, second)].concat();
            assert_eq!(plain(members, compression), rest, "two members of {compression:?}");
            true
        }
    }
}

/// The same file as an index of packages, and as a list of packages.
fn scan(file: &[u8], compression: Compression) {
    let limits = Limits { decompressed_bytes: PLAIN_BYTES, line_bytes: 1000, stanza_bytes: 4000, ..Limits::default() };
    let input = || open(Cursor::new(file.to_vec()), compression, "here").expect("opened before");
    if let Ok(found) = crate::apt::fuzzing::scanned(input(), &limits) {
        assert_recordable(&found, &crate::apt::fuzzing::base());
    }
    let _ = crate::rpm::fuzzing::scanned(input(), 0, &limits);
}

fn plain(file: Vec<u8>, compression: Compression) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut input = open(Cursor::new(file), compression, "here").expect("a compressed file");
    input.read_to_end(&mut plain).expect("a compressed file");
    plain
}

fn compress(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let compressed = || -> io::Result<Vec<u8>> {
        match compression {
            Compression::Plain => Ok(plain.to_vec()),
            Compression::Zstd => zstd::encode_all(plain, 1),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(plain)?;
                Ok(encoder.finish()?)
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    };
    compressed().expect("memory takes what is written")
}

/// A path from an index, or a base that an element names: a URL below the base, which stands for that very path.
pub(crate) fn path(data: &[u8]) -> bool {
    let (choice, rest) = head(data);
    let Ok(text) = str::from_utf8(rest) else { return false };
    let bases =
        ["https://h/debian", "http://h:8080/a%20b/", "file:///srv/mirror", "https://user:secret@h", "file:///", "https://h/x?y"];
    let base = base_url(bases[usize::from(choice) % bases.len()]).expect("a base");
    if let Ok(url) = base_url(text) {
        assert!(["http", "https", "file"].contains(&url.scheme()), "{url}");
        assert_below(&url, "pool/x");
    }
    if let Ok(other) = crate::rpm::fuzzing::other_base(&base, text) {
        assert_eq!(
            (other.scheme(), other.host_str(), other.port_or_known_default()),
            (base.scheme(), base.host_str(), base.port_or_known_default())
        );
        assert!([(base.username(), base.password()), ("", None)].contains(&(other.username(), other.password())), "{other}");
        if base.scheme() == "file" {
            assert!(other.path().starts_with(base.path()), "{other} beside {base}");
        }
        assert_below(&other, "pool/x");
    }
    if hostile(text).is_some() {
        return false;
    }
    assert_below(&base, text);
    true
}

/// Asserts that the URL of a path that is not hostile differs from its base by that path alone.
fn assert_below(base: &Url, path: &str) {
    let url = below(base, path);
    let without_path = |url: &Url| {
        let mut url = url.clone();
        url.set_path("");
        url
    };
    assert_eq!(without_path(&url), without_path(base), "{path:?}");
    let prefix = format!("{}/", base.path().trim_end_matches('/'));
    let rest = url.path().strip_prefix(&prefix).unwrap_or_else(|| panic!("{url} is not below {base}"));
    assert_eq!(percent_decode_str(rest).collect::<Vec<u8>>(), path.as_bytes(), "{url}");
    let mut elements = path.split('/');
    assert!(elements.all(|element| element != ".." && element != "."), "{url}");
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url), "read again");
    // One with a host is refused when it is read.
    if let (Ok(folder), true) = (base.to_file_path(), base.scheme() == "file") {
        let file = url.to_file_path().expect("a path");
        assert!(file.starts_with(folder), "{}", file.display());
    }
}

/// Asserts that all that was found can be recorded and shown, and is to be fetched from below the base.
pub(crate) fn assert_recordable(found: &Entries, base: &Url) {
    for entry in &found.entries {
        for text in [&entry.name, &entry.version, &entry.architecture] {
            assert!(sqern_model::name::is_text_key(text) && text.len() <= 255, "{text:?} is no key of the database");
        }
        assert!(i64::try_from(entry.size_bytes).is_ok(), "{} bytes", entry.size_bytes);
        let url = Url::parse(&entry.url).expect("a URL");
        let prefix = format!("{}/", base.as_str().trim_end_matches('/'));
        assert!(url.as_str() == entry.url && url.as_str().starts_with(&prefix), "{url} is not below {base}");
        let mut elements = url.path_segments().into_iter().flatten();
        assert!(elements.all(|element| !["..", "."].contains(&&*percent_decode_str(element).decode_utf8_lossy())), "{url}");
    }
    let relations = found.entries.iter().flat_map(|entry| entry.needs.iter().flatten().chain(&entry.provides));
    for text in found.defects.iter().chain(&found.warnings).cloned().chain(relations.map(ToString::to_string)) {
        assert!(!text.chars().any(char::is_control), "{text:?} would be shown to people");
    }
    let told = found.defects.iter().chain(&found.warnings).map(String::len).max().unwrap_or(0);
    assert!(told <= 2000, "{told} bytes of words about one package");
}
