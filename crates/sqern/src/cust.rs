//! Monitoring reports of customers: readers for all formats, and the report of this host.

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

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One JSON document with all clusters
    Json,
    /// JSON lines, one cluster per line
    Jsonl,
    /// CSV with a header line, one kernel of a host per line
    Csv,
}

/// The summary of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// The format of the report.
    pub format: ReportFormat,
    /// The number of hosts.
    pub hosts: i64,
}

/// The error for an invalid report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// The message.
    pub message: String,
    /// The place in the report.
    pub place: Option<Place>,
    /// The hints.
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

/// Returns the message for a truncated file or invalid compression.
fn unreadable(reason: &str) -> String {
    format!("could not read the report: {reason}")
}

/// A report that another thread reads.
pub struct Reading {
    result: mpsc::Receiver<Result<Read, ReportError>>,
}

impl Reading {
    /// Returns the result, after the last block was received.
    pub fn finish(self) -> Result<Read, ReportError> {
        self.result.recv().unwrap_or_else(|_| {
            Err(ReportError {
                message: "could not read the report: the reader terminated unexpectedly".into(),
                place: None,
                hints: vec![],
            })
        })
    }
}

/// Reads a report from a file, or from standard input where it is `-`, and sends its rows as blocks of COPY's text format.
///
/// Memory contains at most one host and the pending blocks. A thread is used instead of a task, because a task that waits for standard
/// input would prevent the program from exiting.
#[must_use]
pub fn read(path: &Path, format: Option<ReportFormat>, known: Known, blocks: Sender<Vec<u8>>) -> Reading {
    let (sender, result) = mpsc::sync_channel(1);
    let path = path.to_owned();
    std::thread::spawn(move || {
        // The receiver may no longer exist.
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
