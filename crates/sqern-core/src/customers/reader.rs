//! The reader of reports: decodes a report in a separate thread, and stores its rows for a load.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::input::{Input, ReportFormat, format_of};
use super::invalid::{InvalidReport, unreadable};
use super::rows::{KnownNames, Rows};
use super::stored_rows::StoredRows;
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

/// Reads a report in a separate thread.
///
/// Memory contains at most one host and a block of rows. A thread is used instead of a task,
/// because a task that waits for standard input would prevent the program from exiting.
pub(super) async fn read_in_thread(
    source: ReportSource,
    format: Option<ReportFormat>,
    known: KnownNames,
) -> Result<(CompleteReport, StoredRows), InvalidReport> {
    let (sender, result) = oneshot::channel();
    std::thread::spawn(move || {
        // The receiver may no longer exist.
        _ = sender.send(read(source, format, known));
    });
    result.await.unwrap_or_else(|_| {
        Err(InvalidReport::new(unreadable(
            "the reader terminated unexpectedly",
        )))
    })
}

pub(super) fn read(
    source: ReportSource,
    format: Option<ReportFormat>,
    known: KnownNames,
) -> Result<(CompleteReport, StoredRows), InvalidReport> {
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
    let mut rows = Rows::new(known);
    let format = match format {
        Some(ReportFormat::Csv) => csv::read(input, &mut rows).map(|()| ReportFormat::Csv),
        other => json::read(input, other, &mut rows),
    }?;
    let (rows, hosts) = rows.finish()?;
    Ok((CompleteReport { format, hosts }, rows))
}
