//! An XML reader with limits. It supports neither document types nor entities, except for the
//! predefined ones and character references.
//!
//! Names have no prefixes, because they may differ between implementations (`rpm:entry` of
//! `createrepo_c`).

use std::borrow::Cow;
use std::io::{self, BufRead as _, Read};

use memchr::memmem::Finder;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::input::Input;
use super::skip::Skip;
pub(crate) use super::tag::Tag;
pub(crate) use super::xml_error::XmlError;
use super::xml_error::{InvalidText, check_characters};

/// The limits of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XmlLimits {
    /// The size of a tag with its attributes, a text or a comment, in bytes.
    pub(crate) element_bytes: usize,
    /// The depth of elements.
    pub(crate) depth: usize,
}

/// A part of a document.
pub(crate) enum Step<'a> {
    /// The start of an element. If it is `empty`, no [`Step::End`] follows.
    Start { tag: Tag<'a>, empty: bool },
    /// The end of the innermost element.
    End,
    /// A text with resolved entities, possibly one of several parts.
    Text(Cow<'a, str>),
    /// Ignored markup: a comment, a processing instruction or the XML declaration.
    Nothing,
    /// The end of the document.
    Done,
}

/// A reader of a document.
pub(crate) struct Xml<R> {
    reader: Reader<Input<R>>,
    buffer: Vec<u8>,
    depth: usize,
    /// Whether the root element was read.
    rooted: bool,
    limits: XmlLimits,
}

impl<R: Read> Xml<R> {
    /// Returns a reader.
    pub(crate) fn new(input: R, limits: XmlLimits) -> Self {
        let reader = Reader::from_reader(Input::new(input, limits.element_bytes));
        Self {
            reader,
            buffer: Vec::new(),
            depth: 0,
            rooted: false,
            limits,
        }
    }

    /// Returns the input.
    pub(crate) fn into_inner(self) -> R {
        self.reader.into_inner().into_inner()
    }

    /// Returns the number of open elements.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns an error at the current position.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> XmlError {
        XmlError::Refused {
            at: self.reader.buffer_position(),
            what: what.into(),
        }
    }

    /// Returns the next part.
    pub(crate) fn next(&mut self) -> Result<Step<'_>, XmlError> {
        self.buffer.clear();
        self.reader.get_mut().allow(self.limits.element_bytes);
        let at = self.reader.buffer_position();
        let refused = |what: String| XmlError::Refused { at, what };
        let invalid = |error: InvalidText| refused(error.to_string());
        let event = self
            .reader
            .read_event_into(&mut self.buffer)
            .map_err(|error| match error {
                quick_xml::Error::Io(error) => {
                    XmlError::Read(io::Error::new(error.kind(), error.to_string()))
                }
                other => refused(format!("invalid XML: {other}")),
            })?;
        Ok(match event {
            Event::Comment(_) | Event::PI(_) => Step::Nothing,
            Event::Decl(declaration) => {
                let encoding = declaration
                    .encoding()
                    .transpose()
                    .map_err(|error| refused(error.to_string()))?;
                match encoding
                    .filter(|name| !["utf-8", "utf8", "us-ascii"].contains(&&*name.to_lowercase()))
                {
                    Some(other) => {
                        return Err(refused(format!(
                            "expected UTF-8, found the encoding {other:?}"
                        )));
                    }
                    None => Step::Nothing,
                }
            }
            Event::DocType(_) => return Err(refused("DOCTYPE is not supported".into())),
            Event::Start(_) | Event::Empty(_) if self.depth == 0 && self.rooted => {
                return Err(refused("expected one root element, found another".into()));
            }
            Event::Start(_) if self.depth == self.limits.depth => {
                return Err(refused(format!(
                    "expected at most {} nested elements, found more",
                    self.limits.depth
                )));
            }
            Event::Start(start) => {
                (self.depth, self.rooted) = (self.depth + 1, true);
                Step::Start {
                    tag: Tag::new(start, at),
                    empty: false,
                }
            }
            Event::Empty(start) => {
                self.rooted = true;
                Step::Start {
                    tag: Tag::new(start, at),
                    empty: true,
                }
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Step::End
            }
            Event::Text(text) => Step::Text(check_characters(text.into_inner()).map_err(invalid)?),
            Event::CData(text) => Step::Text(check_characters(text.into_inner()).map_err(invalid)?),
            Event::GeneralRef(reference) => Step::Text(
                resolve(&reference)
                    .and_then(|text| check_characters(text.into()))
                    .map_err(invalid)?,
            ),
            Event::Eof if self.depth == 0 => Step::Done,
            Event::Eof => {
                return Err(refused(
                    "expected the end of the root element, found the end of the file".into(),
                ));
            }
        })
    }

    /// Returns the text of the current element until its end. Child elements are errors.
    pub(crate) fn text(&mut self) -> Result<String, XmlError> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Step::Text(more) => text.push_str(&more),
                Step::End => return Ok(text.trim().to_owned()),
                Step::Start { tag, .. } => {
                    let what = format!("expected text, found an element {:?}", tag.name());
                    return Err(tag.refuse(what));
                }
                Step::Nothing | Step::Done => {}
            }
            if text.len() > self.limits.element_bytes {
                return Err(self.refuse(format!(
                    "expected text of at most {} bytes, found more",
                    self.limits.element_bytes
                )));
            }
        }
    }

    /// Skips the rest of the element at this depth, part by part.
    pub(crate) fn leave(&mut self, depth: usize) -> Result<(), XmlError> {
        while self.depth >= depth {
            self.next()?;
        }
        Ok(())
    }

    /// Skips until the end tag that starts with `end` (`</name`), without parsing. Only markup that
    /// can contain an end tag is recognized: comments, CDATA sections and processing instructions.
    /// It must be called after the end of an element.
    pub(crate) fn skip_before(&mut self, end: &Finder<'_>) -> Result<(), XmlError> {
        self.reader.get_mut().allow(usize::MAX);
        let mut skip = Skip::new(end);
        loop {
            let (passed, over) = skip.pass(self.reader.get_ref().held());
            self.reader.stream().consume(passed);
            if over || self.reader.get_mut().more().map_err(XmlError::Read)? == 0 {
                return Ok(());
            }
        }
    }
}

fn resolve(name: &quick_xml::events::BytesRef<'_>) -> Result<String, InvalidText> {
    if let Some(character) = name.resolve_char_ref()? {
        return Ok(character.into());
    }
    let text = quick_xml::escape::resolve_predefined_entity(name);
    text.map(str::to_owned)
        .ok_or_else(|| InvalidText::Entity((**name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::input::READ_BYTES;
    use super::*;
    use proptest::prelude::*;

    const LIMITS: XmlLimits = XmlLimits {
        element_bytes: 64,
        depth: 4,
    };

    /// Returns all parts of a document, and the error or "done".
    fn steps(text: &[u8]) -> (Vec<String>, String) {
        let mut xml = Xml::new(text, LIMITS);
        let mut seen = Vec::new();
        loop {
            match xml.next() {
                Ok(Step::Start { tag, empty }) => {
                    let value = tag
                        .attribute("a")
                        .map(Option::unwrap_or_default)
                        .map(Cow::into_owned);
                    seen.push(format!("{} {value:?} {empty}", tag.name()));
                }
                Ok(Step::Text(text)) => seen.push(text.into_owned()),
                Ok(Step::End) => seen.push("end".into()),
                Ok(Step::Nothing) => {}
                Ok(Step::Done) => return (seen, "done".into()),
                Err(error) => return (seen, error.to_string()),
            }
        }
    }

    #[test]
    fn prefixes_are_removed_and_entities_resolved() {
        let (seen, end) = steps(b"<?xml version='1.0' encoding='UTF-8'?><r:x a='1&amp;2'><!-- c --><y/>b&lt;&#65;</r:x>\n");
        assert_eq!(
            seen,
            [
                "x Ok(\"1&2\") false",
                "y Ok(\"\") true",
                "b",
                "<",
                "A",
                "end",
                "\n"
            ]
        );
        assert_eq!(end, "done");
    }

    #[test]
    fn unbounded_input_is_an_error() {
        let long = "x".repeat(65);
        for (text, expected) in [
            ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>".to_owned(), "DOCTYPE"),
            ("<x>&a;</x>".into(), "found &a;"),
            ("<x>&#xFFFFFFF;</x>".into(), "byte"),
            (format!("<x>{long}</x>"), "at most 64 bytes"),
            (format!("<{long}/>"), "at most 64 bytes"),
            (format!("<x a='{long}'/>"), "at most 64 bytes"),
            (format!("<!--{long}--><x/>"), "at most 64 bytes"),
            (
                "<a><a><a><a><a/><a></a></a></a></a></a>".into(),
                "at most 4 nested elements",
            ),
            (
                "<?xml version='1.0' encoding='UTF-16'?><x/>".into(),
                "UTF-8",
            ),
            ("<x><y></x>".into(), "invalid XML"),
            ("<x>\0</x>".into(), "byte 0x00"),
            ("<x><![CDATA[\x1b]]></x>".into(), "byte 0x1b"),
            ("<x>&#27;</x>".into(), "byte 0x1b"),
            ("<x/><y/>".into(), "expected one root element"),
            ("<x></x><y></y>".into(), "expected one root element"),
            ("<x>".into(), "end of the file"),
        ] {
            let (_, end) = steps(text.as_bytes());
            assert!(end.contains(expected), "{text}: {end}");
        }
    }

    #[test]
    fn number_of_attributes_is_limited() {
        let text = format!("<x {}/>", "b='' ".repeat(2));
        let mut xml = Xml::new(
            text.as_bytes(),
            XmlLimits {
                element_bytes: 4096,
                depth: 4,
            },
        );
        let Ok(Step::Start { tag, .. }) = xml.next() else {
            panic!("expected an element")
        };
        assert!(tag.attribute("a").is_err(), "twice one name");
        let mut xml = Xml::new(&b"<x a='&#27;'/>"[..], LIMITS);
        let Ok(Step::Start { tag, .. }) = xml.next() else {
            panic!("expected an element")
        };
        assert!(tag.attribute("a").is_err(), "a control character");
        let many: String = (0..100).map(|offset| format!("b{offset}='' ")).collect();
        let text = format!("<x {many}/>");
        let mut xml = Xml::new(
            text.as_bytes(),
            XmlLimits {
                element_bytes: 4096,
                depth: 4,
            },
        );
        let Ok(Step::Start { tag, .. }) = xml.next() else {
            panic!("expected an element")
        };
        let error = tag.attribute("a").expect_err("too many").to_string();
        assert!(error.contains("at most 64 attributes"), "{error}");
    }

    #[test]
    fn skip_ends_before_the_end_tag_for_all_chunk_sizes() {
        struct Chunks<'a>(&'a [u8], usize);
        impl Read for Chunks<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let size = self.1.min(buffer.len());
                (&mut self.0).take(size as u64).read(buffer)
            }
        }
        let text = format!(
            "<m><p><n/><pp>{}</pp></p><p/></m>",
            "&&<x y </pp".repeat(30_000)
        );
        for size in [1, 3, 7, READ_BYTES - 1, READ_BYTES] {
            let mut xml = Xml::new(Chunks(text.as_bytes(), size), LIMITS);
            for _ in 0..3 {
                assert!(matches!(xml.next(), Ok(Step::Start { .. })));
            }
            xml.skip_before(&Finder::new("</p")).expect("skipped");
            assert!(matches!(xml.next(), Ok(Step::End)), "{size}");
            assert!(
                matches!(xml.next(), Ok(Step::Start { empty: true, .. })),
                "{size}"
            );
        }
    }

    proptest! {
        #[test]
        fn reader_never_panics(text in "([<>/!?&;=a'\" ]|<a>|</a>|<!--|]]>|<!\\[CDATA\\[|&#){0,40}") {
            let _ = steps(text.as_bytes());
        }
    }
}
