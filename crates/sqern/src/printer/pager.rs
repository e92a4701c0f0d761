//! The pager for long output on a terminal.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use crate::settings::Pager;

/// Options of less(1), unless LESS is set: exit if the text fits, keep colors, do not clear the
/// screen, do not wrap long lines.
const LESS_OPTIONS: &str = "FRXS";

/// The exit status of the shell for a program that does not exist or cannot be executed (POSIX).
const NOT_STARTED: [i32; 2] = [126, 127];

/// Prints text with a pager. Returns whether the pager could be started.
///
/// # Errors
///
/// Returns an error if the text could not be passed to the pager. A pager that exits early is not
/// an error.
pub(super) fn page(pager: &Pager, text: &str) -> io::Result<bool> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(&pager.command).stdin(Stdio::piped());
    if !pager.has_less_options {
        command.env("LESS", LESS_OPTIONS);
    }
    let Ok(mut child) = command.spawn() else {
        return Ok(false);
    };
    // The pager handles Ctrl-C. Without a handler, the signal would terminate this program before
    // the pager.
    let _interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let status = child.wait()?;
    if status
        .code()
        .is_some_and(|code| NOT_STARTED.contains(&code))
    {
        return Ok(false);
    }
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_no_pager() {
        let pager = |command: &str| Pager {
            command: command.into(),
            has_less_options: true,
        };
        assert!(!page(&pager("no-such-pager 2>/dev/null"), "text\n").unwrap());
        assert!(page(&pager("cat >/dev/null"), "text\n").unwrap());
        assert!(page(&pager("false"), "text\n").unwrap());
    }
}
