//! A reference parser of `primary.xml`, which reads a tree of the whole document.

use roxmltree::{Document, Node};

use crate::crawl::entry::Entries;
use crate::relation::{Dependency, Operator};
use crate::rpm::evr;
use crate::rpm::package_filter::{Classified, PackageFilter, RawPackage};
use sqern_archive::Algorithm;

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Returns the entries of a document, or `None` if it is not well-formed.
///
/// Documents with CR are not compared. A tree contains LF instead (XML 1.0 §2.11), and no field
/// contains either.
pub(super) fn entries(text: &str, filter: &PackageFilter) -> Option<Entries> {
    let tree = Document::parse(text)
        .ok()
        .filter(|_| !text.contains('\r'))?;
    let mut found = Entries::default();
    for element in elements(tree.root_element()) {
        match raw_package(element, filter).map(|package| filter.classify(package)) {
            Some(Classified::Entry(entry)) => found.entries.push(*entry),
            Some(Classified::Defect(defect)) => found.defects.push(defect),
            Some(Classified::Skipped(warning)) => {
                found.warnings.push(warning);
            }
            Some(Classified::Other) | None => {}
        }
    }
    Some(found)
}

fn elements<'a, 'b>(node: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(Node::is_element)
}

fn text(node: Node<'_, '_>) -> String {
    node.children()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect::<String>()
        .trim()
        .to_owned()
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    unprefixed(node, name).unwrap_or_default().to_owned()
}

/// Returns an attribute without a prefix. The search of roxmltree accepts attributes of any
/// namespace.
pub(super) fn unprefixed<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|attribute| attribute.namespace().is_none() && attribute.name() == name)
        .map(|found| found.value())
}

/// Returns a package, or `None` if its name or architecture does not match the filter.
fn raw_package(element: Node<'_, '_>, filter: &PackageFilter) -> Option<RawPackage> {
    let mut package = RawPackage::default();
    for child in elements(element) {
        // `<name/>` is equivalent to a missing element.
        let is_empty =
            child.document().input_text()[child.range()].ends_with("/>") && !child.has_children();
        match child.tag_name().name() {
            "name" if !is_empty => {
                package.name = text(child);
                filter.matches_name(&package.name).then_some(())?;
            }
            "arch" if !is_empty => {
                package.architecture = text(child);
                filter
                    .matches_architecture(&package.architecture)
                    .then_some(())?;
            }
            "checksum" if !is_empty => {
                let algorithm = Algorithm::from_name(&attribute(child, "type"));
                package.checksum = algorithm
                    .and_then(|algorithm| Some((algorithm, algorithm.parse_hex(&text(child))?)));
            }
            "version" => {
                package.epoch = attribute(child, "epoch");
                package.version = attribute(child, "ver");
                package.release = attribute(child, "rel");
            }
            "size" => package.size_bytes = attribute(child, "package").parse().ok(),
            "location" => {
                package.href = Some(attribute(child, "href"));
                package.xml_base = child.attribute((XML, "base")).map(str::to_owned);
            }
            "format" => elements(child).for_each(|child| relations(child, filter, &mut package)),
            _ => {}
        }
    }
    Some(package)
}

fn relations(list: Node<'_, '_>, filter: &PackageFilter, package: &mut RawPackage) {
    let provides = match list.tag_name().name() {
        "requires" => false,
        "provides" => true,
        _ => return,
    };
    for entry in list
        .descendants()
        .filter(|node| node.is_element() && *node != list)
    {
        let Some(name) = unprefixed(entry, "name") else {
            continue;
        };
        if provides && filter.identifies_kernel(name) {
            let version = evr::show("", &attribute(entry, "ver"), &attribute(entry, "rel"));
            package.unames.push((name.to_owned(), version));
        }
        if !filter.matches_relation(name) {
            continue;
        }
        let operator = match unprefixed(entry, "flags") {
            Some("LT") => Some(Operator::Earlier),
            Some("LE") => Some(Operator::EarlierOrEqual),
            Some("EQ") => Some(Operator::Equal),
            Some("GE") => Some(Operator::LaterOrEqual),
            Some("GT") => Some(Operator::Later),
            _ => None,
        };
        let version = || {
            evr::show(
                &attribute(entry, "epoch"),
                &attribute(entry, "ver"),
                &attribute(entry, "rel"),
            )
        };
        let relation = Dependency {
            name: name.to_owned(),
            version: operator.map(|operator| (operator, version())),
        };
        if provides {
            package.provides.push(relation);
        } else {
            package.needs.push(relation);
        }
    }
}
