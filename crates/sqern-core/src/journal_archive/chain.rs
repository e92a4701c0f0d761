//! Reads all files of an archive, and checks the chain of their lines.

use std::path::Path;

use sqern_db::follow::Position;

use super::files::{self, name};
use super::format::{LineHash, LineStart};
use super::problems::Problems;
use super::reader::LineReader;

/// The violation of a line that does not continue the line before it.
pub(super) const BROKEN: &str = "the value of previous is not the SHA-256 of the previous line, so one of both lines was changed";
/// The violation of a file without lines.
pub(super) const EMPTY: &str = "the file contains no line";

/// A line of an archive, to be compared with the database.
#[derive(Debug, Clone)]
pub(super) struct ChainLine {
    /// The number of the file.
    pub(super) file: u32,
    /// The number of the line, starting with 1.
    pub(super) number: u64,
    /// The start of the line.
    pub(super) start: LineStart,
    /// The hash of the line.
    pub(super) hash: LineHash,
    /// The length of the line.
    pub(super) size_bytes: u64,
}

impl ChainLine {
    /// Returns the location of the line, for messages.
    pub(super) fn location(&self) -> String {
        location(self.file, self.number)
    }
}

fn location(file: u32, line: u64) -> String {
    format!("{}, line {line}", name(file))
}

/// The lines of an archive.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The number of lines.
    pub(super) lines: u64,
    /// The IDs of the generations of all valid lines, in ascending order.
    pub(super) generations: Vec<i64>,
    /// The hash of the last line, if it is valid.
    pub(super) head: Option<LineHash>,
    /// The position of the last valid line.
    pub(super) position: Option<Position>,
    /// The expected hashes that lines have.
    pub(super) found: Vec<LineHash>,
    /// The violations.
    pub(super) problems: Problems,
}

impl Chain {
    /// Reads files with these numbers. `send` receives each line with a valid start, and returns
    /// whether more lines are wanted.
    pub(super) fn read(
        directory: &Path,
        numbers: &[u32],
        wanted: &[LineHash],
        mut send: impl FnMut(ChainLine) -> bool,
    ) -> Self {
        let mut chain = Self {
            head: Some(LineHash::NONE),
            ..Self::default()
        };
        let mut next = 1;
        for number in numbers {
            chain.check_missing(next, *number);
            if !chain.read_file(directory, *number, wanted, &mut send) {
                break;
            }
            next = number + 1;
        }
        chain.generations.sort_unstable();
        for same in chain.generations.chunk_by(|a, b| a == b) {
            if same.len() > 1 {
                chain
                    .problems
                    .add(|| format!("{} lines contain generation {}", same.len(), same[0]));
            }
        }
        chain
    }

    /// Adds the violation if files are missing before the next one.
    fn check_missing(&mut self, expected: u32, number: u32) {
        if expected == number {
            return;
        }
        self.head = None;
        self.problems.add(|| match number - expected {
            1 => format!("{} is missing", name(expected)),
            count => format!(
                "{} to {} are missing ({count} files)",
                name(expected),
                name(number - 1)
            ),
        });
    }

    /// Reads a file. Returns whether more lines are wanted. After invalid data, the hash of the
    /// previous line is unknown, so that only the cause is reported.
    fn read_file(
        &mut self,
        directory: &Path,
        file: u32,
        wanted: &[LineHash],
        mut send: impl FnMut(ChainLine) -> bool,
    ) -> bool {
        let mut reader = match LineReader::open(&files::path(directory, file)) {
            Ok(reader) => reader,
            Err(error) => {
                self.add(format!("{}: {error}", name(file)));
                return true;
            }
        };
        loop {
            let number = reader.line_number() + 1;
            let line = match reader.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    self.add(format!("{}: {error}", location(file, number)));
                    return true;
                }
            };
            self.lines += 1;
            let start = match line.start {
                Ok(start) => start,
                Err(reason) => {
                    self.add(format!("{}: {reason}", location(file, number)));
                    continue;
                }
            };
            if self.head.is_some_and(|head| head != start.previous) {
                self.add(format!("{}: {BROKEN}", location(file, number)));
            }
            self.head = Some(line.hash);
            if wanted.contains(&line.hash) {
                self.found.push(line.hash);
            }
            self.generations.push(start.generation);
            self.position = Some(start.position.clone());
            let line = ChainLine {
                file,
                number,
                start,
                hash: line.hash,
                size_bytes: line.size_bytes,
            };
            if !send(line) {
                return false;
            }
        }
        if reader.line_number() == 0 {
            self.add(format!("{}: {EMPTY}", name(file)));
        }
        true
    }

    /// Adds a violation after which the hash of the previous line is unknown.
    fn add(&mut self, problem: String) {
        self.head = None;
        self.problems.add(|| problem);
    }
}
