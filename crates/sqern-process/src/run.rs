//! A command in a process group of its own, with a time limit, of whose output the last part is kept.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

/// How often it is asked whether the command has ended.
const POLL: Duration = Duration::from_millis(20);
/// How long output is waited for that a process outside of the group could hold back.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    /// How it ended; nothing where its time was over, and it was killed.
    pub(super) status: Option<ExitStatus>,
    /// The last part of what it wrote, standard output and error together.
    pub(super) output: String,
}

/// Runs a command to its end, and ends what it left running in its group.
pub(super) fn run(mut command: Command, time_limit: Duration, keep_bytes: usize) -> io::Result<Ran> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.spawn()?;
    // It holds the pipe's other end, and reading would never end.
    drop(command);
    let kept = Arc::new(Mutex::new(VecDeque::new()));
    let (sender, ended) = mpsc::channel();
    let keeper = Arc::clone(&kept);
    thread::spawn(move || {
        keep(reader, &keeper, keep_bytes);
        let _ = sender.send(());
    });
    let group = Pid::from_child(&child);
    let in_time = wait(group, time_limit);
    // Before the child is reaped: as long as it is there, nobody else has the group's number.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    let _ = ended.recv_timeout(LAST_OUTPUT);
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let output = String::from_utf8_lossy(&kept.iter().copied().collect::<Vec<u8>>()).into_owned();
    Ok(Ran { status: in_time?.then_some(status), output })
}

/// Whether the process ends within its time. It is not reaped.
fn wait(process: Pid, time_limit: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    loop {
        match rustix::process::waitid(WaitId::Pid(process), options) {
            Ok(Some(_)) => return Ok(true),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if begun.elapsed() >= time_limit {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
}

/// Reads to the end, and keeps the last bytes.
fn keep(mut from: PipeReader, kept: &Mutex<VecDeque<u8>>, keep_bytes: usize) {
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..count]);
        let excess = kept.len().saturating_sub(keep_bytes);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, time_limit: Duration) -> Ran {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]);
        run(command, time_limit, 100).unwrap()
    }

    #[test]
    fn what_a_command_wrote_last_is_kept() {
        let ran = shell("yes a line of some length | head -n 1000; echo the end >&2; exit 3", Duration::from_secs(60));
        assert_eq!(ran.status.unwrap().code(), Some(3));
        assert!(ran.output.len() == 100 && ran.output.ends_with("\nthe end\n"), "{}", ran.output);
    }

    #[test]
    fn a_command_whose_time_is_over_is_killed_with_all_that_it_started() {
        let begun = Instant::now();
        let ran = shell("sleep 600 & echo $!; sleep 600", Duration::from_millis(300));
        assert!(ran.status.is_none() && begun.elapsed() < Duration::from_secs(30));
        assert!(is_gone(ran.output.trim()));
    }

    #[test]
    fn what_a_command_leaves_running_ends_with_it() {
        let ran = shell("sleep 600 & echo $!", Duration::from_secs(60));
        assert!(ran.status.unwrap().success());
        assert!(is_gone(ran.output.trim()));
    }

    /// Whether a process is gone, or only waits to be reaped by another.
    fn is_gone(process: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
        (0..100).any(|_| {
            thread::sleep(POLL);
            stat.as_ref().map_or(true, |stat| stat.contains(") Z ")) || !std::path::Path::new("/proc").join(process).exists()
        })
    }
}
