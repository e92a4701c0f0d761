//! XML as a stream, bounded in everything: no document type, no entities but the five predefined ones and characters by number.
//!
//! It knows names without their prefixes: `createrepo_c` writes `rpm:entry` for what another one may write otherwise.

use std::borrow::Cow;
use std::io::{self, BufRead as _, Read};

use memchr::memmem::Finder;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::input::Input;
use super::skip::Skip;
pub(crate) use super::tag::Tag;
use crate::failure::legible;

/// How much of a document is taken at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XmlLimits {
    /// Of one tag with its attributes, one text, or one comment, in bytes.
    pub(crate) element_bytes: usize,
    /// Elements within each other.
    pub(crate) depth: usize,
}

/// Why a document can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XmlError {
    /// The bytes below it can't be read: cut, too many, not decompressible.
    #[error("{0}")]
    Read(io::Error),
    /// It is no XML, or none that is allowed here.
    #[error("byte {at}: {}", legible(what))]
    Refused {
        /// Where, in bytes of the plain document.
        at: u64,
        /// Expected and got.
        what: String,
    },
}

/// What comes next in a document.
pub(crate) enum Step<'a> {
    /// An element begins; `empty` means that no [`Step::End`] follows.
    Start { tag: Tag<'a>, empty: bool },
    /// The innermost element ends.
    End,
    /// Text with its entities resolved, possibly in several pieces.
    Text(Cow<'a, str>),
    /// What says nothing here: a comment, a processing instruction, the XML declaration.
    Nothing,
    /// The document is over.
    Done,
}

/// A document being read.
pub(crate) struct Xml<R> {
    reader: Reader<Input<R>>,
    buffer: Vec<u8>,
    depth: usize,
    /// Whether there was a root element.
    rooted: bool,
    limits: XmlLimits,
}

impl<R: Read> Xml<R> {
    /// Reads a document from its beginning.
    pub(crate) fn new(input: R, limits: XmlLimits) -> Self {
        let reader = Reader::from_reader(Input::new(input, limits.element_bytes));
        Self { reader, buffer: Vec::new(), depth: 0, rooted: false, limits }
    }

    /// What was read from.
    pub(crate) fn into_inner(self) -> R {
        self.reader.into_inner().into_inner()
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Why the document is refused here.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> XmlError {
        XmlError::Refused { at: self.reader.buffer_position(), what: what.into() }
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Result<Step<'_>, XmlError> {
        self.buffer.clear();
        self.reader.get_mut().allow(self.limits.element_bytes);
        let at = self.reader.buffer_position();
        let refused = |what: String| XmlError::Refused { at, what };
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| match error {
            quick_xml::Error::Io(error) => XmlError::Read(io::Error::new(error.kind(), error.to_string())),
            other => refused(format!("expected XML, found: {other}")),
        })?;
        Ok(match event {
            Event::Comment(_) | Event::PI(_) => Step::Nothing,
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|error| refused(error.to_string()))?;
                match encoding.filter(|name| !["utf-8", "utf8", "us-ascii"].contains(&&*name.to_lowercase())) {
                    Some(other) => return Err(refused(format!("expected UTF-8, found the encoding {other:?}"))),
                    None => Step::Nothing,
                }
            }
            Event::DocType(_) => return Err(refused("DOCTYPE is not supported".into())),
            Event::Start(_) | Event::Empty(_) if self.depth == 0 && self.rooted => {
                return Err(refused("expected one root element, found another".into()));
            }
            Event::Start(_) if self.depth == self.limits.depth => {
                return Err(refused(format!("expected at most {} nested elements, found more", self.limits.depth)));
            }
            Event::Start(start) => {
                (self.depth, self.rooted) = (self.depth + 1, true);
                Step::Start { tag: Tag::new(start, at), empty: false }
            }
            Event::Empty(start) => {
                self.rooted = true;
                Step::Start { tag: Tag::new(start, at), empty: true }
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Step::End
            }
            Event::Text(text) => Step::Text(allowed(text.into_inner()).map_err(refused)?),
            Event::CData(text) => Step::Text(allowed(text.into_inner()).map_err(refused)?),
            Event::GeneralRef(reference) => {
                Step::Text(resolve(&reference).and_then(|text| allowed(text.into())).map_err(refused)?)
            }
            Event::Eof if self.depth == 0 => Step::Done,
            Event::Eof => return Err(refused("expected the end of the root element, found the end of the file".into())),
        })
    }

    /// The text of the element that just began, to its end; an element within it is refused.
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
                return Err(self.refuse(format!("expected a text of at most {} bytes, found more", self.limits.element_bytes)));
            }
        }
    }

    /// Passes over the rest of the innermost `depth`-th element, event by event.
    pub(crate) fn leave(&mut self, depth: usize) -> Result<(), XmlError> {
        while self.depth >= depth {
            self.next()?;
        }
        Ok(())
    }

    /// Passes over everything before the end tag that begins with `end` (`</name`), without a look at it but for what could hide
    /// one: comments, CDATA sections, processing instructions. To be called right after an element's end.
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

/// The text, if all its characters are among those of XML (XML 1.0 §2.2): no control character but tab, LF and CR.
pub(super) fn allowed(text: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    match text.bytes().find(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        Some(byte) => Err(format!("expected valid XML characters, found byte {byte:#04x}")),
        None => Ok(text),
    }
}

fn resolve(name: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = name.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.into());
    }
    let text = quick_xml::escape::resolve_predefined_entity(name);
    text.map(str::to_owned).ok_or_else(|| format!("expected a predefined entity or a character reference, found &{};", &**name))
}

#[cfg(test)]
mod tests {
    use super::super::input::READ_BYTES;
    use super::*;
    use proptest::prelude::*;

    const LIMITS: XmlLimits = XmlLimits { element_bytes: 64, depth: 4 };

    /// Every step of a document, and how it ended.
    fn steps(text: &[u8]) -> (Vec<String>, String) {
        let mut xml = Xml::new(text, LIMITS);
        let mut seen = Vec::new();
        loop {
            match xml.next() {
                Ok(Step::Start { tag, empty }) => {
                    let value = tag.attribute("a").map(Option::unwrap_or_default).map(Cow::into_owned);
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
    fn names_lose_their_prefix_and_entities_are_resolved() {
        let (seen, end) = steps(b"<?xml version='1.0' encoding='UTF-8'?><r:x a='1&amp;2'><!-- c --><y/>b&lt;&#65;</r:x>\n");
        assert_eq!(seen, ["x Ok(\"1&2\") false", "y Ok(\"\") true", "b", "<", "A", "end", "\n"]);
        assert_eq!(end, "done");
    }

    #[test]
    fn what_could_grow_without_end_is_refused() {
        let long = "x".repeat(65);
        for (text, expected) in [
            ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>".to_owned(), "DOCTYPE"),
            ("<x>&a;</x>".into(), "found &a;"),
            ("<x>&#xFFFFFFF;</x>".into(), "byte"),
            (format!("<x>{long}</x>"), "at most 64 bytes"),
            (format!("<{long}/>"), "at most 64 bytes"),
            (format!("<x a='{long}'/>"), "at most 64 bytes"),
            (format!("<!--{long}--><x/>"), "at most 64 bytes"),
            ("<a><a><a><a><a/><a></a></a></a></a></a>".into(), "at most 4 nested elements"),
            ("<?xml version='1.0' encoding='UTF-16'?><x/>".into(), "UTF-8"),
            ("<x><y></x>".into(), "expected XML"),
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
    fn attributes_come_to_an_end_before_each_is_compared_with_all() {
        let text = format!("<x {}/>", "b='' ".repeat(2));
        let mut xml = Xml::new(text.as_bytes(), XmlLimits { element_bytes: 4096, depth: 4 });
        let Ok(Step::Start { tag, .. }) = xml.next() else { panic!("expected an element") };
        assert!(tag.attribute("a").is_err(), "twice one name");
        let mut xml = Xml::new(&b"<x a='&#27;'/>"[..], LIMITS);
        let Ok(Step::Start { tag, .. }) = xml.next() else { panic!("expected an element") };
        assert!(tag.attribute("a").is_err(), "a control character");
        let many: String = (0..100).map(|place| format!("b{place}='' ")).collect();
        let text = format!("<x {many}/>");
        let mut xml = Xml::new(text.as_bytes(), XmlLimits { element_bytes: 4096, depth: 4 });
        let Ok(Step::Start { tag, .. }) = xml.next() else { panic!("expected an element") };
        let error = tag.attribute("a").expect_err("too many").to_string();
        assert!(error.contains("at most 64 attributes"), "{error}");
    }

    #[test]
    fn what_is_skipped_ends_right_before_the_closing_tag_wherever_reads_end() {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let size = self.1.min(buffer.len());
                (&mut self.0).take(size as u64).read(buffer)
            }
        }
        let text = format!("<m><p><n/><pp>{}</pp></p><p/></m>", "&&<x y </pp".repeat(30_000));
        for size in [1, 3, 7, READ_BYTES - 1, READ_BYTES] {
            let mut xml = Xml::new(Pieces(text.as_bytes(), size), LIMITS);
            for _ in 0..3 {
                assert!(matches!(xml.next(), Ok(Step::Start { .. })));
            }
            xml.skip_before(&Finder::new("</p")).expect("skipped");
            assert!(matches!(xml.next(), Ok(Step::End)), "{size}");
            assert!(matches!(xml.next(), Ok(Step::Start { empty: true, .. })), "{size}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "([<>/!?&;=a'\" ]|<a>|</a>|<!--|]]>|<!\\[CDATA\\[|&#){0,40}") {
            let _ = steps(text.as_bytes());
        }
    }
}
