//! Programs of PostgreSQL that run as the user of the server.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::env::LocalEnv;
use super::error::LocalError;
use super::interrupt::Interrupt;
use super::os_user::OsUser;

/// The number of lines of an output or log that an error contains.
const LAST_LINES: usize = 12;

/// Returns a command that runs as `server`, in English and UTC, and in a directory that each user
/// can search.
///
/// A server runs for a long time, possibly as another user, who can read its environment in /proc.
/// Variables of the caller might be secrets or change the behavior of the server, so the server
/// inherits only the paths of programs and libraries.
pub(super) fn as_user(program: &Path, env: &LocalEnv, server: &OsUser) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env_clear();
    for (name, value) in [("PATH", &env.path), ("LD_LIBRARY_PATH", &env.library_path)] {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
    if env.user.uid != server.uid {
        // With these, the standard library also removes the supplementary groups of root.
        command.uid(server.uid).gid(server.gid);
    }
    command
}

/// Runs the command. If it fails, the error contains the end of its output.
pub(super) fn run(
    mut command: Command,
    tool: &'static str,
    interrupt: &Interrupt,
) -> Result<Output, LocalError> {
    let output = interrupt
        .output(&mut command)
        .map_err(|source| not_run(&command, source))?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(LocalError::Tool {
            tool,
            output: failure_output(&output),
        })
    }
}

/// Returns the error for a tool that could not be run.
pub(super) fn not_run(command: &Command, source: io::Error) -> LocalError {
    match source.kind() {
        io::ErrorKind::Interrupted => LocalError::Interrupted,
        _ => LocalError::Io {
            action: "run",
            path: PathBuf::from(command.get_program()),
            source,
        },
    }
}

/// Returns the end of the standard error of a failed tool, else of its standard output.
pub(super) fn failure_output(output: &Output) -> String {
    let streams =
        [&output.stderr, &output.stdout].map(|bytes| last_lines(&String::from_utf8_lossy(bytes)));
    let text = streams.iter().find(|text| !text.is_empty()).cloned();
    text.unwrap_or_else(|| format!("no output, {}", output.status))
}

/// Returns the last lines of `text` that are not blank, with the indent of a message.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ")
}
