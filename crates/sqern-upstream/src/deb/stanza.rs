//! A scanner of the stanzas of a `Packages` index (deb822(5)).
//!
//! It finds lines with memchr, and records the position of the fields in [`Field`]. Other fields
//! are only checked. Memory usage is that of one stanza and one read-ahead, which are both limited.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;
use sqern_model::counted;

use crate::Limits;
use crate::crawl::control::OutOfMemory;

/// The size of a read. It is large enough for few refills, and small enough for many concurrent
/// scanners.
const READ_AHEAD: usize = 128 * 1024;

/// The relevant fields of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The name.
    Package,
    /// The version.
    Version,
    /// The architecture.
    Architecture,
    /// The required packages.
    Depends,
    /// The packages that are required before unpacking.
    PreDepends,
    /// The virtual packages that it provides.
    Provides,
    /// The path below the base URL.
    Filename,
    /// The size of the file in bytes.
    Size,
    /// The SHA-256 of the file.
    Sha256,
    /// The SHA-512 of the file.
    Sha512,
}

impl Field {
    pub(super) const ALL: [(&'static str, Self); 10] = [
        ("Package", Self::Package),
        ("Version", Self::Version),
        ("Architecture", Self::Architecture),
        ("Depends", Self::Depends),
        ("Pre-Depends", Self::PreDepends),
        ("Provides", Self::Provides),
        ("Filename", Self::Filename),
        ("Size", Self::Size),
        ("SHA256", Self::Sha256),
        ("SHA512", Self::Sha512),
    ];

    /// Returns the field with a name. Names are case-insensitive (deb822(5)).
    fn named(name: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, field)| *field)
    }

    /// Returns the name of the field.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// An invalid index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StanzaError {
    /// The bytes could not be read or decompressed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The text contains no stanza of a package.
    #[error(transparent)]
    NoPackage(InvalidStanza),
    /// A line, a stanza or the index exceeds its limit.
    #[error("line {line}: expected {what} of at most {limit}, found a longer input")]
    TooLong {
        /// The line, from 1.
        line: u64,
        /// The part that exceeds its limit.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// The relevant packages exceed the memory limit of the source.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

/// A relevant field of a stanza is not UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: expected valid UTF-8 in {field}, found other bytes", field = field.name())]
pub(crate) struct NotText {
    /// The first line of the stanza, from 1.
    line: u64,
    field: Field,
}

/// A stanza that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidStanza {
    /// A line is neither a field, nor a continuation, nor blank.
    #[error("line {line}: expected a field \"Name: value\", found {actual:?}")]
    NoField {
        /// The line, from 1.
        line: u64,
        /// The start of the line.
        actual: String,
    },
    /// A relevant field occurs twice.
    #[error("line {line}: expected {field} once in a stanza, found a duplicate", field = field.name())]
    Duplicate {
        /// The line, from 1.
        line: u64,
        /// The field.
        field: Field,
    },
    /// The field `Package` is missing.
    #[error("line {line}: expected a field Package, found none")]
    NoPackage {
        /// The first line, from 1.
        line: u64,
    },
}

/// A stanza, which contains the relevant fields of a package.
#[derive(Debug)]
pub(crate) struct Stanza<'a> {
    bytes: &'a [u8],
    fields: [Option<Range<usize>>; Field::ALL.len()],
    /// The first line, from 1.
    pub line: u64,
    /// The first defect.
    pub invalid: Option<InvalidStanza>,
}

impl Stanza<'_> {
    /// Returns the value of a field without surrounding blanks, or `None` if the field is missing.
    /// Folded lines are joined by blanks.
    pub(crate) fn get(&self, field: Field) -> Result<Option<Cow<'_, str>>, NotText> {
        let Some(range) = self.fields[field as usize].clone() else {
            return Ok(None);
        };
        let text = str::from_utf8(&self.bytes[range]).map_err(|_| NotText {
            line: self.line,
            field,
        })?;
        if !text.contains('\n') {
            return Ok(Some(Cow::Borrowed(text.trim())));
        }
        // The first line follows the name of the field, so `#` does not start a comment in it.
        let lines = text
            .split('\n')
            .enumerate()
            .filter(|(offset, line)| *offset == 0 || !line.starts_with('#'));
        let joined = lines
            .map(|(_, line)| line.trim())
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Some(Cow::Owned(joined.trim().to_owned())))
    }
}

/// The kind of a line.
enum Line {
    Blank,
    Comment,
    Continuation,
    Field(Option<Field>, usize),
    /// Neither of the others.
    Invalid(String),
}

/// A scanner of stanzas.
#[derive(Debug)]
pub(crate) struct Stanzas<R> {
    input: R,
    buffer: Vec<u8>,
    /// The start of the current stanza in the buffer.
    start: usize,
    /// The start of the next line, relative to `start`.
    next: usize,
    ended: bool,
    line: u64,
    seen: u64,
    limits: Limits,
}

impl<R: Read> Stanzas<R> {
    /// Returns a scanner with limits for lines, stanzas and the index.
    pub(crate) fn new(input: R, limits: &Limits) -> Self {
        let buffer = Vec::with_capacity(2 * READ_AHEAD);
        Self {
            input,
            buffer,
            start: 0,
            next: 0,
            ended: false,
            line: 0,
            seen: 0,
            limits: limits.clone(),
        }
    }

    /// Returns the reader.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// Returns the next stanza, or `None` at the end.
    ///
    /// Like apt, it accepts any number of blank lines between stanzas, comments, CR before LF, and
    /// a last line without LF.
    #[allow(
        clippy::should_implement_trait,
        reason = "a stanza borrows the scanner's buffer, which Iterator does not support"
    )]
    pub(crate) fn next(&mut self) -> Result<Option<Stanza<'_>>, StanzaError> {
        self.start += std::mem::take(&mut self.next);
        let mut fields: [Option<Range<usize>>; Field::ALL.len()] = [const { None }; _];
        let mut begun_at = None;
        let mut folding = None;
        let mut invalid = None;
        while let Some(line) = self.next_line()? {
            match self.classify(line.clone(), begun_at.is_some()) {
                Line::Blank if begun_at.is_some() => break,
                // Blank lines count towards the size of the stanza, so that they are limited.
                Line::Blank | Line::Comment => {}
                Line::Continuation => {
                    if let Some(Some(range)) =
                        folding.map(|field: Field| &mut fields[field as usize])
                    {
                        range.end = line.end;
                    }
                }
                Line::Field(field, value) => {
                    begun_at.get_or_insert(self.line);
                    folding = field;
                    if let Some(field) = field {
                        let range = &mut fields[field as usize];
                        if range.is_some() {
                            invalid.get_or_insert(InvalidStanza::Duplicate {
                                line: self.line,
                                field,
                            });
                            folding = None;
                        } else {
                            *range = Some(value..line.end);
                        }
                    }
                }
                Line::Invalid(actual) => {
                    begun_at.get_or_insert(self.line);
                    folding = None;
                    invalid.get_or_insert(InvalidStanza::NoField {
                        line: self.line,
                        actual,
                    });
                }
            }
        }
        let Some(line) = begun_at else {
            return Ok(None);
        };
        self.count()?;
        Ok(Some(Stanza {
            bytes: &self.buffer[self.start..],
            fields,
            line,
            invalid,
        }))
    }

    fn count(&mut self) -> Result<(), StanzaError> {
        self.seen += 1;
        if self.seen > self.limits.stanzas {
            return Err(self.too_long("an index", counted(self.limits.stanzas, "stanza")));
        }
        Ok(())
    }

    /// Returns the range of the next line, relative to `start` and without its line end.
    fn next_line(&mut self) -> Result<Option<Range<usize>>, StanzaError> {
        // The smaller limit applies, so that the error does not depend on the amount of buffered
        // data.
        let admitted = self
            .limits
            .line_bytes
            .min(self.limits.stanza_bytes.saturating_sub(self.next));
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
        // The second condition applies to empty lines.
        if length > admitted || self.next > self.limits.stanza_bytes {
            let Limits {
                line_bytes,
                stanza_bytes,
                ..
            } = self.limits;
            let (what, limit) = if admitted == line_bytes {
                ("a line", line_bytes)
            } else {
                ("a stanza", stanza_bytes)
            };
            return Err(self.too_long(what, format!("{limit} bytes")));
        }
        let begin = self.next;
        self.next = begin + rest.min(length + 1);
        let line = &self.buffer[self.start + begin..self.start + begin + length];
        Ok(Some(
            begin..begin + length - usize::from(line.last() == Some(&b'\r')),
        ))
    }

    /// Moves the current stanza to the start of the buffer, and reads more data.
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

    fn classify(&self, range: Range<usize>, in_stanza: bool) -> Line {
        let line = &self.buffer[self.start..][range.clone()];
        match line.first() {
            None => Line::Blank,
            Some(b'#') => Line::Comment,
            Some(b' ' | b'\t') if line.iter().all(|byte| matches!(byte, b' ' | b'\t')) => {
                Line::Blank
            }
            Some(b' ' | b'\t') if in_stanza => Line::Continuation,
            Some(_) => match memchr(b':', line) {
                // Names consist of visible ASCII characters (deb822(5)).
                Some(colon) if colon > 0 && line[..colon].iter().all(u8::is_ascii_graphic) => {
                    Line::Field(Field::named(&line[..colon]), range.start + colon + 1)
                }
                _ => Line::Invalid(beginning(line)),
            },
        }
    }

    fn too_long(&self, what: &'static str, limit: String) -> StanzaError {
        StanzaError::TooLong {
            line: self.line,
            what,
            limit,
        }
    }
}

/// Returns the start of a line for an error.
fn beginning(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned()
}
