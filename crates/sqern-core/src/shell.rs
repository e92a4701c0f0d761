//! Shell commands for one kernel, in a separate process group, with a log and a time limit.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use sqern_model::RunResult;
use sqern_process::{ProcessGroup, printable_lines};
use sqern_sandbox::{Output, Policy, Program, Running, Sandbox};
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
#[derive(Debug)]
pub struct ShellCommand {
    /// The argument of `/bin/sh -c`.
    pub script: String,
    /// The working directory; `None` for that of this process.
    pub directory: Option<PathBuf>,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The environment, and the access of the command in a sandbox.
    pub policy: Policy,
    /// The file for standard output and standard error, which can also be read.
    pub log: File,
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
/// Returns an error if the sandbox cannot be created, the shell cannot be started or the log cannot
/// be read.
pub async fn run(
    command: ShellCommand,
    stop: impl Future<Output = ()>,
) -> Result<CommandOutcome, Error> {
    let ShellCommand {
        script,
        directory,
        sandbox,
        policy,
        log,
        time_limit,
    } = command;
    let log_error = |error| Error::io("could not access the log of the command")(error);
    let shell = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        directory,
    };
    let output = Output {
        stdout: log.try_clone().map_err(log_error)?.into(),
        stderr: log.try_clone().map_err(log_error)?.into(),
    };
    let started_at = Instant::now();
    let start = |on_exit: OnExit| sandbox.start(&policy, &shell, output, on_exit);
    let (status, end) = supervise(start, time_limit, stop).await?;
    let mut tail = tail(&log).map_err(log_error)?;
    if end == End::TimedOut {
        tail.push_str(&format!(
            "\n[terminated by sqern: time limit of {time_limit:?} exceeded]"
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

/// A callback that is called when a process exits.
type OnExit = Box<dyn FnOnce() + Send>;

/// A running command. Dropping it kills its processes.
pub trait RunningCommand: Send + 'static {
    /// The error of the command.
    type Error: Send;

    /// Requests the processes to terminate.
    fn terminate(&self);

    /// Kills the processes, and returns the exit status of the command.
    ///
    /// # Errors
    ///
    /// Returns an error if the exit status is not available.
    fn finish(self) -> Result<ExitStatus, Self::Error>;

    /// Returns the error of a thread that could not wait for the command.
    fn panicked(error: io::Error) -> Self::Error;
}

impl RunningCommand for ProcessGroup {
    type Error = io::Error;

    fn terminate(&self) {
        Self::terminate(self);
    }

    fn finish(self) -> io::Result<ExitStatus> {
        Self::finish(self)
    }

    fn panicked(error: io::Error) -> io::Error {
        error
    }
}

impl RunningCommand for Running {
    type Error = sqern_sandbox::Error;

    fn terminate(&self) {
        Self::terminate(self);
    }

    fn finish(self) -> Result<ExitStatus, sqern_sandbox::Error> {
        Ok(Self::finish(self)?.status)
    }

    fn panicked(error: io::Error) -> sqern_sandbox::Error {
        sqern_sandbox::Error::Wait(error)
    }
}

/// Runs a command in a process group, as [`supervise`] does.
///
/// # Errors
///
/// Returns an error if the command cannot be started, or its exit status is not available.
pub async fn supervise_group(
    command: Command,
    time_limit: Duration,
    stop: impl Future<Output = ()>,
) -> io::Result<(ExitStatus, End)> {
    supervise(
        |on_exit: OnExit| ProcessGroup::spawn(command, on_exit),
        time_limit,
        stop,
    )
    .await
}

/// Runs a command until it exits, `stop` completes, or its time limit is exceeded. Then terminates
/// its processes, and kills them after 5 seconds. Dropping the future kills the processes. `start`
/// starts the command with a callback for its exit.
///
/// # Errors
///
/// Returns an error if the command cannot be started, or its exit status is not available.
pub async fn supervise<C: RunningCommand>(
    start: impl FnOnce(OnExit) -> Result<C, C::Error>,
    time_limit: Duration,
    stop: impl Future<Output = ()>,
) -> Result<(ExitStatus, End), C::Error> {
    let (sender, mut exited) = oneshot::channel();
    let command = start(Box::new(move || {
        let _ = sender.send(());
    }))?;
    let end = tokio::select! {
        _ = &mut exited => End::Exited,
        () = tokio::time::sleep(time_limit) => End::TimedOut,
        () = stop => End::Stopped,
    };
    if end != End::Exited {
        command.terminate();
        let _ = tokio::time::timeout(GRACE, exited).await;
    }
    // Kills processes that the command left in the background.
    let status = tokio::task::spawn_blocking(move || command.finish()).await;
    let status = status.unwrap_or_else(|error| Err(C::panicked(io::Error::other(error))))?;
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
fn tail(log: &File) -> io::Result<String> {
    let mut position = log.metadata()?.len().saturating_sub(TAIL_BYTES);
    let mut bytes = vec![0; usize::try_from(TAIL_BYTES).unwrap_or(usize::MAX)];
    let mut length = 0;
    // The command shares the position of the file, so it is not changed.
    while let count @ 1.. = log.read_at(&mut bytes[length..], position)? {
        length += count;
        position += count as u64;
    }
    Ok(printable_lines(&String::from_utf8_lossy(&bytes[..length]), TAIL_LINES).join("\n"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use sqern_sandbox::{Limits, Scratch};

    use super::*;

    async fn run_script(
        script: &str,
        time_limit: Duration,
        stop: impl Future<Output = ()>,
    ) -> (CommandOutcome, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let environment = [
            ("PATH", "/usr/bin:/bin"),
            ("SQERN_VERSION", "6.1.0-25-amd64"),
        ];
        let policy = Policy {
            read_only: vec![],
            writable: vec![],
            scratch: Scratch::new(directory.path(), 0),
            network: true,
            environment: environment
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            limits: Limits::default(),
        };
        let log = File::options()
            .create_new(true)
            .read(true)
            .append(true)
            .open(directory.path().join("log"))
            .unwrap();
        let command = ShellCommand {
            script: script.to_owned(),
            directory: None,
            sandbox: Sandbox::off(),
            policy,
            log,
            time_limit,
        };
        (run(command, stop).await.unwrap(), directory)
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
                std::fs::read_to_string(directory.path().join("log"))
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
