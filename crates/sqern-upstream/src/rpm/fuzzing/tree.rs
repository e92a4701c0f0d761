//! Compares the XML reader with a parser that builds a tree of the whole document.

use std::io::Read;

use super::reference::unprefixed;
use crate::fuzzing::{Chunks, head};
use crate::rpm::xml::{Step, Xml, XmlError, XmlLimits};

const LIMITS: XmlLimits = XmlLimits {
    element_bytes: 300,
    depth: 6,
};

/// Reads a document. The result does not depend on chunks, each part is within its limit, and the
/// steps equal those of roxmltree if both accept the document.
pub(crate) fn xml(data: &[u8]) -> bool {
    let (size, text) = head(data);
    let steps = read(text);
    // If a document has several errors, chunks may determine which one is reported.
    assert_eq!(
        read(Chunks::new(text, size)).ok(),
        steps.as_ref().ok().cloned(),
        "in chunks of {size}"
    );
    let steps = match steps {
        Ok(steps) => steps,
        Err(error) => {
            let error = error.to_string();
            assert!(
                !error.chars().any(char::is_control) && error.len() <= 2000,
                "{error:?}"
            );
            return false;
        }
    };
    if let Some(tree) = str::from_utf8(text).ok().and_then(steps_of_tree) {
        assert_eq!(steps, tree, "compared with a tree");
    }
    !steps.is_empty()
}

/// Returns elements with their name and attribute `a`, ends, and joined texts. Texts outside the
/// root element are omitted.
fn read(input: impl Read) -> Result<Vec<String>, XmlError> {
    let mut xml = Xml::new(input, LIMITS);
    let mut steps = Vec::new();
    let mut text = String::new();
    loop {
        let depth = xml.depth();
        assert!(depth <= LIMITS.depth);
        let step = xml.next()?;
        if let Step::Text(more) = &step {
            assert!(
                more.len() <= LIMITS.element_bytes,
                "{} bytes of text at once",
                more.len()
            );
            if depth > 0 {
                text += more;
            }
        } else if !matches!(step, Step::Nothing) && !text.is_empty() {
            steps.push(format!("text {:?}", std::mem::take(&mut text)));
        }
        match step {
            Step::Start { tag, empty } => {
                let value = tag.attribute("a")?;
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
    // A tree contains LF instead of CR LF (XML 1.0 §2.11). Fields of rpm contain neither.
    let tree = roxmltree::Document::parse(text)
        .ok()
        .filter(|_| !text.contains('\r'))?;
    let mut steps = Vec::new();
    add(tree.root_element(), &mut steps);
    Some(steps)
}

fn add(element: roxmltree::Node<'_, '_>, steps: &mut Vec<String>) {
    steps.push(format!(
        "<{} {:?}>",
        element.tag_name().name(),
        unprefixed(element, "a")
    ));
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
