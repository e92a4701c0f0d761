//! Metalinks as `MirrorManager` writes them (Metalink 3.0): the mirrors of a `repomd.xml`, and what checksum it has.

use std::io::Read;

use url::Url;

use super::mirrorlist::choose;
use super::repomd::{algorithm, checksum, root};
use super::xml::{Step, Xml, XmlError, XmlLimits};
use crate::crawl::path::base_url;
use crate::digest::{Algorithm, Hasher};

/// What a metalink says of `repomd.xml`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metalink {
    /// The mirrors' base URLs, the preferred first.
    pub(super) bases: Vec<Url>,
    /// The checksums that it may have: the current one, and some older ones that mirrors may still have.
    pub(super) checksums: Vec<(Algorithm, String)>,
}

const LIMITS: XmlLimits = XmlLimits { element_bytes: 64 * 1024, depth: 12 };
/// What a metalink's URLs end with.
const FILE: &str = "repodata/repomd.xml";

impl Metalink {
    /// Reads a metalink that came from `from`.
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
                        let preference = tag.attribute("preference")?.and_then(|text| text.parse().ok()).unwrap_or(0);
                        urls.extend(base(&mut xml)?.map(|url| (preference, url)));
                    }
                    _ => {}
                }
            }
        }
        // Stable: equally preferred mirrors stay in order.
        urls.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
        // SHA-1 only where nothing better is stated: what has a better one need not match a worse one too.
        let best = checksums.iter().map(|(algorithm, _)| *algorithm).max();
        checksums.retain(|(algorithm, _)| Some(*algorithm) == best);
        Ok(Self { bases: choose(urls.into_iter().map(|(_, url)| url), from), checksums })
    }

    /// Whether a `repomd.xml` has one of the stated checksums; any has where none is stated.
    pub(super) fn admits(&self, repomd: &str) -> bool {
        let has = |(algorithm, checksum): &(Algorithm, String)| {
            let mut hasher = Hasher::new(*algorithm);
            hasher.update(repomd.as_bytes());
            hasher.finish() == *checksum
        };
        self.checksums.is_empty() || self.checksums.iter().any(has)
    }
}

/// The base of the URL in the element that just began; none if it is of another file or scheme.
fn base<R: Read>(xml: &mut Xml<R>) -> Result<Option<Url>, XmlError> {
    let text = xml.text()?;
    Ok(text.strip_suffix(FILE).and_then(|base| base_url(base).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_tried_as_preferred_and_the_best_checksums_count() {
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
            // "abc", FIPS 180-4
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        let metalink = Metalink::parse(&text, &"https://h/metalink".parse().expect("a URL")).expect("a metalink");
        let bases: Vec<&str> = metalink.bases.iter().map(Url::as_str).collect();
        assert_eq!(bases, ["https://c/x/", "https://b/x/"]);
        assert!(metalink.admits("abc") && !metalink.admits("abd"));
    }

    #[test]
    fn another_document_is_refused() {
        let from = "https://h/metalink".parse().expect("a URL");
        assert!(Metalink::parse("<html/>", &from).is_err());
        assert!(Metalink::parse("<metalink><files>", &from).is_err());
    }
}
