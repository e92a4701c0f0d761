//! XML beside a parser that makes a tree of the whole document.

use std::io::Read;

use super::slow::plain;
use crate::fuzzing::{Pieces, head};
use crate::rpm::xml::{Step, Xml, XmlLimits};

const LIMITS: XmlLimits = XmlLimits { element_bytes: 300, depth: 6 };

/// The stream of XML: in pieces as in one, each piece of it below its limit, and the same that roxmltree sees in the document
/// where both take it.
pub(crate) fn xml(data: &[u8]) -> bool {
    let (size, text) = head(data);
    let steps = read(text);
    // Of two things that are wrong with a document, the one that is told may be another in pieces.
    assert_eq!(read(Pieces::new(text, size)).ok(), steps.clone().ok(), "in pieces of {size}");
    let steps = match steps {
        Ok(steps) => steps,
        Err(error) => {
            assert!(!error.chars().any(char::is_control) && error.len() <= 2000, "{error:?}");
            return false;
        }
    };
    if let Some(tree) = str::from_utf8(text).ok().and_then(steps_of_tree) {
        assert_eq!(steps, tree, "beside a tree");
    }
    !steps.is_empty()
}

/// Elements by name and with their attribute `a`, their ends, and texts in one piece. Texts outside of the root element are left out.
fn read(input: impl Read) -> Result<Vec<String>, String> {
    let mut xml = Xml::new(input, LIMITS);
    let mut steps = Vec::new();
    let mut text = String::new();
    loop {
        let depth = xml.depth();
        assert!(depth <= LIMITS.depth);
        let step = xml.next().map_err(|error| error.to_string())?;
        if let Step::Text(more) = &step {
            assert!(more.len() <= LIMITS.element_bytes, "{} bytes of text at once", more.len());
            if depth > 0 {
                text += more;
            }
        } else if !matches!(step, Step::Nothing) && !text.is_empty() {
            steps.push(format!("text {:?}", std::mem::take(&mut text)));
        }
        match step {
            Step::Start { tag, empty } => {
                let value = tag.attribute("a").map_err(|error| error.to_string())?;
                steps.push(format!("<{} {value:?}>", tag.name()));
                steps.extend(empty.then(|| "end".to_owned()));
            }
            Step::End => steps.push("end".into()),
            Step::Done => return Ok(steps),
            Step::Text(_) | Step::Nothing => {}
        }
    }
}

fn steps_of_tree(text: &str) -> Option<Vec<String>> {
    // A tree has every CR LF as LF (XML 1.0 §2.11); rpm's fields hold neither.
    let tree = roxmltree::Document::parse(text).ok().filter(|_| !text.contains('\r'))?;
    let mut steps = Vec::new();
    add(tree.root_element(), &mut steps);
    Some(steps)
}

fn add(element: roxmltree::Node<'_, '_>, steps: &mut Vec<String>) {
    steps.push(format!("<{} {:?}>", element.tag_name().name(), plain(element, "a")));
    let mut text = String::new();
    for child in element.children() {
        if child.is_text() {
            text += child.text().unwrap_or_default();
        } else if child.is_element() {
            if !text.is_empty() {
                steps.push(format!("text {:?}", std::mem::take(&mut text)));
            }
            add(child, steps);
        }
    }
    if !text.is_empty() {
        steps.push(format!("text {text:?}"));
    }
    steps.push("end".into());
}
