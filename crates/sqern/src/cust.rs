//! Customers: monitoring reports as they are read, and this host's own.

mod csv;
mod input;
mod json;
pub mod own;
#[cfg(test)]
mod properties;
mod rows;

use std::path::Path;
use std::sync::mpsc;

use clap::ValueEnum;
use sqern_db::cust::load::Place;
use tokio::sync::mpsc::Sender;

pub use csv::HEADER;
pub use rows::Known;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One JSON document with all clusters
    Json,
    /// JSON lines, a cluster a line
    Jsonl,
    /// CSV with a header line, a kernel of a host a line
    Csv,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// How the report was written.
    pub format: ReportFormat,
    /// How many hosts it has.
    pub hosts: i64,
}

/// Why a report can't be read: what was expected, what was got, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// What was expected and what was got.
    pub message: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// What can be typed next.
    pub hints: Vec<String>,
}

impl ReportError {
    fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place: Some(place), hints: vec![] }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// What is told of a file that breaks off, or whose compression is wrong.
fn unreadable(reason: &str) -> String {
    format!("expected a report that can be read, got {reason}")
}

/// A report that is being read on a thread of its own.
pub struct Reading {
    result: mpsc::Receiver<Result<Read, ReportError>>,
}

impl Reading {
    /// What came of it; to be asked when the last block was received.
    pub fn finish(self) -> Result<Read, ReportError> {
        self.result.recv().unwrap_or_else(|_| {
            Err(ReportError {
                message: "expected the report to be read, got a reader that ended".into(),
                place: None,
                hints: vec![],
            })
        })
    }
}

/// Reads a report from a file, or from standard input where it is `-`, and sends its rows as blocks of COPY's text format.
///
/// Whatever its size, no more than a host is held, and the blocks that wait to be taken. It is a thread and no task: one that waits for
/// standard input must not keep the program from ending.
#[must_use]
pub fn read(path: &Path, format: Option<ReportFormat>, known: Known, blocks: Sender<Vec<u8>>) -> Reading {
    let (sender, result) = mpsc::sync_channel(1);
    let path = path.to_owned();
    std::thread::spawn(move || {
        // Who asked may be gone: then nobody wants to know.
        _ = sender.send(read_all(&path, format, known, blocks));
    });
    Reading { result }
}

fn read_all(path: &Path, format: Option<ReportFormat>, known: Known, blocks: Sender<Vec<u8>>) -> Result<Read, ReportError> {
    let mut input = input::open(path)?;
    let format = format.or_else(|| input::format_of(path)).or_else(|| input.looks_like());
    let mut rows = rows::Rows::new(known, blocks);
    let format = match format {
        Some(ReportFormat::Csv) => csv::read(input, &mut rows).map(|()| ReportFormat::Csv),
        other => json::read(input, other, &mut rows),
    }?;
    let hosts = rows.finish()?;
    Ok(Read { format, hosts })
}
