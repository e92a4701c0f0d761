//! Running PostgreSQL's tools as the server's user.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::error::LocalError;
use super::interrupt::Interrupt;
use super::os_user::OsUser;

/// Variables of the caller's that would reach into a server or its tools.
const FOREIGN: [&str; 8] =
    ["PGDATA", "PGPORT", "PGTZ", "PGDATESTYLE", "PGCLIENTENCODING", "PGOPTIONS", "PGSERVICE", "PG_TEST_TIMEOUT_DEFAULT"];

/// The last lines of a tool or a log that an error shows.
const LAST_LINES: usize = 12;

/// A command that runs as `server`, in English, in UTC, in a directory that everybody may enter.
pub(super) fn as_user(program: &Path, caller: &OsUser, server: &OsUser) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C").env("TZ", "UTC");
    for name in FOREIGN {
        command.env_remove(name);
    }
    if caller.uid != server.uid {
        // Along with these, the standard library also drops root's other groups.
        command.uid(server.uid).gid(server.gid);
    }
    command
}

/// Runs the command; its failure is an error with its last words.
pub(super) fn run(mut command: Command, tool: &'static str, interrupt: &Interrupt) -> Result<Output, LocalError> {
    let output = interrupt.output(&mut command).map_err(|source| not_run(&command, source))?;
    if output.status.success() { Ok(output) } else { Err(LocalError::Tool { tool, output: words(&output) }) }
}

/// Returns the error for a tool that could not be run.
pub(super) fn not_run(command: &Command, source: io::Error) -> LocalError {
    match source.kind() {
        io::ErrorKind::Interrupted => LocalError::Interrupted,
        _ => LocalError::Io { what: "run", path: PathBuf::from(command.get_program()), source },
    }
}

/// What a tool said, its last lines.
pub(super) fn words(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|bytes| last_lines(&String::from_utf8_lossy(bytes)));
    let text = said.iter().find(|text| !text.is_empty()).cloned();
    text.unwrap_or_else(|| format!("no output, {}", output.status))
}

/// The last lines of `text` that are not blank.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
