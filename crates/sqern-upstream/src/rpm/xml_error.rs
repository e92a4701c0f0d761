//! The errors of XML documents.

use std::borrow::Cow;
use std::io;

use crate::crawl::control::OutOfMemory;
use crate::error::escape_entry_text;

/// An invalid document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XmlError {
    /// The input cannot be read: it is truncated, too large or damaged.
    #[error("{0}")]
    Read(io::Error),
    /// The relevant packages exceed the memory limit of the source.
    #[error(transparent)]
    OutOfMemory(OutOfMemory),
    /// The input is not XML, or contains unsupported markup.
    #[error("byte {at}: {}", escape_entry_text(what))]
    Refused {
        /// The offset in the decompressed document in bytes.
        at: u64,
        /// The problem.
        what: String,
    },
}

/// A text or value with invalid characters or references.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidText {
    /// A control character is not allowed in XML.
    #[error("expected valid XML characters, found byte {0:#04x}")]
    Character(u8),
    /// An entity is not predefined.
    #[error("expected a predefined entity or a character reference, found &{0};")]
    Entity(String),
    /// A character reference or an attribute is invalid.
    #[error(transparent)]
    Reference(#[from] quick_xml::Error),
}

/// Returns the text if all its characters are valid in XML (XML 1.0 §2.2): no control characters
/// except tab, LF and CR.
pub(super) fn check_characters(text: Cow<'_, str>) -> Result<Cow<'_, str>, InvalidText> {
    match text
        .bytes()
        .find(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
    {
        Some(byte) => Err(InvalidText::Character(byte)),
        None => Ok(text),
    }
}
