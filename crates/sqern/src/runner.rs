//! Runs one command for one kernel, in its own process group, with a log and a time limit.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sqern_model::RunResult;
use tokio::process::{Child, Command};

use crate::failure::Failure;

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The exit status of a skipped kernel, as in automake.
const SKIPPED: i32 = 77;
/// The recorded part at the end of a log.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 20;

/// A command for one kernel.
#[derive(Debug, Clone)]
pub struct Job {
    /// For `/bin/sh -c`.
    pub command: String,
    /// The working directory; `None` for that of this process.
    pub folder: Option<PathBuf>,
    /// Variables that are added to the environment.
    pub variables: Vec<(&'static str, String)>,
    /// The file for standard output and standard error.
    pub log: PathBuf,
    /// The time limit.
    pub time_limit: Duration,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// SUCCESS for exit status 0, `NOT_BUILT` for 77, ABORTED if the time limit was exceeded, else FAILURE. `None` if it was interrupted.
    pub result: Option<RunResult>,
    /// The exit status; `None` if a signal terminated it.
    pub exit_status: Option<i32>,
    /// The duration in seconds.
    pub seconds: f64,
    /// The last lines of the log.
    pub tail: String,
}

/// Runs a command until it exits, `stop` completes, or its time limit is exceeded. Then terminates its process group.
///
/// # Errors
///
/// Returns an error if the log cannot be written or the shell cannot be started.
pub async fn run(job: &Job, stop: impl Future<Output = ()>) -> Result<Ended, Failure> {
    let failed = |error: io::Error| Failure::unmet(format!("could not access log {}: {error}", job.log.display()));
    if let Some(folder) = job.log.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let log = File::create(&job.log).map_err(failed)?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &job.command]).envs(job.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log).process_group(0).kill_on_drop(true);
    if let Some(folder) = &job.folder {
        command.current_dir(folder);
    }
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| Failure::unmet(format!("could not start /bin/sh: {error}")))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (status, cut_off) = tokio::select! {
        status = child.wait() => (status, None),
        () = tokio::time::sleep(job.time_limit) => (end(&mut child, group).await, Some(Some(RunResult::Aborted))),
        () = stop => (end(&mut child, group).await, Some(None)),
    };
    let status = status.map_err(|error| Failure::unmet(format!("could not wait for the command: {error}")))?;
    // Processes that the command left in the background.
    kill(group, Signal::KILL);
    let mut tail = tail(&job.log).map_err(failed)?;
    if cut_off == Some(Some(RunResult::Aborted)) {
        tail.push_str(&format!("\n[terminated by sqern: time limit of {:?} exceeded]", job.time_limit));
    }
    Ok(Ended {
        result: cut_off.unwrap_or_else(|| Some(result(status))),
        exit_status: status.code(),
        seconds: begun.elapsed().as_secs_f64(),
        tail,
    })
}

fn result(status: ExitStatus) -> RunResult {
    match (status.code(), status.signal()) {
        (Some(0), _) => RunResult::Success,
        (Some(SKIPPED), _) => RunResult::NotBuilt,
        _ => RunResult::Failure,
    }
}

/// Terminates a command, and kills it after [`GRACE`].
async fn end(child: &mut Child, group: Option<Pid>) -> io::Result<ExitStatus> {
    kill(group, Signal::TERM);
    if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
        return status;
    }
    kill(group, Signal::KILL);
    child.wait().await
}

/// Sends a signal to a process group, if it exists.
fn kill(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

/// Returns the last lines of a log, without control characters, which might affect a terminal.
fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let plain = |line: &str| -> String { line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
    let lines: Vec<String> = text.lines().map(plain).collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

/// Identifies this process, so that others on the same machine can check whether it exists: `HOST:PID:NAMESPACE`.
#[must_use]
pub fn owner() -> String {
    format!("{}:{}:{}", host(), std::process::id(), namespace())
}

/// Whether an owner is a process of this machine that no longer exists. For other owners, returns `false`.
#[must_use]
pub fn is_dead(owner: &str) -> bool {
    let mut parts = owner.rsplitn(3, ':');
    let (Some(theirs), Some(process), Some(machine)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let process = process.parse().ok().and_then(Pid::from_raw);
    let gone = |process| rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    machine == host() && theirs == namespace() && process.is_some_and(gone)
}

/// Returns the name of this machine, as `uname -n` prints it.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the PID namespace, because two containers may have the same host name; empty without namespaces.
fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").ok();
    let digits = link.map(|link| link.to_string_lossy().chars().filter(char::is_ascii_digit).collect());
    digits.unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]
mod tests {
    use super::*;

    async fn shell(text: &str, limit: Duration, stop: impl Future<Output = ()>) -> (Ended, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let job = Job {
            command: text.to_owned(),
            folder: None,
            variables: vec![("SQERN_VERSION", "6.1.0-25-amd64".to_owned())],
            log: folder.path().join("logs/log"),
            time_limit: limit,
        };
        (run(&job, stop).await.unwrap(), folder)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn exit_status_determines_the_result_and_the_log_tail_is_kept() {
        for (status, result) in [(0, RunResult::Success), (77, RunResult::NotBuilt), (2, RunResult::Failure)] {
            let text = format!("seq 100; echo $SQERN_VERSION >&2; exit {status}");
            let (ended, folder) = shell(&text, LONG, std::future::pending()).await;
            assert_eq!((ended.result, ended.exit_status), (Some(result), Some(status)));
            assert!(ended.tail.ends_with("\n100\n6.1.0-25-amd64") && ended.tail.lines().count() == 20, "{}", ended.tail);
            assert!(std::fs::read_to_string(folder.path().join("logs/log")).unwrap().starts_with("1\n2\n"));
        }
        let (ended, _) = shell("kill -9 $$", LONG, std::future::pending()).await;
        assert_eq!((ended.result, ended.exit_status), (Some(RunResult::Failure), None));
    }

    #[tokio::test]
    async fn a_command_whose_time_is_over_ends_with_all_that_it_started() {
        let (ended, _folder) = shell("sleep 600 & echo $!; wait", Duration::from_millis(300), std::future::pending()).await;
        assert_eq!(ended.result, Some(RunResult::Aborted));
        assert!(ended.tail.ends_with("[terminated by sqern: time limit of 300ms exceeded]"), "{}", ended.tail);
        let process: i32 = ended.tail.lines().next().unwrap().parse().unwrap();
        let gone = || std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "));
        assert!((0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            gone()
        }));
    }

    #[tokio::test]
    async fn an_interrupt_records_no_result() {
        let (ended, _) = shell("sleep 600", LONG, tokio::time::sleep(Duration::from_millis(100))).await;
        assert_eq!(ended.result, None);
    }

    #[test]
    fn only_processes_of_this_machine_are_known_to_be_dead() {
        assert!(!is_dead(&owner()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let other = format!("{}:{}:{}", host(), child.id(), namespace());
        child.wait().unwrap();
        assert!(is_dead(&other));
        assert!(!is_dead(&other.replace(&host(), "elsewhere")) && !is_dead("nightly #12") && !is_dead(""));
    }
}
