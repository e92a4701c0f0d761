//! Downloads of packages with apt-get, which uses the mirrors, proxies and credentials of this
//! machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqern_process::OutputTail;

use super::FetchError;
use crate::shell::{End, supervise_group};

/// The time limit for one package.
const TIME_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The number of bytes at the end of the output from which an error quotes a line.
const TAIL_BYTES: usize = 4096;

/// Runs `apt-get download` for the part after `apt:` of a recorded URL (`NAME=VERSION`), and
/// returns the file.
///
/// # Errors
///
/// Returns [`FetchError::AptDownload`].
pub(super) async fn download(
    name_version: &str,
    architecture: &str,
    directory: &Path,
) -> Result<PathBuf, FetchError> {
    let package = match name_version.split_once('=') {
        Some((name, version)) if architecture != "all" => {
            format!("{name}:{architecture}={version}")
        }
        _ => name_version.to_owned(),
    };
    match download_package(&package, directory).await {
        Ok(file) => Ok(file),
        Err(reason) => Err(FetchError::AptDownload { package, reason }),
    }
}

async fn download_package(package: &str, directory: &Path) -> Result<PathBuf, String> {
    let text = |error: std::io::Error| error.to_string();
    let (stderr, tail) = OutputTail::pipe(TAIL_BYTES).map_err(text)?;
    let mut command = Command::new("apt-get");
    // In English, without prompts.
    command
        .args(["-q", "download", "--", package])
        .current_dir(directory)
        .env("LC_ALL", "C.UTF-8");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr);
    let ended = supervise_group(command, TIME_LIMIT, std::future::pending()).await;
    let (status, end) = ended.map_err(text)?;
    if end == End::TimedOut {
        return Err(format!("timed out after {TIME_LIMIT:?}"));
    }
    if !status.success() {
        let stderr = tail.into_text();
        let last = stderr
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no output");
        return Err(format!("{status}: {last}"));
    }
    let mut files = fs::read_dir(directory)
        .map_err(text)?
        .flatten()
        .map(|entry| entry.path());
    let is_deb = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    files
        .find(is_deb)
        .ok_or_else(|| "apt-get created no .deb file".to_owned())
}
