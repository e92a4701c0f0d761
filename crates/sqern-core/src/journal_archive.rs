//! Archives of the journal: files with one line of JSON for each generation. Each line contains the
//! hash of the previous line, so that the hash of the last line authenticates all lines.
//!
//! | module | content |
//! | --- | --- |
//! | `format` | the text of a line |
//! | `files` | the files of an archive: names, creation, lock |
//! | `reader` | reads the lines of a file without loading them into memory |
//! | `chain` | reads and checks all files |
//! | `compare` | compares the lines with the database |

mod chain;
mod compare;
mod error;
mod files;
mod format;
mod problems;
mod reader;

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::DbError;
use sqern_db::check::Checked;
use sqern_db::follow::Position;
use tokio::sync::mpsc::channel;
use tokio_postgres::Client;

pub use error::ArchiveError;
pub use format::{ArchivedGeneration, InvalidLineHash, LineHash, SCHEMA};

use self::chain::Chain;
use self::files::NewFile;
use self::reader::LineReader;
use crate::blocking::blocking;
use crate::follow::{FollowEvent, FollowFrom, FollowRequest, follow_lines};
use crate::{Database, Error, Progress};

/// The number of lines that are read before their comparison with the database.
const WAITING_LINES: usize = 1000;

/// An event of the creation or verification of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveEvent {
    /// This number of generations was written or compared so far.
    Generations(u64),
    /// The standby has not replayed the last generation of the archive yet.
    StandbyLags,
}

/// The file that was added to an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Appended {
    /// The new file; null if there was no new generation.
    pub file: Option<PathBuf>,
    /// The number of generations in the new file.
    pub generations: u64,
    /// The number of events in the new file.
    pub events: u64,
    /// The SHA-256 of the last line of the archive without its newline; null if the archive is
    /// empty.
    pub head: Option<LineHash>,
}

/// Appends the generations that an archive does not contain, as one new file. Creates the directory
/// if it does not exist, but not its parent.
///
/// # Errors
///
/// Returns an error of the database or the directory, or if the archive is damaged, belongs to
/// another database, or is written by another process. The archive is then unchanged.
pub async fn append(
    database: &Database,
    directory: &Path,
    progress: &impl Progress<ArchiveEvent>,
) -> Result<Appended, Error> {
    let is_new = files::create_directory(directory)?;
    let appended = append_to(database, directory, progress).await;
    if is_new && appended.is_err() {
        // Fails if another process has written a file, which must remain.
        let _ = fs::remove_dir(directory);
    }
    appended
}

/// Appends the new generations to the archive in an existing directory.
async fn append_to(
    database: &Database,
    directory: &Path,
    progress: &impl Progress<ArchiveEvent>,
) -> Result<Appended, Error> {
    let path = directory.to_owned();
    let (mut file, last) = blocking("read the archive", move || begin(&path)).await??;
    let old_head = last.as_ref().map(|(head, _)| *head);
    let from = last.map_or(FollowFrom::Start, |(_, position)| FollowFrom::At(position));
    let request = FollowRequest {
        from,
        position_file: None,
        once: true,
        tables: vec![],
    };
    let report = |event| {
        if event == FollowEvent::StandbyLags {
            progress.report(ArchiveEvent::StandbyLags);
        }
    };
    let followed = follow_lines(database, request, &report, |line, position| {
        file.add(line, position)?;
        progress.report(ArchiveEvent::Generations(file.generations()));
        Ok::<_, Error>(true)
    });
    followed.await.map_err(|error| rejected(error, directory))?;
    let (generations, events) = (file.generations(), file.events());
    if generations == 0 {
        return Ok(Appended {
            file: None,
            generations,
            events,
            head: old_head,
        });
    }
    let (path, head) = blocking("write the archive", move || file.publish()).await??;
    Ok(Appended {
        file: Some(path),
        generations,
        events,
        head: Some(head),
    })
}

/// Creates the next file. Returns it, and the hash and the position of the last line of the archive.
fn begin(directory: &Path) -> Result<(NewFile, Option<(LineHash, Position)>), Error> {
    // The lock is acquired first, so that no other process adds a file after the list was read.
    let lock = files::lock(directory)?;
    let numbers = files::list(directory)?;
    files::require_complete(directory, &numbers)?;
    let last = numbers
        .last()
        .map(|number| last_line(directory, *number))
        .transpose()?;
    let head = last.as_ref().map_or(LineHash::NONE, |(head, _)| *head);
    let number = numbers.last().map_or(1, |number| number + 1);
    Ok((NewFile::new(directory, number, head, lock)?, last))
}

/// Returns the hash and the position of the last line of a file.
fn last_line(directory: &Path, number: u32) -> Result<(LineHash, Position), ArchiveError> {
    let path = files::path(directory, number);
    let invalid = |line, reason| ArchiveError::Invalid {
        path: path.clone(),
        line,
        reason,
    };
    let mut reader = LineReader::open(&path).map_err(|error| invalid(1, error.to_string()))?;
    let mut last: Option<(LineHash, Position)> = None;
    loop {
        let line = reader.line_number() + 1;
        let read = reader
            .next_line()
            .map_err(|error| invalid(line, error.to_string()))?;
        let Some(read) = read else {
            return last.ok_or_else(|| invalid(line, chain::EMPTY.to_owned()));
        };
        let start = read.start.map_err(|reason| invalid(line, reason))?;
        if last.is_some_and(|(previous, _)| previous != start.previous) {
            return Err(invalid(line, chain::BROKEN.to_owned()));
        }
        last = Some((read.hash, start.position));
    }
}

/// Adds the directory of the archive to the error of a position.
fn rejected(error: Error, directory: &Path) -> Error {
    match error {
        Error::Db(DbError::Position(error)) => ArchiveError::Position {
            directory: directory.to_owned(),
            error,
        }
        .into(),
        error => error,
    }
}

/// The archive to verify.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The directory of the archive.
    pub directory: PathBuf,
    /// The hashes that the archive must contain.
    pub heads: Vec<LineHash>,
}

/// The result of the verification of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verified {
    /// The number of files.
    pub files: usize,
    /// The number of generations in the archive.
    pub generations: u64,
    /// The SHA-256 of the last line of the archive without its newline; null if the last line is
    /// invalid.
    pub head: Option<LineHash>,
    /// The number of generations in the database that were committed after the archive was written;
    /// null without a comparison with the database.
    pub newer_generations: Option<usize>,
    /// The rules and their violations.
    pub rules: Vec<Checked>,
}

/// Checks the files of an archive, and compares them with a database unless `client` is `None`.
///
/// All queries use one snapshot of the database.
///
/// # Errors
///
/// Returns an error if the directory contains no archive, or an error of the database. A standby
/// that has not replayed the generations of the archive is also an error.
pub async fn verify(
    client: Option<&mut Client>,
    request: VerifyRequest,
    progress: &impl Progress<ArchiveEvent>,
) -> Result<Verified, Error> {
    let VerifyRequest { directory, heads } = request;
    let path = directory.clone();
    let numbers = blocking("read the archive", move || files::list(&path)).await??;
    if numbers.is_empty() {
        return Err(ArchiveError::Empty { directory }.into());
    }
    let transaction = match client {
        Some(client) => Some(compare::snapshot(client).await?),
        None => None,
    };
    let files = numbers.len();
    let (sender, lines) = channel(WAITING_LINES);
    let wanted = heads.clone();
    let reading = blocking("read the archive", move || {
        Chain::read(&directory, &numbers, &wanted, |line| {
            sender.blocking_send(line).is_ok()
        })
    });
    // An error of the database drops the receiver, which ends the reader.
    let comparing = compare::lines(transaction.as_ref(), lines, progress);
    let (chain, differences) = tokio::try_join!(reading, comparing)?;
    let missing = match &transaction {
        Some(transaction) => Some(compare::missing(transaction, &chain).await?),
        None => None,
    };
    let mut rules = vec![Checked {
        rule: "each line of the archive contains the SHA-256 of the previous line",
        problems: chain.problems.finish(),
    }];
    let mut newer_generations = None;
    if let Some((newer, missing)) = missing {
        newer_generations = newer;
        rules.push(Checked {
            rule: "each generation in the archive equals the generation in the database",
            problems: differences.finish(),
        });
        rules.push(Checked {
            rule: "the archive contains each generation before its last position",
            problems: missing.finish(),
        });
    }
    if !heads.is_empty() {
        let missing = heads.iter().filter(|head| !chain.found.contains(head));
        rules.push(Checked {
            rule: "the archive contains a line with each expected SHA-256",
            problems: missing
                .map(|head| format!("no line has the SHA-256 {head}"))
                .collect(),
        });
    }
    Ok(Verified {
        files,
        generations: chain.lines,
        head: chain.head,
        newer_generations,
        rules,
    })
}
