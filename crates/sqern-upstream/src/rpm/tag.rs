//! An element's name and attributes.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;

use super::xml::{XmlError, allowed};

/// Attributes of one element: real ones have half a dozen.
const ATTRIBUTES: usize = 64;

/// An element's name and attributes.
pub(crate) struct Tag<'a> {
    start: BytesStart<'a>,
    at: u64,
}

impl<'a> Tag<'a> {
    /// Of an element that begins at a byte.
    pub(super) fn new(start: BytesStart<'a>, at: u64) -> Self {
        Self { start, at }
    }

    /// Why the document is refused here.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> XmlError {
        XmlError::Refused { at: self.at, what: what.into() }
    }

    /// The name without a prefix.
    pub(crate) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Whether the name is written without a prefix.
    pub(crate) fn is_plain(&self) -> bool {
        self.start.name().prefix().is_none()
    }

    /// The value of an attribute, by its whole name (`xml:base`).
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, XmlError> {
        for (place, attribute) in self.start.attributes().enumerate() {
            // Each is compared with all before it, as XML has it: without an end to them, that would be one to the program's time.
            if place == ATTRIBUTES {
                return Err(self.refuse(format!("expected at most {ATTRIBUTES} attributes, found more")));
            }
            let attribute = attribute.map_err(|error| self.refuse(format!("expected attributes, found: {error}")))?;
            if attribute.key.into_inner() == name {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string());
                let value = value.and_then(allowed).map(Some);
                return value.map_err(|error| self.refuse(format!("expected a value of {name}, found: {error}")));
            }
        }
        Ok(None)
    }
}
