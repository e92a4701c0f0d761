//! `--command`: a shell command fetches the headers into the tree.

use std::path::Path;
use std::time::Duration;

use sqern_core::shell::{self, ShellCommand};
use sqern_model::{Kernel, RunResult};

use crate::failure::Failure;

/// The number of output lines that the error contains.
const TOLD_LINES: usize = 5;

/// Runs a shell command in the directory of the future tree, with `SQERN_DISTRO`, `SQERN_VERSION` and `SQERN_TREE` (that directory) in its
/// environment. If the exit status is 0, the directory must contain the headers, and `build` must be a link to the directory for make.
pub(super) async fn run(shell_command: &str, kernel: &Kernel, tree: &Path, time_limit: Duration) -> Result<(), Failure> {
    let log = tempfile::NamedTempFile::new()?;
    let variables = vec![
        ("SQERN_DISTRO", kernel.distro.to_string()),
        ("SQERN_VERSION", kernel.version.to_string()),
        ("SQERN_TREE", tree.display().to_string()),
    ];
    let command = ShellCommand {
        script: shell_command.to_owned(),
        directory: Some(tree.to_owned()),
        variables,
        log: log.path().to_owned(),
        time_limit,
    };
    let outcome = shell::run(&command, std::future::pending()).await?;
    let hint = "sqern fetch --help  # describes the variables of the command";
    if outcome.result == Some(RunResult::Success) {
        return match contains_file(tree) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let message = "fetch command wrote no file to SQERN_TREE".to_owned();
                Err(Failure::unmet(message + &last_lines(&outcome.tail)).hint(hint))
            }
            Err(error) => Err(Failure::unmet(format!("could not read {}: {error}", tree.display()))),
        };
    }
    let reason = match (outcome.result, outcome.exit_status) {
        (Some(RunResult::Aborted), _) => format!("exceeded the time limit of {time_limit:?}"),
        (_, Some(status)) => format!("returned exit status {status}"),
        (_, None) => "was terminated by a signal".to_owned(),
    };
    Err(Failure::unmet(format!("fetch command {reason}{}", last_lines(&outcome.tail))).hint(hint))
}

/// Returns the end of a message with the last lines of the output; empty without output.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n  ");
    if last.is_empty() { last } else { format!("; last lines of the output:\n  {last}") }
}

/// Returns whether a directory or one below it contains an entry that is not a directory.
fn contains_file(folder: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || contains_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}
