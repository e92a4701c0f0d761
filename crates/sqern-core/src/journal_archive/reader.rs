//! Reads the lines of a file of an archive.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use sqern_archive::{Algorithm, Compression, Hasher, OpenError, open};

use super::format::{LineHash, LineStart, SCHEMA};

/// The maximum length of the start of a line, which contains a position. A position lists the
/// transactions that were open.
const START_BYTES: usize = 1 << 20;
/// The size of the buffer of decompressed data.
const BUFFER_BYTES: usize = 128 * 1024;

/// A line that was read.
#[derive(Debug, Clone)]
pub(super) struct ReadLine {
    /// The hash of the line.
    pub(super) hash: LineHash,
    /// The length of the line.
    pub(super) size_bytes: u64,
    /// The start of the line, or the reason why it is invalid.
    pub(super) start: Result<LineStart, String>,
}

/// A reader of lines of any length. It stores only the start of each line.
pub(super) struct LineReader {
    text: BufReader<Box<dyn Read + Send>>,
    start: Vec<u8>,
    line_number: u64,
}

impl LineReader {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // A named pipe would block.
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = BufReader::new(File::open(path)?);
        let text = open(file, Compression::Zstd).map_err(|error| match error {
            OpenError::Io(error) => error,
            error @ OpenError::Format { .. } => io::Error::other(error),
        })?;
        Ok(Self::new(text))
    }

    fn new(text: Box<dyn Read + Send>) -> Self {
        Self {
            text: BufReader::with_capacity(BUFFER_BYTES, text),
            start: vec![],
            line_number: 0,
        }
    }

    /// Returns the number of the last line that was read, starting with 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Reads the next line. Returns `None` at the end of the file.
    pub(super) fn next_line(&mut self) -> io::Result<Option<ReadLine>> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut size_bytes = 0;
        self.start.clear();
        let has_newline = loop {
            let buffer = self.text.fill_buf()?;
            let newline = memchr::memchr(b'\n', buffer);
            let part = &buffer[..newline.unwrap_or(buffer.len())];
            if part.is_empty() && newline.is_none() {
                break false;
            }
            hasher.update(part);
            size_bytes += part.len() as u64;
            let missing = START_BYTES - self.start.len();
            self.start
                .extend_from_slice(&part[..part.len().min(missing)]);
            let consumed = part.len() + usize::from(newline.is_some());
            self.text.consume(consumed);
            if newline.is_some() {
                break true;
            }
        };
        if !has_newline && size_bytes == 0 {
            return Ok(None);
        }
        self.line_number += 1;
        let start = if has_newline {
            LineStart::parse(&self.start)
                .ok_or_else(|| format!("the line does not have the format sqern.{SCHEMA}"))
        } else {
            Err("the line has no newline".to_owned())
        };
        Ok(Some(ReadLine {
            hash: LineHash::from(hasher),
            size_bytes,
            start,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_hashed_without_their_newlines(lines in prop::collection::vec("[a-z]{0,9}", 0..5), repetitions in 1_usize..60_000, has_newline in any::<bool>()) {
            let lines: Vec<String> = lines.iter().map(|line| line.repeat(repetitions)).collect();
            let mut text = lines.join("\n");
            if has_newline && !lines.is_empty() {
                text.push('\n');
            }
            let mut reader = LineReader::new(Box::new(Cursor::new(text.clone())));
            for line in text.lines() {
                let read = reader.next_line().expect("memory is readable").expect("a line");
                let mut hasher = Hasher::new(Algorithm::Sha256);
                hasher.update(line.as_bytes());
                prop_assert_eq!(read.hash, LineHash::from(hasher));
                prop_assert_eq!(read.size_bytes, line.len() as u64);
                prop_assert!(read.start.is_err());
            }
            prop_assert!(reader.next_line().expect("memory is readable").is_none());
            prop_assert_eq!(reader.line_number(), text.lines().count() as u64);
        }
    }
}
