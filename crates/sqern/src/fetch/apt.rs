//! Downloads packages by apt of this machine, which has the mirrors, proxies and credentials.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::failure::Failure;

/// The time limit for one package.
const TIME_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs `apt-get download` for the part after `apt:` of a recorded URL (`NAME=VERSION`), and returns the file.
pub(super) async fn download(wanted: &str, architecture: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let with_architecture = match wanted.split_once('=') {
        Some((name, version)) if architecture != "all" => format!("{name}:{architecture}={version}"),
        _ => wanted.to_owned(),
    };
    let mut command = Command::new("apt-get");
    // In English, without prompts.
    command.args(["-q", "download", "--", &with_architecture]).current_dir(folder).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let told = |got: String| {
        Failure::unmet(format!("could not download {with_architecture} with apt-get: {got}")).hint("apt-get update")
    };
    let output =
        tokio::time::timeout(TIME_LIMIT, command.output()).await.map_err(|_| told(format!("timed out after {TIME_LIMIT:?}")))?;
    let output = output.map_err(|error| told(error.to_string()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
        return Err(told(format!("{}: {last}", output.status)));
    }
    let files = fs::read_dir(folder).map_err(|error| told(error.to_string()))?;
    let mut files = files.flatten().map(|entry| entry.path());
    let is_deb = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    files.find(is_deb).ok_or_else(|| told("apt-get created no .deb file".into()))
}
