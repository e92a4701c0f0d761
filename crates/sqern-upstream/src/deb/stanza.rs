//! A scanner over the stanzas of a `Packages` index (deb822(5)), made to keep nothing that is not asked for.
//!
//! One pass over the lines with memchr; the fields in [`Field`] are remembered as places in the buffer, all others are only
//! checked for their form. Memory is one stanza and one read-ahead, both bounded.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;
use sqern_model::counted;

use crate::Limits;

/// How much is read at once: large enough that a refill is rare, small enough for many scanners at a time.
const READ_AHEAD: usize = 128 * 1024;

/// The fields that a crawl needs of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The package's name.
    Package,
    /// Its version.
    Version,
    /// Its architecture.
    Architecture,
    /// What it needs.
    Depends,
    /// What it needs before it is unpacked.
    PreDepends,
    /// The virtual packages that it stands for.
    Provides,
    /// Its path below the archive's base.
    Filename,
    /// The size of that file in bytes.
    Size,
    /// The SHA-256 of that file.
    Sha256,
}

impl Field {
    pub(super) const ALL: [(&'static str, Self); 9] = [
        ("Package", Self::Package),
        ("Version", Self::Version),
        ("Architecture", Self::Architecture),
        ("Depends", Self::Depends),
        ("Pre-Depends", Self::PreDepends),
        ("Provides", Self::Provides),
        ("Filename", Self::Filename),
        ("Size", Self::Size),
        ("SHA256", Self::Sha256),
    ];

    /// Names are compared without case (deb822(5)).
    fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, field)| *field)
    }

    /// The field's name as archives write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// Why an index can't be read on; nothing of it is believed then.
#[derive(Debug, thiserror::Error)]
pub enum StanzaError {
    /// The bytes could not be read or decompressed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A line is neither a field, nor a continuation, nor blank.
    #[error("line {line}: expected a field \"Name: value\", found {got:?}")]
    NoField {
        /// The line, from 1.
        line: u64,
        /// Its beginning.
        got: String,
    },
    /// A field that would be kept stands twice in one stanza: one of the two would be lost.
    #[error("line {line}: expected {field} once in a stanza, found a duplicate", field = field.name())]
    Duplicate {
        /// The line, from 1.
        line: u64,
        /// The field.
        field: Field,
    },
    /// A line, a stanza or the index is longer than anything an archive publishes.
    #[error("line {line}: expected {what} of at most {limit}, found a longer input")]
    TooLong {
        /// The line, from 1.
        line: u64,
        /// What is too long.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// A kept field is no UTF-8 text.
    #[error("line {line}: expected valid UTF-8 in {field}, found other bytes", field = field.name())]
    NotText {
        /// The line at which the stanza begins, from 1.
        line: u64,
        /// The field.
        field: Field,
    },
}

/// One stanza: the kept fields of one package.
#[derive(Debug)]
pub struct Stanza<'a> {
    bytes: &'a [u8],
    fields: [Option<Range<usize>>; Field::ALL.len()],
    /// The line at which it begins, from 1.
    pub line: u64,
}

impl Stanza<'_> {
    /// A field's value without the blanks around it, folded lines joined by one blank; none where the field is absent.
    pub fn get(&self, field: Field) -> Result<Option<Cow<'_, str>>, StanzaError> {
        let Some(range) = self.fields[field as usize].clone() else { return Ok(None) };
        let text = str::from_utf8(&self.bytes[range]).map_err(|_| StanzaError::NotText { line: self.line, field })?;
        if !text.contains('\n') {
            return Ok(Some(Cow::Borrowed(text.trim())));
        }
        // The first line stands behind the field's name: a `#` there begins no comment.
        let lines = text.split('\n').enumerate().filter(|(place, line)| *place == 0 || !line.starts_with('#'));
        let joined = lines.map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
        Ok(Some(Cow::Owned(joined.trim().to_owned())))
    }
}

/// What a line is.
enum Line {
    Blank,
    Comment,
    Continuation,
    Field(Option<Field>, usize),
}

/// Reads stanza by stanza from anything readable.
#[derive(Debug)]
pub struct Stanzas<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the current stanza begins in the buffer.
    start: usize,
    /// Where the next line begins, from `start`.
    next: usize,
    ended: bool,
    line: u64,
    seen: u64,
    limits: Limits,
}

impl<R: Read> Stanzas<R> {
    /// A scanner that takes lines, stanzas and indexes up to `limits`.
    pub fn new(input: R, limits: &Limits) -> Self {
        let buffer = Vec::with_capacity(2 * READ_AHEAD);
        Self { input, buffer, start: 0, next: 0, ended: false, line: 0, seen: 0, limits: limits.clone() }
    }

    /// The reader, to ask it what it has seen.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// The next stanza; none at the end.
    ///
    /// As apt, it takes any number of blank lines (also of blanks and tabs) between stanzas and at both ends, comment lines,
    /// CR before LF, and a last line without LF.
    #[allow(clippy::should_implement_trait, reason = "a stanza borrows the scanner's buffer, which an Iterator can't say")]
    pub fn next(&mut self) -> Result<Option<Stanza<'_>>, StanzaError> {
        self.start += std::mem::take(&mut self.next);
        let mut fields: [Option<Range<usize>>; Field::ALL.len()] = [const { None }; _];
        let mut begun_at = None;
        let mut folding = None;
        while let Some(line) = self.next_line()? {
            match self.classify(line.clone(), begun_at.is_some())? {
                Line::Blank if begun_at.is_some() => break,
                // Left in the stanza's bytes, so that blank lines without end are too long as everything is.
                Line::Blank | Line::Comment => {}
                Line::Continuation => {
                    if let Some(Some(range)) = folding.map(|field: Field| &mut fields[field as usize]) {
                        range.end = line.end;
                    }
                }
                Line::Field(field, value) => {
                    begun_at.get_or_insert(self.line);
                    folding = field;
                    if let Some(field) = field {
                        let place = &mut fields[field as usize];
                        if place.replace(value..line.end).is_some() {
                            return Err(StanzaError::Duplicate { line: self.line, field });
                        }
                    }
                }
            }
        }
        let Some(line) = begun_at else { return Ok(None) };
        self.count()?;
        Ok(Some(Stanza { bytes: &self.buffer[self.start..], fields, line }))
    }

    fn count(&mut self) -> Result<(), StanzaError> {
        self.seen += 1;
        if self.seen > self.limits.stanzas {
            return Err(self.too_long("an index", counted(self.limits.stanzas, "stanza")));
        }
        Ok(())
    }

    /// The next line's place from `start`, without its line end.
    fn next_line(&mut self) -> Result<Option<Range<usize>>, StanzaError> {
        // Whatever comes first, so that the error does not depend on how far was read.
        let admitted = self.limits.line_bytes.min(self.limits.stanza_bytes.saturating_sub(self.next));
        let mut searched = 0;
        let length = loop {
            let rest = &self.buffer[self.start + self.next..];
            if let Some(newline) = memchr(b'\n', &rest[searched..]) {
                break searched + newline;
            }
            searched = rest.len();
            if searched > admitted || self.ended {
                break searched;
            }
            self.refill()?;
        };
        let rest = self.buffer.len() - self.start - self.next;
        if rest == 0 {
            return Ok(None);
        }
        self.line += 1;
        // The second: an empty line has no length of its own that could be too much.
        if length > admitted || self.next > self.limits.stanza_bytes {
            let Limits { line_bytes, stanza_bytes, .. } = self.limits;
            let (what, limit) = if admitted == line_bytes { ("a line", line_bytes) } else { ("a stanza", stanza_bytes) };
            return Err(self.too_long(what, format!("{limit} bytes")));
        }
        let begin = self.next;
        self.next = begin + rest.min(length + 1);
        let line = &self.buffer[self.start + begin..self.start + begin + length];
        Ok(Some(begin..begin + length - usize::from(line.last() == Some(&b'\r'))))
    }

    /// Reads more behind what is there, after moving the current stanza to the buffer's front.
    fn refill(&mut self) -> Result<(), StanzaError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_AHEAD, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }

    fn classify(&self, range: Range<usize>, in_stanza: bool) -> Result<Line, StanzaError> {
        let line = &self.buffer[self.start..][range.clone()];
        match line.first() {
            None => Ok(Line::Blank),
            Some(b'#') => Ok(Line::Comment),
            Some(b' ' | b'\t') if line.iter().all(|byte| matches!(byte, b' ' | b'\t')) => Ok(Line::Blank),
            Some(b' ' | b'\t') if in_stanza => Ok(Line::Continuation),
            Some(_) => match memchr(b':', line) {
                // No blank, no control character, nothing but ASCII (deb822(5)).
                Some(colon) if colon > 0 && line[..colon].iter().all(u8::is_ascii_graphic) => {
                    Ok(Line::Field(Field::named(&line[..colon]), range.start + colon + 1))
                }
                _ => Err(StanzaError::NoField { line: self.line, got: beginning(line) }),
            },
        }
    }

    fn too_long(&self, what: &'static str, limit: String) -> StanzaError {
        StanzaError::TooLong { line: self.line, what, limit }
    }
}

/// So much of a line as tells which one it is.
fn beginning(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned()
}
