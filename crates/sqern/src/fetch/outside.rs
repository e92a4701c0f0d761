//! `--command`: another program fetches, and puts what it has into the tree.

use std::path::Path;
use std::time::Duration;

use sqern_model::{Kernel, RunResult};

use crate::failure::Failure;
use crate::runner::{self, Job};

/// How many of the last lines of a program that failed are told.
const TOLD_LINES: usize = 5;

/// Runs a shell command in the folder that is to become the tree, with `SQERN_DISTRO`, `SQERN_VERSION` and `SQERN_TREE` (that folder)
/// in its environment. Exit status 0 means that it holds the headers, with `build` leading to where make is to run.
pub(super) async fn run(shell_command: &str, kernel: &Kernel, tree: &Path, time_limit: Duration) -> Result<(), Failure> {
    let log = tempfile::NamedTempFile::new()?;
    let variables = vec![
        ("SQERN_DISTRO", kernel.distro.to_string()),
        ("SQERN_VERSION", kernel.version.to_string()),
        ("SQERN_TREE", tree.display().to_string()),
    ];
    let folder = Some(tree.to_owned());
    let job = Job { command: shell_command.to_owned(), folder, variables, log: log.path().to_owned(), time_limit };
    let ended = runner::run(&job, std::future::pending()).await?;
    if ended.result == Some(RunResult::Success) {
        return Ok(());
    }
    let lines: Vec<&str> = ended.tail.lines().collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n  ");
    let got = match (ended.result, ended.exit_status) {
        (Some(RunResult::Aborted), _) => format!("no end of it within {time_limit:?}"),
        (_, Some(status)) => format!("exit status: {status}"),
        (_, None) => "a signal that ended it".to_owned(),
    };
    Err(Failure::unmet(format!("expected the command to fetch {kernel} and exit with 0, got {got}; its last lines:\n  {last}"))
        .hint("sqern fetch --help  # what the command gets"))
}
