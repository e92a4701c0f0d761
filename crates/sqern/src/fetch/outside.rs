//! `--command`: another program fetches, and puts what it has into the tree.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sqern_model::Kernel;
use tokio::process::Command;

use crate::failure::Failure;

/// How many of the last lines of a program that failed are told.
const TOLD_LINES: usize = 5;

/// Runs a shell command in the folder that is to become the tree, with `SQERN_DISTRO`, `SQERN_VERSION` and `SQERN_TREE` (that folder)
/// in its environment. Exit status 0 means that it holds the headers, with `build` leading to where make is to run.
pub(super) async fn run(shell_command: &str, kernel: &Kernel, tree: &Path, time_limit: Duration) -> Result<(), Failure> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", shell_command]).current_dir(tree).kill_on_drop(true).process_group(0);
    command.env("SQERN_DISTRO", kernel.distro.as_str()).env("SQERN_VERSION", kernel.version.as_str()).env("SQERN_TREE", tree);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let told = |got: String| Failure::unmet(format!("expected the command to fetch {kernel} and exit with 0, got {got}"));
    let output = tokio::time::timeout(time_limit, command.output()).await;
    let output =
        output.map_err(|_| told(format!("no end of it within {time_limit:?}")))?.map_err(|error| told(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n  ");
    Err(told(format!("{}; its last lines:\n  {last}", output.status)))
}
