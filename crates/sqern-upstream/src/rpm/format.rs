//! Parses the element `format` of a package in `primary.xml`, which contains its relations.

use std::io::Read;

use super::evr;
use super::package_filter::{PackageFilter, RawPackage};
use super::xml::{Step, Tag, Xml, XmlError};
use crate::relation::{Dependency, Operator, RELATIONS};

/// The length limit of a relation in bytes. Attributes of maximum length would require gigabytes.
const RELATION_BYTES: usize = 4096;

/// Parses the element `format` after its start tag.
pub(super) fn format<R: Read>(
    xml: &mut Xml<R>,
    filter: &PackageFilter,
    package: &mut RawPackage,
) -> Result<(), XmlError> {
    let depth = xml.depth();
    while xml.depth() >= depth {
        if let Step::Start { tag, empty: false } = xml.next()? {
            match tag.name() {
                "requires" => relations(xml, filter, package, false)?,
                "provides" => relations(xml, filter, package, true)?,
                _ => xml.leave(depth + 1)?,
            }
        }
    }
    Ok(())
}

/// Parses the entries of `rpm:requires` or `rpm:provides` until its end.
fn relations<R: Read>(
    xml: &mut Xml<R>,
    filter: &PackageFilter,
    package: &mut RawPackage,
    provides: bool,
) -> Result<(), XmlError> {
    let depth = xml.depth();
    while xml.depth() >= depth {
        let Step::Start { tag, .. } = xml.next()? else {
            continue;
        };
        let Some(name) = tag.attribute("name")? else {
            continue;
        };
        if package.needs.len() + package.provides.len() + package.unames.len() >= RELATIONS
            && (filter.matches_relation(&name) || provides && filter.identifies_kernel(&name))
        {
            package.has_excess_relations = true;
            continue;
        }
        if provides && filter.identifies_kernel(&name) {
            let text = |name: &str| Ok(tag.attribute(name)?.unwrap_or_default());
            let version = evr::show("", &text("ver")?, &text("rel")?);
            if version.len() > RELATION_BYTES {
                return Err(tag.refuse(format!(
                    "expected a version of at most {RELATION_BYTES} bytes, found {}",
                    version.len()
                )));
            }
            package.unames.push((name.clone().into_owned(), version));
        }
        if filter.matches_relation(&name) {
            let relation = relation(&tag, &name)?;
            if provides {
                package.provides.push(relation);
            } else {
                package.needs.push(relation);
            }
        }
    }
    Ok(())
}

/// Parses an `rpm:entry`.
fn relation(tag: &Tag<'_>, name: &str) -> Result<Dependency, XmlError> {
    let operator = match tag.attribute("flags")?.as_deref() {
        Some("LT") => Some(Operator::Earlier),
        Some("LE") => Some(Operator::EarlierOrEqual),
        Some("EQ") => Some(Operator::Equal),
        Some("GE") => Some(Operator::LaterOrEqual),
        Some("GT") => Some(Operator::Later),
        _ => None,
    };
    let text = |name: &str| Ok(tag.attribute(name)?.unwrap_or_default());
    let version = match operator {
        Some(operator) => Some((
            operator,
            evr::show(&text("epoch")?, &text("ver")?, &text("rel")?),
        )),
        None => None,
    };
    let relation = Dependency {
        name: name.to_owned(),
        version,
    };
    // Unsatisfied relations are displayed.
    let shown = relation.to_string();
    if shown.len() > RELATION_BYTES || shown.chars().any(char::is_control) {
        let expected = format!(
            "expected a relation of at most {RELATION_BYTES} bytes without control characters"
        );
        return Err(tag.refuse(format!("{expected}, found {} bytes: {shown}", shown.len())));
    }
    Ok(relation)
}
