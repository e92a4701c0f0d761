//! Parses `repomd.xml`, which lists size and checksum of the files of a repository.

use std::io::Read;

use jiff::Timestamp;

use super::xml::{Step, Tag, Xml, XmlError, XmlLimits};
use crate::listed_file::ListedFile;
use sqern_archive::Algorithm;

/// The relevant content of a `repomd.xml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repomd {
    /// The revision. By default, `createrepo_c` writes the time in seconds since 1970.
    pub(crate) revision: Option<String>,
    /// The package list.
    pub(crate) primary: IndexFile,
}

/// A file in a `repomd.xml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct IndexFile {
    /// The path below the base URL, unchanged.
    pub(crate) href: String,
    /// Another base URL, unchanged.
    pub(crate) xml_base: Option<String>,
    /// The time of creation, unchanged: seconds since 1970, possibly with a fraction.
    pub(crate) timestamp: Option<String>,
    /// The compressed file.
    pub(crate) sent: Option<ListedFile>,
    /// The decompressed file.
    pub(crate) open: Option<ListedFile>,
}

/// 2000-01-01 in seconds since 1970.
const YEAR_2000: i64 = 946_684_800;

const LIMITS: XmlLimits = XmlLimits {
    element_bytes: 64 * 1024,
    depth: 8,
};

impl Repomd {
    /// Returns the time of the package list, else the revision if it is a time. Times are after
    /// 2000, because other revisions are small numbers.
    pub(crate) fn dated_at(&self) -> Option<Timestamp> {
        let seconds = |text: &str| {
            text.trim()
                .split('.')
                .next()?
                .parse()
                .ok()
                .filter(|seconds| *seconds > YEAR_2000)
        };
        let timestamp = self.primary.timestamp.as_deref().and_then(seconds);
        timestamp
            .or_else(|| self.revision.as_deref().and_then(seconds))
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
    }

    /// Parses the text of a `repomd.xml`.
    pub(crate) fn parse(text: &str) -> Result<Self, XmlError> {
        let mut xml = Xml::new(text.as_bytes(), LIMITS);
        let (mut revision, mut primary) = (None, None);
        root(&mut xml, "repomd")?;
        loop {
            match xml.next()? {
                Step::Start { tag, empty: false } => match tag.name() {
                    "revision" => revision = Some(xml.text()?),
                    "data" if tag.attribute("type")?.as_deref() == Some("primary") => {
                        if primary.is_some() {
                            return Err(
                                tag.refuse("expected one <data type=\"primary\">, found another")
                            );
                        }
                        primary = Some(data(&mut xml)?);
                    }
                    _ => {
                        let depth = xml.depth();
                        xml.leave(depth)?;
                    }
                },
                Step::End => break,
                Step::Start { .. } | Step::Text(_) | Step::Nothing => {}
                Step::Done => {
                    return Err(xml.refuse("expected </repomd>, found the end of the file"));
                }
            }
        }
        let primary =
            primary.ok_or_else(|| xml.refuse("expected <data type=\"primary\">, found none"))?;
        if primary.href.is_empty() || primary.sent.is_none() {
            return Err(xml.refuse("expected a location and a checksum (sha1, sha256, sha384 or sha512) of primary, found none"));
        }
        Ok(Self { revision, primary })
    }
}

/// Reads until the root element, which must have this name.
pub(super) fn root<R: Read>(xml: &mut Xml<R>, name: &str) -> Result<(), XmlError> {
    loop {
        match xml.next()? {
            Step::Start { tag, empty: false } if tag.name() == name => return Ok(()),
            Step::Start { tag, .. } => {
                return Err(tag.refuse(format!("expected <{name}>, found <{}>", tag.name())));
            }
            Step::Done => return Err(xml.refuse(format!("expected <{name}>, found nothing"))),
            Step::Text(text) if !text.trim().is_empty() => {
                return Err(xml.refuse(format!("expected <{name}>, found text")));
            }
            Step::Text(_) | Step::Nothing | Step::End => {}
        }
    }
}

/// Parses an element `data` after its start tag.
fn data<R: Read>(xml: &mut Xml<R>) -> Result<IndexFile, XmlError> {
    let mut file = IndexFile::default();
    let (mut sent, mut open) = (None, None);
    let (mut size, mut open_size) = (None, None);
    let depth = xml.depth();
    loop {
        match xml.next()? {
            Step::Start { tag, empty } if tag.name() == "location" => {
                file.href = tag.attribute("href")?.unwrap_or_default().into_owned();
                file.xml_base = tag.attribute("xml:base")?.map(std::borrow::Cow::into_owned);
                if !empty {
                    xml.leave(depth + 1)?;
                }
            }
            Step::Start { tag, empty: false } => match tag.name() {
                "checksum" => better(&mut sent, checksum(algorithm(&tag)?, xml)?),
                "open-checksum" => better(&mut open, checksum(algorithm(&tag)?, xml)?),
                "size" => size = Some(number(xml)?),
                "open-size" => open_size = Some(number(xml)?),
                "timestamp" => file.timestamp = Some(xml.text()?),
                _ => xml.leave(depth + 1)?,
            },
            Step::End => break,
            Step::Start { .. } | Step::Text(_) | Step::Nothing | Step::Done => {}
        }
    }
    let stated = |found: Option<(Algorithm, String)>, size_bytes| {
        found.map(|(algorithm, checksum)| ListedFile {
            size_bytes,
            algorithm,
            checksum,
        })
    };
    (file.sent, file.open) = (stated(sent, size), stated(open, open_size));
    Ok(file)
}

/// Returns the algorithm in the attribute `type`, or `None` if it is unknown or insecure (md5).
pub(super) fn algorithm(tag: &Tag<'_>) -> Result<Option<Algorithm>, XmlError> {
    Ok(tag
        .attribute("type")?
        .and_then(|name| Algorithm::from_name(&name)))
}

/// Parses the checksum in the current element. Returns `None` without an algorithm.
pub(super) fn checksum<R: Read>(
    algorithm: Option<Algorithm>,
    xml: &mut Xml<R>,
) -> Result<Option<(Algorithm, String)>, XmlError> {
    let text = xml.text()?;
    let Some(algorithm) = algorithm else {
        return Ok(None);
    };
    match algorithm.parse_hex(&text) {
        Some(checksum) => Ok(Some((algorithm, checksum))),
        None => Err(xml.refuse(format!(
            "expected {algorithm} as {} hexadecimal digits, found {text:?}",
            algorithm.digits()
        ))),
    }
}

/// Replaces a checksum by a stronger one.
fn better(strongest: &mut Option<(Algorithm, String)>, found: Option<(Algorithm, String)>) {
    if found.as_ref().map(|(algorithm, _)| *algorithm)
        > strongest.as_ref().map(|(algorithm, _)| *algorithm)
    {
        *strongest = found;
    }
}

fn number<R: Read>(xml: &mut Xml<R>) -> Result<u64, XmlError> {
    let text = xml.text()?;
    text.parse()
        .map_err(|_| xml.refuse(format!("expected a size in bytes, found {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(checksums: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n\
             <revision>1715000000</revision>\n<tags><content>x</content></tags>\n\
             <data type=\"filelists\"><location href=\"repodata/f.xml.gz\"/></data>\n\
             <data type=\"primary\">\n{checksums}<location href=\"repodata/p.xml.gz\"/>\n\
             <timestamp>1715000001.5</timestamp><size>12</size><open-size>34</open-size></data>\n</repomd>\n"
        )
    }

    #[test]
    fn strongest_checksum_of_primary_is_used() {
        let (sha1, sha512) = ("AB".repeat(20), "cd".repeat(64));
        let checksums = format!(
            "<checksum type=\"sha\">{sha1}</checksum><checksum type=\"sha512\">{sha512}</checksum><checksum type=\"md5\">x</checksum>\
             <open-checksum type=\"sha\">{sha1}</open-checksum>"
        );
        let repomd = Repomd::parse(&text(&checksums)).expect("a repomd.xml");
        assert_eq!(repomd.revision.as_deref(), Some("1715000000"));
        assert_eq!(repomd.primary.href, "repodata/p.xml.gz");
        assert_eq!(
            repomd.dated_at().map(Timestamp::as_second),
            Some(1_715_000_001),
            "the list's own time comes first"
        );
        assert_eq!(
            repomd.primary.sent,
            Some(ListedFile {
                size_bytes: Some(12),
                algorithm: Algorithm::Sha512,
                checksum: sha512
            })
        );
        assert_eq!(
            repomd.primary.open,
            Some(ListedFile {
                size_bytes: Some(34),
                algorithm: Algorithm::Sha1,
                checksum: sha1.to_lowercase()
            })
        );
    }

    #[test]
    fn missing_and_weak_checksums_are_errors() {
        let right = format!("<checksum type=\"sha256\">{}</checksum>", "0".repeat(64));
        assert!(Repomd::parse(&text(&right)).is_ok());
        for (text, expected) in [
            (text(""), "a checksum"),
            (text("<checksum type=\"md5\">00</checksum>"), "a checksum"),
            (
                text("<checksum type=\"sha256\">00</checksum>"),
                "64 hexadecimal digits",
            ),
            (
                text(&right).replace("<size>12", "<size>x"),
                "a size in bytes",
            ),
            (
                text(&right).replace("filelists", "primary"),
                "found another",
            ),
            (
                text(&right).replace("\"primary\"", "\"secondary\""),
                "found none",
            ),
            (text(&right).replace("</repomd>", ""), "end of the file"),
            (
                "<html></html>".to_owned(),
                "expected <repomd>, found <html>",
            ),
            (String::new(), "found nothing"),
        ] {
            let error = Repomd::parse(&text).expect_err("refused").to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    proptest! {
        #[test]
        fn mutated_text_never_panics(offset in 0_usize..600, byte in "[<>/a\"&]", cut in any::<bool>()) {
            let mut text = text(&format!("<checksum type=\"sha256\">{}</checksum>", "0".repeat(64)));
            let offset = offset.min(text.len() - 1);
            if cut { text.truncate(offset) } else { text.replace_range(offset..=offset, &byte) }
            let _ = Repomd::parse(&text);
        }
    }
}
