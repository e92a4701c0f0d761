//! The name and attributes of an element.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;

use super::xml_error::{InvalidText, XmlError, check_characters};

/// The maximum number of attributes. Real elements have about 6.
const ATTRIBUTES: usize = 64;

/// The name and attributes of an element.
pub(crate) struct Tag<'a> {
    start: BytesStart<'a>,
    at: u64,
}

impl<'a> Tag<'a> {
    /// Returns the tag at an offset.
    pub(super) fn new(start: BytesStart<'a>, at: u64) -> Self {
        Self { start, at }
    }

    /// Returns an error at this element.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> XmlError {
        XmlError::Refused {
            at: self.at,
            what: what.into(),
        }
    }

    /// Returns the name without a prefix.
    pub(crate) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Returns whether the name has no prefix.
    pub(crate) fn is_plain(&self) -> bool {
        self.start.name().prefix().is_none()
    }

    /// Returns the value of an attribute by its whole name (`xml:base`).
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, XmlError> {
        for (offset, attribute) in self.start.attributes().enumerate() {
            // XML requires that each attribute is compared with all previous ones, so the time
            // would be quadratic without a limit.
            if offset == ATTRIBUTES {
                return Err(self.refuse(format!(
                    "expected at most {ATTRIBUTES} attributes, found more"
                )));
            }
            let attribute = attribute
                .map_err(|error| self.refuse(format!("expected attributes, found: {error}")))?;
            if attribute.key.into_inner() == name {
                let value = attribute
                    .normalized_value(XmlVersion::Explicit1_0)
                    .map_err(InvalidText::from);
                let value = value.and_then(check_characters).map(Some);
                return value.map_err(|error| {
                    self.refuse(format!("expected a value of {name}, found: {error}"))
                });
            }
        }
        Ok(None)
    }
}
