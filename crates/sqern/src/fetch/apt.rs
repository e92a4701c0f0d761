//! Downloads packages by apt of this machine, which has the mirrors, proxies and credentials.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqern_core::shell::{End, SuperviseError, supervise};
use sqern_process::OutputTail;

use crate::failure::Failure;

/// The time limit for one package.
const TIME_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The part of the output that is kept for an error.
const TAIL_BYTES: usize = 4096;

/// Runs `apt-get download` for the part after `apt:` of a recorded URL (`NAME=VERSION`), and returns the file.
pub(super) async fn download(wanted: &str, architecture: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let with_architecture = match wanted.split_once('=') {
        Some((name, version)) if architecture != "all" => format!("{name}:{architecture}={version}"),
        _ => wanted.to_owned(),
    };
    let failed = |reason: String| {
        Failure::unmet(format!("could not download {with_architecture} with apt-get: {reason}")).hint("apt-get update")
    };
    let (stderr, tail) = OutputTail::pipe(TAIL_BYTES).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new("apt-get");
    // In English, without prompts.
    command.args(["-q", "download", "--", &with_architecture]).current_dir(folder).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let ended = supervise(command, TIME_LIMIT, std::future::pending()).await;
    let (status, end) =
        ended.map_err(|(SuperviseError::Start(error) | SuperviseError::Wait(error))| failed(error.to_string()))?;
    if end == End::TimedOut {
        return Err(failed(format!("timed out after {TIME_LIMIT:?}")));
    }
    if !status.success() {
        let stderr = tail.into_text();
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
        return Err(failed(format!("{status}: {last}")));
    }
    let files = fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
    let mut files = files.flatten().map(|entry| entry.path());
    let is_deb = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    files.find(is_deb).ok_or_else(|| failed("apt-get created no .deb file".into()))
}
