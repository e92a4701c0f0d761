//! One generation as a line of JSON.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek, Write};

use sqern_db::SqlClient;
use sqern_db::follow::{self, GenerationHeader, Position};
use tempfile::SpooledTempFile;

use crate::Error;

/// The name and version of the JSON of a line.
pub const SCHEMA: &str = "event.follow/1";

/// The maximum size of the events of a generation in memory. Larger ones are stored in a temporary
/// file.
const IN_MEMORY_BYTES: usize = 1 << 20;

/// A generation with all its events, ready to be printed.
///
/// All events are read before the line is printed, because a lost connection would truncate the
/// line. The number of events is not limited, so a large generation is stored in a temporary file.
pub(crate) struct Line {
    header: GenerationHeader,
    /// The events as JSON, separated by commas.
    events: SpooledTempFile,
    event_count: u64,
}

/// Returns these generations by ID, with their events of these tables.
pub(crate) async fn read(
    client: &impl SqlClient,
    generations: &[i64],
    tables: &[String],
) -> Result<HashMap<i64, Line>, Error> {
    if generations.is_empty() {
        return Ok(HashMap::new());
    }
    let headers = follow::headers(client, generations).await?;
    let new = |header: GenerationHeader| {
        (
            header.id,
            Line {
                header,
                events: SpooledTempFile::new(IN_MEMORY_BYTES),
                event_count: 0,
            },
        )
    };
    let mut lines: HashMap<i64, Line> = headers.into_iter().map(new).collect();
    let add = |generation, mut event: follow::FollowedEvent| match lines.get_mut(&generation) {
        Some(line) => {
            event.tstamp = event.tstamp.filter(|time| *time != line.header.tstamp);
            line.add(&event)
                .map_err(Error::io("could not write to a temporary file"))
        }
        None => Ok(()),
    };
    follow::events(client, generations, tables, add).await?;
    Ok(lines)
}

impl Line {
    fn add(&mut self, event: &follow::FollowedEvent) -> io::Result<()> {
        if self.events.stream_position()? > 0 {
            self.events.write_all(b",")?;
        }
        self.event_count += 1;
        // One write, because a temporary file is not buffered.
        self.events.write_all(&serde_json::to_vec(event)?)
    }

    /// Returns the generation without its events.
    pub(crate) fn header(&self) -> &GenerationHeader {
        &self.header
    }

    /// Returns the number of events.
    pub(crate) fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Returns the text of the line without the newline. It contains the position after the line.
    pub(super) fn at(&mut self, position: &Position) -> io::Result<impl Read + use<'_>> {
        let header = serde_json::to_string(&self.header)?;
        self.text(format!(
            r#"{{"schema":"sqern.{SCHEMA}","position":"{position}","generation":{header},"events":["#
        ))
    }

    /// Returns a text that consists of `begin`, the events, and the ends of their array and of the
    /// document.
    pub(crate) fn text(&mut self, begin: String) -> io::Result<impl Read + use<'_>> {
        self.events.rewind()?;
        Ok(Cursor::new(begin).chain(&mut self.events).chain(&b"]}"[..]))
    }
}

#[cfg(test)]
impl Line {
    /// Creates a line without a database.
    pub(crate) fn of(header: GenerationHeader, events: &[follow::FollowedEvent]) -> Self {
        let mut line = Self {
            header,
            events: SpooledTempFile::new(IN_MEMORY_BYTES),
            event_count: 0,
        };
        for event in events {
            line.add(event).expect("memory accepts all bytes");
        }
        line
    }
}
