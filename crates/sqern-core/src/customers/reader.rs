//! The reader of reports: decodes a report in a separate thread, and sends its rows to a load.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tokio::sync::mpsc::Sender;

use super::input::{Input, ReportFormat, format_of};
use super::invalid::{InvalidReport, unreadable};
use super::rows::{KnownNames, Rows};
use super::{csv, json};

/// The source of a report.
pub enum ReportSource {
    /// A file. Its name determines the format, unless the format is specified.
    File(PathBuf),
    /// A stream.
    Stream {
        /// The name of the stream in messages.
        name: String,
        /// The bytes, which may be compressed.
        bytes: Box<dyn Read + Send>,
    },
}

impl ReportSource {
    /// Returns the name of the source in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stream { name, .. } => name.clone(),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stream { .. } => None,
        }
    }
}

impl fmt::Debug for ReportSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReportSource").field(&self.name()).finish()
    }
}

/// A report that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CompleteReport {
    /// The format of the report.
    pub(super) format: ReportFormat,
    /// The number of hosts.
    pub(super) hosts: i64,
}

/// A report that another thread reads.
pub(super) struct ReportReader {
    result: mpsc::Receiver<Result<CompleteReport, InvalidReport>>,
}

impl ReportReader {
    /// Starts to read a report, and sends its rows as blocks of the text format of COPY.
    ///
    /// Memory contains at most one host and the pending blocks. A thread is used instead of a task,
    /// because a task that waits for standard input would prevent the program from exiting.
    pub(super) fn start(
        source: ReportSource,
        format: Option<ReportFormat>,
        known: KnownNames,
        blocks: Sender<Vec<u8>>,
    ) -> Self {
        let (sender, result) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            // The receiver may no longer exist.
            _ = sender.send(read(source, format, known, blocks));
        });
        Self { result }
    }

    /// Returns the result, after the last block was received.
    pub(super) fn finish(self) -> Result<CompleteReport, InvalidReport> {
        self.result.recv().unwrap_or_else(|_| {
            Err(InvalidReport::new(unreadable(
                "the reader terminated unexpectedly",
            )))
        })
    }
}

pub(super) fn read(
    source: ReportSource,
    format: Option<ReportFormat>,
    known: KnownNames,
    blocks: Sender<Vec<u8>>,
) -> Result<CompleteReport, InvalidReport> {
    let format = format.or_else(|| source.path().and_then(format_of));
    let name = source.name();
    let bytes: Box<dyn Read + Send> = match source {
        ReportSource::File(path) => Box::new(
            File::open(path)
                .map_err(|error| InvalidReport::new(format!("could not read {name}: {error}")))?,
        ),
        ReportSource::Stream { bytes, .. } => bytes,
    };
    let mut input = Input::new(bytes, &name)?;
    let format = format.or_else(|| input.detect_format());
    let mut rows = Rows::new(known, blocks);
    let format = match format {
        Some(ReportFormat::Csv) => csv::read(input, &mut rows).map(|()| ReportFormat::Csv),
        other => json::read(input, other, &mut rows),
    }?;
    let hosts = rows.finish()?;
    Ok(CompleteReport { format, hosts })
}
