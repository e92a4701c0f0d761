//! The decompressed bytes of a report, with a limited record length.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use memchr::memchr_iter;
use sqern_db::cust::load::Place;

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
/// The maximum window of zstd, as a power of two: 64 MiB, twice that of `zstd -19 --long`.
const ZSTD_WINDOW_LOG: u32 = 26;
const BUFFER_BYTES: usize = 64 * 1024;

/// The position of the reader.
#[derive(Debug, Default)]
pub(super) struct Position {
    line: Cell<i64>,
    record: Cell<i64>,
    in_record: Cell<bool>,
    record_bytes: Cell<usize>,
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

    /// Returns the place of a line, with the current record.
    pub(super) fn at_line(&self, line: i64) -> Place {
        Place {
            line,
            record: self.in_record.get().then(|| self.record.get()),
        }
    }
}

/// Decompressed bytes with their position.
pub(super) struct Input {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: Rc<Position>,
}

/// Reads the first bytes, which a pipe may deliver one by one. Returns fewer only at the end.
fn head(file: &mut impl BufRead, count: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![];
    file.take(count as u64).read_to_end(&mut head)?;
    Ok(head)
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
    /// Detects the compression of a report, and skips a byte order mark.
    pub(super) fn new(bytes: Box<dyn Read>) -> io::Result<Self> {
        let mut bytes = BufReader::with_capacity(BUFFER_BYTES, bytes);
        let head = head(&mut bytes, 4)?;
        let source: Box<dyn Read> = if head.starts_with(b"\x1f\x8b") {
            Box::new(flate2::bufread::MultiGzDecoder::new(
                io::Cursor::new(head).chain(bytes),
            ))
        } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
            let mut decoder = zstd::Decoder::with_buffer(io::Cursor::new(head).chain(bytes))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        } else {
            Box::new(io::Cursor::new(head).chain(bytes))
        };
        let mut input = Self {
            source,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            position: Rc::default(),
        };
        while input.end < 3 && input.fill()? {}
        if input.buffer[..input.end].starts_with(b"\xef\xbb\xbf") {
            input.start = 3;
        }
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

    /// Fills the buffer; returns `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let count = self.source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count > 0)
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if !self.fill()? {
                return Ok(0);
            }
        }
        let count = into.len().min(self.end - self.start);
        let taken = &self.buffer[self.start..self.start + count];
        into[..count].copy_from_slice(taken);
        self.start += count;
        let Position {
            line, record_bytes, ..
        } = &*self.position;
        // The JSON parser reads single bytes.
        let lines = if count == 1 {
            usize::from(into[0] == b'\n')
        } else {
            memchr_iter(b'\n', &into[..count]).count()
        };
        line.set(line.get() + i64::try_from(lines).unwrap_or(i64::MAX));
        record_bytes.set(record_bytes.get() + count);
        if record_bytes.get() > RECORD_BYTES {
            return Err(io::Error::other(RECORD_TOO_LONG));
        }
        Ok(count)
    }
}
