//! Fetch commands: a shell command writes the headers to a tree.

use std::path::Path;
use std::time::Duration;

use sqern_model::{Kernel, RunResult};

use super::FetchError;
use crate::Error;
use crate::shell::{self, ShellCommand};

/// Runs a shell command in the directory of the future tree, with `SQERN_DISTRO`, `SQERN_VERSION`
/// and `SQERN_TREE` (that directory) in its environment. If the exit status is 0, the directory
/// must contain the headers, and `build` must be a link to the directory for make.
pub(super) async fn run(
    script: &str,
    kernel: &Kernel,
    tree: &Path,
    time_limit: Duration,
) -> Result<(), Error> {
    let log =
        tempfile::NamedTempFile::new().map_err(Error::io("could not create a temporary log"))?;
    let variables = vec![
        ("SQERN_DISTRO", kernel.distro.to_string()),
        ("SQERN_VERSION", kernel.version.to_string()),
        ("SQERN_TREE", tree.display().to_string()),
    ];
    let command = ShellCommand {
        script: script.to_owned(),
        directory: Some(tree.to_owned()),
        variables,
        log: log.path().to_owned(),
        time_limit,
    };
    let outcome = shell::run(&command, std::future::pending()).await?;
    let reason = match (outcome.result, outcome.exit_status) {
        (Some(RunResult::Success), _) => {
            if contains_file(tree)
                .map_err(Error::io(format!("could not read {}", tree.display())))?
            {
                return Ok(());
            }
            "wrote no file to SQERN_TREE".to_owned()
        }
        (Some(RunResult::Aborted), _) => format!("exceeded the time limit of {time_limit:?}"),
        (_, Some(status)) => format!("returned exit status {status}"),
        (_, None) => "was terminated by a signal".to_owned(),
    };
    Err(FetchError::Command {
        reason,
        output: outcome.tail,
    }
    .into())
}

/// Returns whether a directory or one below it contains an entry that is not a directory.
fn contains_file(directory: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || contains_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}
