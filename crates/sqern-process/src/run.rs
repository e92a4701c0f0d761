//! A command with a time limit, run by a blocking call.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::{OutputTail, ProcessGroup};

/// The result of [`run`].
#[derive(Debug)]
pub struct Finished {
    /// The exit status; `None` if the time limit was exceeded and the command was killed.
    pub status: Option<ExitStatus>,
    /// The last part of standard output and standard error.
    pub output: String,
}

/// Runs a command until it exits or exceeds its time limit, then kills the remaining processes of
/// its group. Standard input is empty.
///
/// The result contains at most `max_bytes` bytes of output.
///
/// # Errors
///
/// Returns an error if the command cannot be started or its exit status is not available.
pub fn run(mut command: Command, time_limit: Duration, max_bytes: usize) -> io::Result<Finished> {
    let (writer, tail) = OutputTail::pipe(max_bytes)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let (sender, exited) = mpsc::channel();
    let group = ProcessGroup::spawn(command, move || {
        let _ = sender.send(());
    })?;
    let in_time = exited.recv_timeout(time_limit).is_ok();
    let status = group.finish()?;
    Ok(Finished {
        status: in_time.then_some(status),
        output: tail.into_text(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::test_support::{is_gone, shell};

    fn run_shell(text: &str, time_limit: Duration) -> io::Result<Finished> {
        run(shell(text), time_limit, 100)
    }

    #[test]
    fn last_output_is_kept() -> io::Result<()> {
        let finished = run_shell(
            "yes a line of some length | head -n 1000; echo the end >&2; exit 3",
            Duration::from_secs(60),
        )?;
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
        assert!(
            finished.output.len() == 100 && finished.output.ends_with("\nthe end\n"),
            "{}",
            finished.output
        );
        Ok(())
    }

    #[test]
    fn time_limit_kills_the_whole_group() -> io::Result<()> {
        let start = Instant::now();
        let finished = run_shell("sleep 600 & echo $!; sleep 600", Duration::from_millis(300))?;
        assert!(finished.status.is_none() && start.elapsed() < Duration::from_secs(30));
        assert!(is_gone(finished.output.trim()));
        Ok(())
    }

    #[test]
    fn background_processes_are_killed_after_the_exit() -> io::Result<()> {
        let finished = run_shell("sleep 600 & echo $!", Duration::from_secs(60))?;
        assert!(finished.status.is_some_and(|status| status.success()));
        assert!(is_gone(finished.output.trim()));
        Ok(())
    }

    #[test]
    fn commands_that_do_not_exist_are_errors() {
        let error = run(
            Command::new("/nonexistent/command"),
            Duration::from_secs(1),
            100,
        )
        .map(drop);
        assert!(error.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }
}
