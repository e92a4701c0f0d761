//! `primary.xml` read from a tree of the whole document: nothing is passed over, everything is looked at.

use roxmltree::{Document, Node};

use crate::crawl::entry::Entries;
use crate::digest::Algorithm;
use crate::relation::{Dependency, Operator};
use crate::rpm::evr;
use crate::rpm::wanted::{Draft, Judged, Wanted};

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// What a document holds; none if it is not well-formed.
///
/// A document with CR is none of those that are compared: a tree has LF in its place (XML 1.0 §2.11), and no field holds either.
pub(super) fn entries(text: &str, wanted: &Wanted) -> Option<Entries> {
    let tree = Document::parse(text).ok().filter(|_| !text.contains('\r'))?;
    let mut found = Entries::default();
    for package in elements(tree.root_element()) {
        match draft(package, wanted).map(|draft| wanted.judge(draft)) {
            Some(Judged::Entry(entry)) => found.entries.push(*entry),
            Some(Judged::Defect(defect)) => found.defects.push(defect),
            Some(Judged::Untold(shown)) => {
                found.warnings.push(format!("no rule matches header package {shown}"));
            }
            Some(Judged::Other) | None => {}
        }
    }
    Some(found)
}

fn elements<'a, 'b>(node: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(Node::is_element)
}

fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>().trim().to_owned()
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    plain(node, name).unwrap_or_default().to_owned()
}

/// An attribute without a prefix: roxmltree's own search takes one of any namespace.
pub(super) fn plain<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name).map(|found| found.value())
}

/// The package; none if it has a name or an architecture that nobody asked for.
fn draft(package: Node<'_, '_>, wanted: &Wanted) -> Option<Draft> {
    let mut draft = Draft::default();
    for child in elements(package) {
        // `<name/>` says no more than its absence.
        let is_empty = child.document().input_text()[child.range()].ends_with("/>") && !child.has_children();
        match child.tag_name().name() {
            "name" if !is_empty => {
                draft.name = text(child);
                wanted.wants(&draft.name).then_some(())?;
            }
            "arch" if !is_empty => {
                draft.architecture = text(child);
                wanted.wants_architecture(&draft.architecture).then_some(())?;
            }
            "checksum" if !is_empty => {
                let algorithm = Algorithm::by_name(&attribute(child, "type"));
                draft.checksum = algorithm.and_then(|algorithm| Some((algorithm, algorithm.hex(&text(child))?)));
            }
            "version" => {
                draft.epoch = attribute(child, "epoch");
                draft.version = attribute(child, "ver");
                draft.release = attribute(child, "rel");
            }
            "size" => draft.size_bytes = attribute(child, "package").parse().ok(),
            "location" => {
                draft.href = Some(attribute(child, "href"));
                draft.xml_base = child.attribute((XML, "base")).map(str::to_owned);
            }
            "format" => elements(child).for_each(|child| relations(child, wanted, &mut draft)),
            _ => {}
        }
    }
    Some(draft)
}

fn relations(list: Node<'_, '_>, wanted: &Wanted, draft: &mut Draft) {
    let provides = match list.tag_name().name() {
        "requires" => false,
        "provides" => true,
        _ => return,
    };
    for entry in list.descendants().filter(|node| node.is_element() && *node != list) {
        let Some(name) = plain(entry, "name") else { continue };
        if provides && wanted.tells_kernel(name) {
            let version = evr::show("", &attribute(entry, "ver"), &attribute(entry, "rel"));
            draft.unames.push((name.to_owned(), version));
        }
        if !wanted.wants_relation(name) {
            continue;
        }
        let operator = match plain(entry, "flags") {
            Some("LT") => Some(Operator::Earlier),
            Some("LE") => Some(Operator::EarlierOrEqual),
            Some("EQ") => Some(Operator::Equal),
            Some("GE") => Some(Operator::LaterOrEqual),
            Some("GT") => Some(Operator::Later),
            _ => None,
        };
        let version = || evr::show(&attribute(entry, "epoch"), &attribute(entry, "ver"), &attribute(entry, "rel"));
        let relation = Dependency { name: name.to_owned(), version: operator.map(|operator| (operator, version())) };
        if provides { draft.provides.push(relation) } else { draft.needs.push(relation) }
    }
}
