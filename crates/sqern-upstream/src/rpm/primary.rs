//! `primary.xml`: the list of a repository's packages, read as a stream.
//!
//! Most of it is of packages that nobody asked for, and of what they provide (thousands of symbols for a kernel): what a name
//! rules out is passed over by a search for its end, not parsed.

use std::io::Read;

use memchr::memmem::Finder;
use sqern_model::counted;

use super::format::format;
use super::repomd::{algorithm, checksum, root};
use super::wanted::{Draft, Judged, Wanted};
use super::xml::{Step, Tag, Xml, XmlError, XmlLimits};
use crate::Limits;
use crate::crawl::decode::Checked;
use crate::crawl::entry::Entries;

/// Elements within each other: `metadata`, `package`, `format`, `rpm:requires`, `rpm:entry`, and some that may come yet.
const DEPTH: usize = 12;
/// What the end of a package begins with; `createrepo_c` writes no prefix before it, and a document that does is read without the
/// short cut.
const END: &[u8] = b"</package";
/// What is kept of all packages together, in bytes of memory: ten thousand kernels take less than a tenth of it.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Scans a whole plain list; gives what it held and what was read.
pub(super) fn scan<R: Read>(input: Checked<R>, wanted: &Wanted, limits: &Limits) -> Result<(Entries, Checked<R>), XmlError> {
    let mut xml = Xml::new(input, XmlLimits { element_bytes: limits.line_bytes, depth: DEPTH });
    let mut found = Entries::default();
    let end = Finder::new(END);
    let (mut packages, mut kept_bytes) = (0_u64, 0);
    root(&mut xml, "metadata")?;
    loop {
        match xml.next()? {
            Step::Start { tag, empty: false } if tag.name() == "package" => {
                let short_cut = tag.is_plain();
                packages += 1;
                if packages > limits.stanzas {
                    return Err(xml.refuse(format!("expected at most {}, found more", counted(limits.stanzas, "package"))));
                }
                if let Some(draft) = package(&mut xml, wanted, short_cut.then_some(&end))? {
                    kept_bytes += draft.bytes();
                    if kept_bytes > KEPT_BYTES {
                        return Err(xml.refuse(format!("expected at most {KEPT_BYTES} bytes about kernels, found more")));
                    }
                    match wanted.judge(draft) {
                        Judged::Entry(entry) => found.entries.push(*entry),
                        Judged::Defect(defect) => found.defects.push(defect),
                        Judged::Untold(shown) => {
                            found.warnings.push(format!("no rule matches header package {shown}"));
                        }
                        Judged::Other => {}
                    }
                }
            }
            Step::Start { tag, .. } => return Err(tag.refuse(format!("expected <package>, found <{}>", tag.name()))),
            Step::Text(text) if !text.trim_ascii().is_empty() => {
                return Err(xml.refuse("expected <package>, found text"));
            }
            Step::Done => return Ok((found, xml.into_inner())),
            Step::Text(_) | Step::Nothing | Step::End => {}
        }
    }
}

/// The package that just began, to its end; none as soon as it is none that is wanted.
fn package<R: Read>(xml: &mut Xml<R>, wanted: &Wanted, end: Option<&Finder<'_>>) -> Result<Option<Draft>, XmlError> {
    let mut draft = Draft::default();
    let depth = xml.depth();
    let pass = |xml: &mut Xml<R>| {
        if let Some(end) = end {
            xml.skip_before(end)?;
        }
        xml.leave(depth).map(|()| None)
    };
    while xml.depth() >= depth {
        match xml.next()? {
            Step::Start { tag, empty } => match tag.name() {
                "name" if !empty => {
                    draft.name = xml.text()?;
                    if !wanted.wants(&draft.name) {
                        return pass(xml);
                    }
                }
                "arch" if !empty => {
                    draft.architecture = xml.text()?;
                    if !wanted.wants_architecture(&draft.architecture) {
                        return pass(xml);
                    }
                }
                "checksum" if !empty => draft.checksum = checksum(algorithm(&tag)?, xml)?,
                "format" if !empty => format(xml, wanted, &mut draft)?,
                _ => {
                    fields(&tag, &mut draft)?;
                    if !empty {
                        xml.leave(depth + 1)?;
                    }
                }
            },
            Step::End | Step::Text(_) | Step::Nothing | Step::Done => {}
        }
    }
    Ok(Some(draft))
}

/// What stands in the attributes of a package's elements.
fn fields(tag: &Tag<'_>, draft: &mut Draft) -> Result<(), XmlError> {
    let text = |name: &str| Ok(tag.attribute(name)?.unwrap_or_default().into_owned());
    match tag.name() {
        "version" => (draft.epoch, draft.version, draft.release) = (text("epoch")?, text("ver")?, text("rel")?),
        "size" => draft.size_bytes = text("package")?.parse().ok(),
        "location" => {
            draft.href = Some(text("href")?);
            draft.xml_base = tag.attribute("xml:base")?.map(std::borrow::Cow::into_owned);
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sqern_model::DistroDef;

    fn wanted() -> Wanted {
        let text = "name = \"d\"\nvariant = \"D\"\ntitle = \"D\"\n[[rule]]\npackage = '^kernel-(?<flavour>[a-z]+)-devel$'\n\
                    release = '^(?<build>.+)\\.[0-9]+$'\nuname = '{version}-{build}-{flavour}'\nsupport = '^kernel-devel$'\n";
        let distro: DistroDef = toml::from_str(text).expect("a distribution");
        Wanted::new(&distro, &["x86_64".to_owned()], "https://h/os".parse().expect("a URL")).expect("patterns")
    }

    fn package(name: &str, arch: &str, requires: &str) -> String {
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version epoch=\"0\" ver=\"6.9.7\" rel=\"1.1\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><summary>a &amp; b</summary>\
             <packager>x &lt;y@z&gt;</packager><size package=\"12\" installed=\"3\"/><location href=\"{arch}/{name}.rpm\"/>\
             <format><rpm:license>GPL</rpm:license><rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"6.9.7\"\
              rel=\"1.1\"/></rpm:provides><rpm:requires>{requires}</rpm:requires><file>/x</file></format></package>\n",
            "0".repeat(64)
        )
    }

    fn document(packages: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
             xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"2\">\n{packages}</metadata>\n"
        )
    }

    fn scanned(text: &[u8]) -> Result<Entries, String> {
        let input = Checked::new(text, u64::MAX, None);
        scan(input, &wanted(), &Limits::default()).map(|(found, _)| found).map_err(|error| error.to_string())
    }

    #[test]
    fn wanted_packages_are_kept_with_what_matters_of_them() {
        let needs =
            "<rpm:entry name=\"kernel-devel\" flags=\"EQ\" epoch=\"0\" ver=\"6.9.7\" rel=\"1.1\"/><rpm:entry name=\"gcc\"/>";
        let text = document(
            &[
                package("other", "x86_64", needs),
                package("kernel-default-devel", "x86_64", needs),
                package("kernel-default-devel", "i586", needs),
                package("kernel-devel", "noarch", ""),
            ]
            .concat(),
        );
        let found = scanned(text.as_bytes()).expect("a list");
        assert_eq!((found.defects.len(), found.warnings.len()), (0, 0));
        let names: Vec<&str> = found.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["kernel-default-devel", "kernel-devel"]);
        let headers = &found.entries[0];
        assert_eq!(headers.kernel.as_ref().map(|(kernel, _)| kernel.as_str()), Some("6.9.7-1-default"));
        assert_eq!(headers.needs.iter().map(|need| need[0].to_string()).collect::<Vec<_>>(), ["kernel-devel (= 6.9.7-1.1)"]);
        assert_eq!((headers.version.as_str(), headers.size_bytes), ("6.9.7-1.1", 12));
        assert_eq!(headers.url, "https://h/os/x86_64/kernel-default-devel.rpm");
        assert!(found.entries[1].is_for_all() && found.entries[1].kernel.is_none());
    }

    #[test]
    fn names_after_other_elements_and_prefixes_are_read_too() {
        let text = document(&package("kernel-default-devel", "x86_64", ""));
        let moved = text
            .replace("<name>kernel-default-devel</name>", "")
            .replace("<file>", "<file/><file>")
            .replace("</format>", "</format><name>kernel-default-devel</name>");
        assert_eq!(scanned(moved.as_bytes()).expect("a list").entries.len(), 1);
        let other =
            document(&package("other", "x86_64", "")).replace("package>", "c:package>").replace("<package ", "<c:package ");
        assert_eq!(scanned(other.as_bytes()).expect("a list").entries.len(), 0);
    }

    #[test]
    fn what_lacks_a_checksum_a_size_or_a_safe_place_is_a_defect() {
        for (from, to) in [
            ("type=\"sha256\"", "type=\"md5\""),
            ("package=\"12\"", "package=\"x\""),
            ("href=\"x86_64/", "href=\"../"),
            ("ver=\"6.9.7\" rel=\"1.1\"/><checksum", "ver=\"\" rel=\"1.1\"/><checksum"),
        ] {
            let text = document(&package("kernel-default-devel", "x86_64", ""));
            assert!(text.contains(from), "{from}");
            let found = scanned(text.replace(from, to).as_bytes()).expect("a list");
            assert_eq!((found.entries.len(), found.defects.len()), (0, 1), "{from}: {:?}", found.defects);
        }
        let text = document(&package("kernel-default-devel", "x86_64", "")).replace("rel=\"1.1\"", "rel=\"1\"");
        assert_eq!(scanned(text.as_bytes()).expect("a list").warnings.len(), 1, "a release that tells no kernel");
    }

    #[test]
    fn what_is_passed_over_ends_where_xml_says() {
        let (other, wanted) = ("<package><name>other</name>", package("kernel-default-devel", "x86_64", ""));
        for (hidden, expected) in [
            (format!("{other}<!-- </package>{wanted}{other} --></package>"), 0),
            (format!("{other}<a><![CDATA[</package>{wanted}{other}]]></a></package>"), 0),
            (format!("{other}<?a </package>{wanted}{other}?></package>"), 0),
            (format!("{other}</package >{wanted}{other}</package\n>"), 1),
            (format!("{other}<packages></packages></package>{wanted}"), 1),
        ] {
            assert_eq!(scanned(document(&hidden).as_bytes()).expect("a list").entries.len(), expected, "{hidden}");
        }
    }

    #[test]
    fn a_document_of_another_form_is_refused() {
        let right = document(&package("other", "x86_64", ""));
        for (text, expected) in [
            (right.replace("</metadata>", ""), "end of the file"),
            (right.replace("<metadata", "<!DOCTYPE metadata [<!ENTITY a \"b\">]><metadata"), "DOCTYPE"),
            (document(&package("kernel&x;-devel", "x86_64", "")), "&x;"),
            (document("text"), "found text"),
            (document("<packages/>"), "found <packages>"),
            (right.clone() + "<package/>", "expected one root element"),
            (right.clone() + &right, "expected one root element"),
            (right[..right.len() - 40].to_owned(), "the end of"),
            ("<filelists></filelists>".to_owned(), "expected <metadata>"),
        ] {
            let error = scanned(text.as_bytes()).map(|found| found.entries.len()).expect_err(expected);
            assert!(error.contains(expected) || expected == "the end of", "{expected}: {error}");
        }
    }

    #[test]
    fn kernels_without_end_are_refused_before_they_fill_the_memory() {
        let package = package("kernel-default-devel", "x86_64", "").replace("6.9.7", &"1".repeat(400_000));
        let error = scanned(document(&package.repeat(200)).as_bytes()).map(|found| found.entries.len()).expect_err("too much");
        assert!(error.contains("bytes about kernels"), "{error}");
    }

    #[test]
    fn relations_that_fill_the_memory_within_one_package_are_refused() {
        for (attributes, expected) in [
            (format!("flags=\"EQ\" ver=\"{}\"", "1".repeat(5000)), "a relation of at most 4096 bytes"),
            ("flags=\"EQ\" ver=\"1&#10;2\"".into(), "without control characters"),
        ] {
            let text =
                document(&package("kernel-default-devel", "x86_64", &format!("<rpm:entry name=\"kernel-devel\" {attributes}/>")));
            let error = scanned(text.as_bytes()).map(|found| found.entries.len()).expect_err(expected);
            assert!(error.contains(expected) && error.len() < 2000, "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_mutated_list_is_read_or_refused(
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
        ) {
            let needs = "<rpm:entry name=\"kernel-devel\" flags=\"EQ\" epoch=\"0\" ver=\"6.9.7\" rel=\"1.1\"/>";
            let packages = [package("other", "x86_64", ""), package("kernel-default-devel", "x86_64", needs)].concat();
            let mut text = document(&packages).into_bytes();
            for (place, byte) in places {
                let place = place.index(text.len());
                text[place] = byte;
            }
            if cuts { text.truncate(cut.index(text.len())) }
            let _ = scanned(&text);
        }
    }
}
