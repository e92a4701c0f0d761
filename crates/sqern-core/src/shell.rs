//! Shell commands for one kernel, in a separate process group, with a log and a time limit.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use sqern_model::RunResult;
use sqern_process::{ProcessGroup, printable_lines};
use tokio::sync::oneshot;

use crate::Error;

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The exit status of a skipped kernel, as in automake.
const SKIPPED: i32 = 77;
/// The recorded part at the end of a log.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 20;

/// A shell command for one kernel.
#[derive(Debug, Clone)]
pub struct ShellCommand {
    /// The argument of `/bin/sh -c`.
    pub script: String,
    /// The working directory; `None` for that of this process.
    pub directory: Option<PathBuf>,
    /// Variables that are added to the environment.
    pub variables: Vec<(&'static str, String)>,
    /// The file for standard output and standard error.
    pub log: PathBuf,
    /// The time limit.
    pub time_limit: Duration,
}

/// The result of a shell command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOutcome {
    /// SUCCESS for exit status 0, `NOT_BUILT` for 77, ABORTED if the time limit was exceeded, else
    /// FAILURE. `None` if it was interrupted.
    pub result: Option<RunResult>,
    /// The exit status; `None` if a signal terminated it.
    pub exit_status: Option<i32>,
    /// The duration in seconds.
    pub seconds: f64,
    /// The last lines of the log.
    pub tail: String,
}

/// Runs a command until it exits, `stop` completes, or its time limit is exceeded. Then terminates
/// its process group.
///
/// # Errors
///
/// Returns an error if the log cannot be written or the shell cannot be started.
pub async fn run(
    command: &ShellCommand,
    stop: impl Future<Output = ()>,
) -> Result<CommandOutcome, Error> {
    let log_error =
        |error| Error::io(format!("could not access log {}", command.log.display()))(error);
    if let Some(directory) = command.log.parent() {
        std::fs::create_dir_all(directory).map_err(log_error)?;
    }
    let log = File::create(&command.log).map_err(log_error)?;
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &command.script])
        .envs(command.variables.iter().map(|(name, value)| (name, value)));
    shell
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(log_error)?)
        .stderr(log);
    if let Some(directory) = &command.directory {
        shell.current_dir(directory);
    }
    let started_at = Instant::now();
    let (status, end) = supervise(shell, command.time_limit, stop)
        .await
        .map_err(|error| match error {
            SuperviseError::Start(error) => Error::io("could not start /bin/sh")(error),
            SuperviseError::Wait(error) => Error::io("could not wait for the command")(error),
        })?;
    let mut tail = tail(&command.log).map_err(log_error)?;
    if end == End::TimedOut {
        tail.push_str(&format!(
            "\n[terminated by sqern: time limit of {:?} exceeded]",
            command.time_limit
        ));
    }
    let result = match end {
        End::Exited => Some(result(status)),
        End::TimedOut => Some(RunResult::Aborted),
        End::Stopped => None,
    };
    Ok(CommandOutcome {
        result,
        exit_status: status.code(),
        seconds: started_at.elapsed().as_secs_f64(),
        tail,
    })
}

/// The reason for the end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited.
    Exited,
    /// It exceeded its time limit.
    TimedOut,
    /// It was stopped.
    Stopped,
}

/// A command that could not be supervised.
#[derive(Debug)]
pub enum SuperviseError {
    /// It could not be started.
    Start(io::Error),
    /// Its exit status is not available.
    Wait(io::Error),
}

/// Runs a command in a process group until it exits, `stop` completes, or its time limit is
/// exceeded. Then terminates the group, and kills it after 5 seconds. Dropping the future kills the
/// group.
///
/// # Errors
///
/// Returns an error if the command cannot be started, or its exit status is not available.
pub async fn supervise(
    command: Command,
    time_limit: Duration,
    stop: impl Future<Output = ()>,
) -> Result<(ExitStatus, End), SuperviseError> {
    let (sender, mut exited) = oneshot::channel();
    let on_exit = move || {
        let _ = sender.send(());
    };
    let group = ProcessGroup::spawn(command, on_exit).map_err(SuperviseError::Start)?;
    let end = tokio::select! {
        _ = &mut exited => End::Exited,
        () = tokio::time::sleep(time_limit) => End::TimedOut,
        () = stop => End::Stopped,
    };
    if end != End::Exited {
        group.terminate();
        let _ = tokio::time::timeout(GRACE, exited).await;
    }
    // Kills processes that the command left in the background.
    let status = tokio::task::spawn_blocking(move || group.finish()).await;
    let status = status
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(SuperviseError::Wait)?;
    Ok((status, end))
}

fn result(status: ExitStatus) -> RunResult {
    match (status.code(), status.signal()) {
        (Some(0), _) => RunResult::Success,
        (Some(SKIPPED), _) => RunResult::NotBuilt,
        _ => RunResult::Failure,
    }
}

/// Returns the last lines of a log, without control characters, which might affect a terminal.
fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(printable_lines(&String::from_utf8_lossy(&bytes), TAIL_LINES).join("\n"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    async fn run_script(
        script: &str,
        time_limit: Duration,
        stop: impl Future<Output = ()>,
    ) -> (CommandOutcome, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let command = ShellCommand {
            script: script.to_owned(),
            directory: None,
            variables: vec![("SQERN_VERSION", "6.1.0-25-amd64".to_owned())],
            log: directory.path().join("logs/log"),
            time_limit,
        };
        (run(&command, stop).await.unwrap(), directory)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn exit_status_determines_the_result_and_the_log_tail_is_kept() {
        for (status, result) in [
            (0, RunResult::Success),
            (77, RunResult::NotBuilt),
            (2, RunResult::Failure),
        ] {
            let script = format!("seq 100; echo $SQERN_VERSION >&2; exit {status}");
            let (outcome, directory) = run_script(&script, LONG, std::future::pending()).await;
            assert_eq!(
                (outcome.result, outcome.exit_status),
                (Some(result), Some(status))
            );
            assert!(
                outcome.tail.ends_with("\n100\n6.1.0-25-amd64")
                    && outcome.tail.lines().count() == 20,
                "{}",
                outcome.tail
            );
            assert!(
                std::fs::read_to_string(directory.path().join("logs/log"))
                    .unwrap()
                    .starts_with("1\n2\n")
            );
        }
        let (outcome, _) = run_script("kill -9 $$", LONG, std::future::pending()).await;
        assert_eq!(
            (outcome.result, outcome.exit_status),
            (Some(RunResult::Failure), None)
        );
    }

    #[tokio::test]
    async fn a_timeout_terminates_the_whole_process_group() {
        let (outcome, _directory) = run_script(
            "sleep 600 & echo $!; wait",
            Duration::from_millis(300),
            std::future::pending(),
        )
        .await;
        assert_eq!(outcome.result, Some(RunResult::Aborted));
        assert!(
            outcome
                .tail
                .ends_with("[terminated by sqern: time limit of 300ms exceeded]"),
            "{}",
            outcome.tail
        );
        let process: i32 = outcome.tail.lines().next().unwrap().parse().unwrap();
        let gone = || {
            std::fs::read_to_string(format!("/proc/{process}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        assert!((0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            gone()
        }));
    }

    #[tokio::test]
    async fn an_interrupt_records_no_result() {
        let (outcome, _) = run_script(
            "sleep 600",
            LONG,
            tokio::time::sleep(Duration::from_millis(100)),
        )
        .await;
        assert_eq!(outcome.result, None);
    }
}
