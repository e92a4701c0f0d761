//! Parses `primary.xml`, the package list of a repository, as a stream.
//!
//! Most of it consists of irrelevant packages and of their provides, such as thousands of symbols
//! of a kernel. If the name of a package does not match, its end is searched without parsing.

use std::io::Read;

use memchr::memmem::Finder;
use sqern_archive::BoundedReader;
use sqern_model::counted;

use super::format::format;
use super::package_filter::{Classified, PackageFilter, RawPackage};
use super::repomd::{algorithm, checksum, root};
use super::xml::{Step, Tag, Xml, XmlError, XmlLimits};
use crate::Limits;
use crate::crawl::control::ScanControl;
use crate::crawl::entry::Entries;
use crate::relation::text_bytes;

/// The maximum depth of elements: `metadata`, `package`, `format`, `rpm:requires`, `rpm:entry`, and
/// possible extensions.
const DEPTH: usize = 12;
/// The start of the end tag of a package. `createrepo_c` writes no prefix before it. Documents with
/// a prefix are parsed completely.
const END: &[u8] = b"</package";

/// Scans a decompressed package list, and returns its entries and the reader.
pub(super) fn scan<R: Read>(
    input: BoundedReader<R>,
    filter: &PackageFilter,
    limits: &Limits,
    control: &ScanControl,
) -> Result<(Entries, BoundedReader<R>), XmlError> {
    let mut xml = Xml::new(
        input,
        XmlLimits {
            element_bytes: limits.line_bytes,
            depth: DEPTH,
        },
    );
    let mut found = Entries::default();
    let end = Finder::new(END);
    let mut packages = 0_u64;
    root(&mut xml, "metadata")?;
    loop {
        match xml.next()? {
            Step::Start { tag, empty: false } if tag.name() == "package" => {
                let short_cut = tag.is_plain();
                packages += 1;
                if packages > limits.stanzas {
                    return Err(xml.refuse(format!(
                        "expected at most {}, found more",
                        counted(limits.stanzas, "package")
                    )));
                }
                if let Some(package) = package(&mut xml, filter, short_cut.then_some(&end))? {
                    match filter.classify(package) {
                        Classified::Entry(entry) => {
                            control.add(entry.bytes()).map_err(XmlError::OutOfMemory)?;
                            found.entries.push(*entry);
                        }
                        Classified::Defect(defect) => {
                            control
                                .add(text_bytes(&defect))
                                .map_err(XmlError::OutOfMemory)?;
                            found.defects.push(defect);
                        }
                        Classified::Skipped(warning) => {
                            control
                                .add(text_bytes(&warning))
                                .map_err(XmlError::OutOfMemory)?;
                            found.warnings.push(warning);
                        }
                        Classified::Other => {}
                    }
                }
            }
            Step::Start { tag, .. } => {
                return Err(tag.refuse(format!("expected <package>, found <{}>", tag.name())));
            }
            Step::Text(text) if !text.trim_ascii().is_empty() => {
                return Err(xml.refuse("expected <package>, found text"));
            }
            Step::Done => return Ok((found, xml.into_inner())),
            Step::Text(_) | Step::Nothing | Step::End => {}
        }
    }
}

/// Parses a package after its start tag. Returns `None` if it does not match the filter.
fn package<R: Read>(
    xml: &mut Xml<R>,
    filter: &PackageFilter,
    end: Option<&Finder<'_>>,
) -> Result<Option<RawPackage>, XmlError> {
    let mut package = RawPackage::default();
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
                    package.name = xml.text()?;
                    if !filter.matches_name(&package.name) {
                        return pass(xml);
                    }
                }
                "arch" if !empty => {
                    package.architecture = xml.text()?;
                    if !filter.matches_architecture(&package.architecture) {
                        return pass(xml);
                    }
                }
                "checksum" if !empty => package.checksum = checksum(algorithm(&tag)?, xml)?,
                "format" if !empty => format(xml, filter, &mut package)?,
                _ => {
                    fields(&tag, &mut package)?;
                    if !empty {
                        xml.leave(depth + 1)?;
                    }
                }
            },
            Step::End | Step::Text(_) | Step::Nothing | Step::Done => {}
        }
    }
    Ok(Some(package))
}

/// Parses the attributes of an element of a package.
fn fields(tag: &Tag<'_>, package: &mut RawPackage) -> Result<(), XmlError> {
    let text = |name: &str| Ok(tag.attribute(name)?.unwrap_or_default().into_owned());
    match tag.name() {
        "version" => {
            (package.epoch, package.version, package.release) =
                (text("epoch")?, text("ver")?, text("rel")?);
        }
        "size" => package.size_bytes = text("package")?.parse().ok(),
        "location" => {
            package.href = Some(text("href")?);
            package.xml_base = tag.attribute("xml:base")?.map(std::borrow::Cow::into_owned);
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

    fn filter() -> PackageFilter {
        let text = "name = \"d\"\nvariant = \"D\"\ntitle = \"D\"\n[[rule]]\npackage = '^kernel-(?<flavour>[a-z]+)-devel$'\n\
                    release = '^(?<build>.+)\\.[0-9]+$'\nuname = '{version}-{build}-{flavour}'\nsupport = '^kernel-devel$'\n";
        let distro: DistroDef = toml::from_str(text).expect("a distribution");
        PackageFilter::new(
            &distro,
            &["x86_64".to_owned()],
            "https://h/os".parse().expect("a URL"),
        )
        .expect("patterns")
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

    fn scanned(text: &[u8]) -> Result<Entries, XmlError> {
        let input = BoundedReader::new(text, u64::MAX);
        let limits = Limits::default();
        scan(input, &filter(), &limits, &ScanControl::new(&limits)).map(|(found, _)| found)
    }

    #[test]
    fn relevant_packages_are_read_with_their_relations() {
        let needs = "<rpm:entry name=\"kernel-devel\" flags=\"EQ\" epoch=\"0\" ver=\"6.9.7\" rel=\"1.1\"/><rpm:entry name=\"gcc\"/>";
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
        let names: Vec<&str> = found
            .entries
            .iter()
            .map(|entry| entry.package.name.as_str())
            .collect();
        assert_eq!(names, ["kernel-default-devel", "kernel-devel"]);
        let headers = &found.entries[0];
        assert_eq!(
            headers.kernel.as_ref().map(|(kernel, _)| kernel.as_str()),
            Some("6.9.7-1-default")
        );
        assert_eq!(
            headers
                .needs
                .iter()
                .map(|need| need[0].to_string())
                .collect::<Vec<_>>(),
            ["kernel-devel (= 6.9.7-1.1)"]
        );
        assert_eq!(
            (headers.package.version.as_str(), headers.package.size_bytes),
            ("6.9.7-1.1", 12)
        );
        assert_eq!(
            headers.package.url,
            "https://h/os/x86_64/kernel-default-devel.rpm"
        );
        assert!(found.entries[1].is_for_all() && found.entries[1].kernel.is_none());
    }

    #[test]
    fn order_and_prefixes_of_elements_do_not_matter() {
        let text = document(&package("kernel-default-devel", "x86_64", ""));
        let moved = text
            .replace("<name>kernel-default-devel</name>", "")
            .replace("<file>", "<file/><file>")
            .replace("</format>", "</format><name>kernel-default-devel</name>");
        assert_eq!(scanned(moved.as_bytes()).expect("a list").entries.len(), 1);
        let other = document(&package("other", "x86_64", ""))
            .replace("package>", "c:package>")
            .replace("<package ", "<c:package ");
        assert_eq!(scanned(other.as_bytes()).expect("a list").entries.len(), 0);
    }

    #[test]
    fn missing_checksum_size_or_safe_location_is_a_defect() {
        for (from, to) in [
            ("type=\"sha256\"", "type=\"md5\""),
            ("package=\"12\"", "package=\"x\""),
            ("href=\"x86_64/", "href=\"http://other/"),
        ] {
            let text = document(&package("kernel-default-devel", "x86_64", ""));
            assert!(text.contains(from), "{from}");
            let found = scanned(text.replace(from, to).as_bytes()).expect("a list");
            assert_eq!(
                (found.entries.len(), found.defects.len()),
                (0, 1),
                "{from}: {:?}",
                found.defects
            );
        }
    }

    #[test]
    fn header_package_without_a_valid_kernel_version_is_a_warning() {
        for (to, expected) in [
            (
                "ver=\"6.9.7\" rel=\"1\"",
                "no rule matches header package kernel-default-devel 6.9.7-1 x86_64",
            ),
            ("ver=\"\" rel=\"1.1\"", "found \"-1-default\""),
            (
                "ver=\"../../etc/x\" rel=\"1.1\"",
                "found \"../../etc/x-1-default\"",
            ),
        ] {
            let text = document(&package("kernel-default-devel", "x86_64", ""));
            let text = text.replace("ver=\"6.9.7\" rel=\"1.1\"", to);
            let found = scanned(text.as_bytes()).expect("a list");
            assert_eq!((found.entries.len(), found.defects.len()), (0, 0));
            assert!(
                found.warnings.len() == 1 && found.warnings[0].contains(expected),
                "{:?}",
                found.warnings
            );
        }
    }

    #[test]
    fn skipped_packages_end_at_their_real_end_tag() {
        let (other, wanted) = (
            "<package><name>other</name>",
            package("kernel-default-devel", "x86_64", ""),
        );
        for (hidden, expected) in [
            (
                format!("{other}<!-- </package>{wanted}{other} --></package>"),
                0,
            ),
            (
                format!("{other}<a><![CDATA[</package>{wanted}{other}]]></a></package>"),
                0,
            ),
            (
                format!("{other}<?a </package>{wanted}{other}?></package>"),
                0,
            ),
            (format!("{other}</package >{wanted}{other}</package\n>"), 1),
            (format!("{other}<packages></packages></package>{wanted}"), 1),
        ] {
            assert_eq!(
                scanned(document(&hidden).as_bytes())
                    .expect("a list")
                    .entries
                    .len(),
                expected,
                "{hidden}"
            );
        }
    }

    #[test]
    fn invalid_documents_are_errors() {
        let right = document(&package("other", "x86_64", ""));
        for (text, expected) in [
            (right.replace("</metadata>", ""), "end of the file"),
            (
                right.replace(
                    "<metadata",
                    "<!DOCTYPE metadata [<!ENTITY a \"b\">]><metadata",
                ),
                "DOCTYPE",
            ),
            (document(&package("kernel&x;-devel", "x86_64", "")), "&x;"),
            (document("text"), "found text"),
            (document("<packages/>"), "found <packages>"),
            (right.clone() + "<package/>", "expected one root element"),
            (right.clone() + &right, "expected one root element"),
            (right[..right.len() - 40].to_owned(), "the end of"),
            ("<filelists></filelists>".to_owned(), "expected <metadata>"),
        ] {
            let error = scanned(text.as_bytes())
                .map(|found| found.entries.len())
                .expect_err(expected)
                .to_string();
            assert!(
                error.contains(expected) || expected == "the end of",
                "{expected}: {error}"
            );
        }
    }

    #[test]
    fn memory_of_relevant_packages_is_limited() {
        let needs = "<rpm:entry name=\"kernel-devel\"/>".repeat(1000);
        let package = package("kernel-default-devel", "x86_64", &needs);
        let error = scanned(document(&package.repeat(250)).as_bytes())
            .map(|found| found.entries.len())
            .expect_err("too much")
            .to_string();
        assert!(
            error.contains("require more than 16.00 MiB of memory"),
            "{error}"
        );
    }

    #[test]
    fn package_with_too_many_relations_is_skipped() {
        let needs = "<rpm:entry name=\"kernel-devel\"/>";
        for (count, entries) in [(999, 2), (1001, 1)] {
            let text = document(
                &[
                    package("kernel-default-devel", "x86_64", &needs.repeat(count)),
                    package(
                        "kernel-devel",
                        "noarch",
                        &"<rpm:entry name=\"a\"/>".repeat(5000),
                    ),
                ]
                .concat(),
            );
            let found = scanned(text.as_bytes()).expect("a list");
            assert_eq!(
                (
                    found.entries.len(),
                    found.defects.len(),
                    found.warnings.len()
                ),
                (entries, 0, 2 - entries),
                "{:?}",
                found.warnings
            );
        }
    }

    #[test]
    fn relations_of_a_package_are_limited() {
        for (attributes, expected) in [
            (
                format!("flags=\"EQ\" ver=\"{}\"", "1".repeat(5000)),
                "a relation of at most 4096 bytes",
            ),
            (
                "flags=\"EQ\" ver=\"1&#10;2\"".into(),
                "without control characters",
            ),
        ] {
            let text = document(&package(
                "kernel-default-devel",
                "x86_64",
                &format!("<rpm:entry name=\"kernel-devel\" {attributes}/>"),
            ));
            let error = scanned(text.as_bytes())
                .map(|found| found.entries.len())
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected) && error.len() < 2000, "{error}");
        }
    }

    proptest! {
        #[test]
        fn mutated_list_never_panics(
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
        ) {
            let needs = "<rpm:entry name=\"kernel-devel\" flags=\"EQ\" epoch=\"0\" ver=\"6.9.7\" rel=\"1.1\"/>";
            let packages = [package("other", "x86_64", ""), package("kernel-default-devel", "x86_64", needs)].concat();
            let mut text = document(&packages).into_bytes();
            for (offset, byte) in places {
                let offset = offset.index(text.len());
                text[offset] = byte;
            }
            if cuts { text.truncate(cut.index(text.len())) }
            let _ = scanned(&text);
        }
    }
}
