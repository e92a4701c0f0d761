//! Fetch commands: a shell command writes the headers to a tree.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use sqern_model::{Kernel, RunResult};
use sqern_sandbox::{Limits, Policy, Sandbox, Scratch};

use super::FetchError;
use crate::Error;
use crate::shell::{self, ShellCommand};

/// Runs a shell command in the directory of the future tree, with `SQERN_DISTRO`, `SQERN_VERSION`
/// and `SQERN_TREE` (that directory) added to `environment`. If the exit status is 0, the directory
/// must contain the headers, and `build` must be a link to the directory for make.
pub(super) async fn run(
    script: &str,
    kernel: &Kernel,
    tree: &Path,
    time_limit: Duration,
    environment: &[(OsString, OsString)],
) -> Result<(), Error> {
    let log =
        tempfile::NamedTempFile::new().map_err(Error::io("could not create a temporary log"))?;
    let variables: [(&str, OsString); 3] = [
        ("SQERN_DISTRO", kernel.distro.as_str().into()),
        ("SQERN_VERSION", kernel.version.as_str().into()),
        ("SQERN_TREE", tree.into()),
    ];
    let variables = variables.map(|(name, value)| (name.into(), value));
    let command = ShellCommand {
        script: script.to_owned(),
        directory: Some(tree.to_owned()),
        sandbox: Sandbox::off(),
        policy: Policy {
            read_only: vec![],
            writable: vec![],
            scratch: Scratch::new(tree, 0),
            network: true,
            environment: environment.iter().cloned().chain(variables).collect(),
            limits: Limits::default(),
        },
        log: log.into_file(),
        time_limit,
    };
    let outcome = shell::run(command, std::future::pending()).await?;
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
