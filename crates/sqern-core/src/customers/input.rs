//! The decompressed bytes of a report, with a limited record length.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use memchr::{memchr, memchr_iter, memrchr};
use sqern_db::cust::load::Place;

use super::compression::{Decompressed, decompress};
use super::encoding::{Encoding, INVALID_UTF16, Utf16Reader};
use super::invalid::{InvalidReport, unreadable};

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// One JSON document with all clusters.
    Json,
    /// JSON Lines: one cluster per line.
    JsonLines,
    /// CSV with a header line: one kernel of a host per line.
    Csv,
}

/// The maximum length of one record: a host in JSON, or a line in CSV, with the bytes before it.
pub(super) const RECORD_BYTES: usize = 1 << 20;
/// The message for a longer record.
pub(super) const RECORD_TOO_LONG: &str = "record is longer than 1024 KiB";
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// The position of the reader.
#[derive(Debug, Default)]
pub(super) struct Position {
    line: Cell<i64>,
    record: Cell<i64>,
    in_record: Cell<bool>,
    record_bytes: Cell<usize>,
    /// The number of characters of the line that were read.
    characters: Cell<usize>,
    /// The number of all bytes that were read.
    bytes: Cell<u64>,
}

impl Position {
    /// Starts a record.
    pub(super) fn begin_record(&self) {
        self.record.set(self.record.get() + 1);
        self.in_record.set(true);
    }

    /// Ends the record, and resets the count of its bytes.
    pub(super) fn end_record(&self) {
        self.in_record.set(false);
        self.record_bytes.set(0);
    }

    /// Returns the place of the last byte.
    pub(super) fn place(&self) -> Place {
        self.at_line(self.line.get() + 1)
    }

    /// Returns the column of the last byte in characters, from 1.
    pub(super) fn column(&self) -> usize {
        self.characters.get().max(1)
    }

    /// Returns the column of the character after the last byte.
    fn next_column(&self) -> usize {
        self.characters.get() + 1
    }

    /// Returns whether the first `count` bytes end with a newline. `count` is the end of a line, or
    /// the number of all bytes that were read.
    pub(super) fn is_line_end(&self, count: u64) -> bool {
        count < self.bytes.get() || self.characters.get() == 0
    }

    /// Advances by bytes.
    fn advance(&self, bytes: &[u8]) {
        let is_start = |byte: u8| byte & 0xc0 != 0x80;
        // The JSON parser reads single bytes.
        let (lines, characters) = match bytes {
            [b'\n'] => (1, 0),
            [byte] => (0, usize::from(is_start(*byte))),
            _ => {
                let line = memrchr(b'\n', bytes).map_or(bytes, |end| &bytes[end + 1..]);
                let characters = line.iter().filter(|byte| is_start(**byte)).count();
                (memchr_iter(b'\n', bytes).count(), characters)
            }
        };
        let before = if lines == 0 { self.characters.get() } else { 0 };
        self.characters.set(before + characters);
        self.line
            .set(self.line.get() + i64::try_from(lines).unwrap_or(i64::MAX));
        self.record_bytes.set(self.record_bytes.get() + bytes.len());
        self.bytes.set(self.bytes.get() + bytes.len() as u64);
    }

    /// Returns the place of a line, with the current record.
    pub(super) fn at_line(&self, line: i64) -> Place {
        Place {
            line,
            record: self.in_record.get().then(|| self.record.get()),
        }
    }
}

/// The handling of line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    /// Line ends remain.
    Unchanged,
    /// Each line end becomes a newline.
    Newlines {
        /// Whether the last byte was a carriage return.
        is_after_return: bool,
    },
}

/// Decompressed bytes with their position.
pub(super) struct Input {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The kind and reason of an error, which each further read returns again.
    failure: Option<(io::ErrorKind, String)>,
    line_ends: LineEnds,
    position: Rc<Position>,
}

/// Returns the error for an encoding that cannot be read. `note` follows its name.
fn unsupported_encoding(name: &str, encoding: &str, note: &str) -> InvalidReport {
    let supported = "UTF-8, and UTF-16 with a byte order mark";
    InvalidReport::new(format!(
        "cannot read {name}: unsupported encoding {encoding}{note}; the supported encodings are {supported}"
    ))
    .with_hint(format!(
        "iconv -f {encoding} -t UTF-8 FILE | sqern cust load -"
    ))
}

/// Returns the message for an error of [`Input`] with this text, and whether the last byte is its
/// location.
pub(super) fn describe_failure(reason: &str, position: &Position) -> (String, bool) {
    if reason == RECORD_TOO_LONG {
        (reason.to_owned(), false)
    } else if let Some(reason) = reason.strip_prefix(INVALID_UTF16) {
        let column = position.next_column();
        (format!("invalid UTF-16 at column {column}: {reason}"), true)
    } else {
        (unreadable(reason), false)
    }
}

/// Detects the format by the file name, ignoring `.gz` and `.zst`.
pub(super) fn format_of(path: &Path) -> Option<ReportFormat> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "json" => Some(ReportFormat::Json),
        "jsonl" | "ndjson" => Some(ReportFormat::JsonLines),
        "csv" => Some(ReportFormat::Csv),
        _ => None,
    }
}

impl Input {
    /// Detects the compression and the encoding of a report. `name` names it in errors.
    ///
    /// # Errors
    ///
    /// Returns an error for an unsupported compression or encoding.
    pub(super) fn new(bytes: Box<dyn Read + Send>, name: &str) -> Result<Self, InvalidReport> {
        let Decompressed { head, rest } = decompress(bytes, name)?;
        let encoding = Encoding::detect(&head);
        let whole = |mark_bytes: u64| {
            let mut head = io::Cursor::new(head);
            head.set_position(mark_bytes);
            head.chain(rest)
        };
        let source: Box<dyn Read> = match encoding {
            Encoding::Utf8 { has_mark: false } => Box::new(whole(0)),
            Encoding::Utf8 { has_mark: true } => Box::new(whole(3)),
            Encoding::Utf16 {
                order,
                has_mark: true,
            } => Box::new(Utf16Reader::new(whole(2), order)),
            Encoding::Utf16 { order, .. } => {
                let note = " without a byte order mark";
                return Err(unsupported_encoding(name, &format!("UTF-16{order}"), note));
            }
            Encoding::Utf32(order) => {
                return Err(unsupported_encoding(name, &format!("UTF-32{order}"), ""));
            }
        };
        let mut input = Self {
            source,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            failure: None,
            line_ends: LineEnds::Unchanged,
            position: Rc::default(),
        };
        // The first bytes determine the format. An error is returned when the report is read.
        _ = input.fill();
        Ok(input)
    }

    /// Returns the position, shared with the parser.
    pub(super) fn position(&self) -> Rc<Position> {
        self.position.clone()
    }

    /// Detects CSV by the first bytes. Returns `None` for JSON, whose first key determines the
    /// format.
    pub(super) fn detect_format(&mut self) -> Option<ReportFormat> {
        let first = self.buffer[self.start..self.end]
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        match first {
            None | Some(b'{' | b'[') => None,
            Some(_) => Some(ReportFormat::Csv),
        }
    }

    /// Fills the empty buffer; returns `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if let Some((kind, reason)) = &self.failure {
            return Err(io::Error::new(*kind, reason.clone()));
        }
        loop {
            (self.start, self.end) = (0, 0);
            match self.source.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.end = count,
                Err(error) => {
                    if error.kind() != io::ErrorKind::Interrupted {
                        self.failure = Some((error.kind(), error.to_string()));
                    }
                    return Err(error);
                }
            }
            self.convert_line_ends();
            if self.end > 0 {
                return Ok(true);
            }
        }
    }

    /// Replaces each carriage return and each pair of carriage return and newline by a newline. The
    /// CSV parser accepts them too, but counts the newline of a pair as part of the next record.
    pub(super) fn use_newlines(&mut self) {
        self.line_ends = LineEnds::Newlines {
            is_after_return: false,
        };
        self.convert_line_ends();
    }

    /// Converts the line ends of the buffer.
    fn convert_line_ends(&mut self) {
        let LineEnds::Newlines { is_after_return } = &mut self.line_ends else {
            return;
        };
        let bytes = &mut self.buffer[self.start..self.end];
        if !*is_after_return && memchr(b'\r', bytes).is_none() {
            return;
        }
        let mut length = 0;
        for index in 0..bytes.len() {
            let byte = bytes[index];
            let is_second = std::mem::replace(is_after_return, byte == b'\r') && byte == b'\n';
            if !is_second {
                bytes[length] = if byte == b'\r' { b'\n' } else { byte };
                length += 1;
            }
        }
        self.end = self.start + length;
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && !self.fill()? {
            return Ok(0);
        }
        let count = into.len().min(self.end - self.start);
        let taken = &self.buffer[self.start..self.start + count];
        into[..count].copy_from_slice(taken);
        self.start += count;
        self.position.advance(taken);
        if self.position.record_bytes.get() > RECORD_BYTES {
            return Err(io::Error::other(RECORD_TOO_LONG));
        }
        Ok(count)
    }
}
