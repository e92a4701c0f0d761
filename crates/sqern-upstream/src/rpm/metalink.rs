//! Parses metalinks of `MirrorManager` (Metalink 3.0), which contain the mirrors and checksums of a
//! `repomd.xml`.

use std::io::Read;

use url::Url;

use super::mirrorlist::choose;
use super::repomd::{algorithm, checksum, root};
use super::xml::{Step, Xml, XmlError, XmlLimits};
use crate::crawl::path::base_url;
use sqern_archive::{Algorithm, Hasher};

/// A metalink of a `repomd.xml`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metalink {
    /// The base URLs of the mirrors, preferred first.
    pub(super) bases: Vec<Url>,
    /// The valid checksums: the current one, and older ones that mirrors might still have.
    pub(super) checksums: Vec<(Algorithm, String)>,
}

const LIMITS: XmlLimits = XmlLimits {
    element_bytes: 64 * 1024,
    depth: 12,
};
/// The suffix of the URLs in a metalink.
const FILE: &str = "repodata/repomd.xml";

impl Metalink {
    /// Parses the metalink of a URL.
    pub(super) fn parse(text: &str, from: &Url) -> Result<Self, XmlError> {
        let mut xml = Xml::new(text.as_bytes(), LIMITS);
        root(&mut xml, "metalink")?;
        let mut urls: Vec<(i64, Url)> = Vec::new();
        let mut checksums = Vec::new();
        while xml.depth() > 0 {
            if let Step::Start { tag, empty: false } = xml.next()? {
                match tag.name() {
                    "file" if tag.attribute("name")?.as_deref() != Some("repomd.xml") => {
                        let depth = xml.depth();
                        xml.leave(depth)?;
                    }
                    "hash" => checksums.extend(checksum(algorithm(&tag)?, &mut xml)?),
                    "url" => {
                        let preference = tag
                            .attribute("preference")?
                            .and_then(|text| text.parse().ok())
                            .unwrap_or(0);
                        urls.extend(base(&mut xml)?.map(|url| (preference, url)));
                    }
                    _ => {}
                }
            }
        }
        // The sort is stable, so mirrors with the same preference stay in order.
        urls.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
        // Weaker checksums are only used without a stronger one.
        let best = checksums.iter().map(|(algorithm, _)| *algorithm).max();
        checksums.retain(|(algorithm, _)| Some(*algorithm) == best);
        Ok(Self {
            bases: choose(urls.into_iter().map(|(_, url)| url), from),
            checksums,
        })
    }

    /// Returns whether a `repomd.xml` has one of the checksums, if there are any.
    pub(super) fn matches(&self, repomd: &str) -> bool {
        // All checksums have the same algorithm. A server might send 100,000 of them, so the text
        // is hashed once.
        let Some((algorithm, _)) = self.checksums.first() else {
            return true;
        };
        let mut hasher = Hasher::new(*algorithm);
        hasher.update(repomd.as_bytes());
        let actual = (*algorithm, hasher.finish());
        self.checksums.contains(&actual)
    }
}

/// Parses the URL in the current element, and returns its base. Returns `None` for other files and
/// schemes.
fn base<R: Read>(xml: &mut Xml<R>) -> Result<Option<Url>, XmlError> {
    let text = xml.text()?;
    Ok(text.strip_suffix(FILE).and_then(|base| base_url(base).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metalink_has_preferred_mirrors_and_strongest_checksums() {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n\
             <files><file name=\"repomd.xml\"><mm0:timestamp>1</mm0:timestamp><size>3</size>\n\
             <verification><hash type=\"md5\">00</hash><hash type=\"sha1\">{0}</hash><hash type=\"sha256\">{1}</hash></verification>\n\
             <mm0:alternates><mm0:alternate><verification><hash type=\"sha256\">{2}</hash></verification></mm0:alternate>\
             </mm0:alternates>\n\
             <resources maxconnections=\"1\">\
             <url protocol=\"rsync\" preference=\"100\">rsync://a/x/repodata/repomd.xml</url>\
             <url protocol=\"http\" preference=\"100\">http://a/x/repodata/repomd.xml</url>\
             <url protocol=\"https\" preference=\"98\">https://b/x/repodata/repomd.xml</url>\
             <url protocol=\"https\" preference=\"99\">https://c/x/repodata/repomd.xml</url>\
             <url protocol=\"https\" preference=\"99\">https://d/x/other</url></resources></file>\
             <file name=\"other\"><resources><url preference=\"100\">https://e/repodata/repomd.xml</url></resources></file>\
             </files></metalink>",
            "0".repeat(40),
            "0".repeat(64),
            // The SHA-256 of "abc" (FIPS 180-4).
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        let metalink = Metalink::parse(&text, &"https://h/metalink".parse().expect("a URL"))
            .expect("a metalink");
        let bases: Vec<&str> = metalink.bases.iter().map(Url::as_str).collect();
        assert_eq!(bases, ["https://c/x/", "https://b/x/"]);
        assert!(metalink.matches("abc") && !metalink.matches("abd"));
    }

    #[test]
    fn text_is_hashed_once_for_many_checksums() {
        let hashes = format!("<hash type=\"sha256\">{}</hash>", "0".repeat(64)).repeat(100_000);
        let text = format!("<metalink>{hashes}</metalink>");
        let metalink = Metalink::parse(&text, &"https://h/metalink".parse().expect("a URL"))
            .expect("a metalink");
        let started = std::time::Instant::now();
        assert!(!metalink.matches(&"x".repeat(1024 * 1024)));
        // Hashing for each checksum would process 100 GiB.
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    #[test]
    fn other_documents_are_errors() {
        let from = "https://h/metalink".parse().expect("a URL");
        assert!(Metalink::parse("<html/>", &from).is_err());
        assert!(Metalink::parse("<metalink><files>", &from).is_err());
    }

    proptest! {
        #[test]
        fn mirrors_are_sorted_by_preference(
            preferences in prop::collection::vec(-9_i64..99, 1..12), cut in any::<prop::sample::Index>(),
        ) {
            let urls = preferences.iter().enumerate();
            let urls: String = urls.map(|(offset, one)| format!("<url preference='{one}'>http://m{offset}/repodata/repomd.xml</url>")).collect();
            let text = format!("<metalink>{urls}</metalink>");
            let from = "https://h/metalink".parse().expect("a URL");
            let metalink = Metalink::parse(&text, &from).expect("a metalink");
            let mut expected: Vec<usize> = (0..preferences.len()).collect();
            expected.sort_by_key(|offset| -preferences[*offset]);
            expected.truncate(8);
            let hosts: Vec<String> = metalink.bases.iter().map(|url| url.host_str().unwrap_or_default().to_owned()).collect();
            prop_assert_eq!(hosts, expected.iter().map(|offset| format!("m{offset}")).collect::<Vec<_>>());
            prop_assert!(Metalink::parse(&text[..cut.index(text.len())], &from).is_err());
        }
    }
}
