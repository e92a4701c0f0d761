//! A running process group.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A command that runs in a separate process group. Dropping it kills the group.
#[derive(Debug)]
pub struct ProcessGroup {
    /// The leader, which is not reaped yet; `None` after [`ProcessGroup::finish`].
    leader: Option<Leader>,
}

#[derive(Debug)]
struct Leader {
    child: Child,
    group: Pid,
    /// The thread that waits for the exit of the leader without reaping it.
    waiter: JoinHandle<()>,
}

impl ProcessGroup {
    /// Starts a command as the leader of a new process group. Calls `on_exit` on another thread
    /// when the leader exits.
    ///
    /// # Errors
    ///
    /// Returns an error if the command or the thread cannot be started.
    pub fn spawn(
        mut command: Command,
        on_exit: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        // A parent death signal is sent when the thread ends that started the process
        // (PR_SET_PDEATHSIG in prctl(2)), so the thread that waits also starts it.
        let (sender, started) = mpsc::channel();
        let waiter = thread::Builder::new()
            .name("process-exit".to_owned())
            .spawn(move || {
                let child = command.process_group(0).spawn();
                // The command contains open ends of pipes, which would keep readers from reaching
                // the end.
                drop(command);
                let group = child.as_ref().ok().map(Pid::from_child);
                let _ = sender.send(child);
                if let Some(group) = group {
                    wait_without_reaping(group);
                    on_exit();
                }
            })?;
        let child = started
            .recv()
            .unwrap_or_else(|error| Err(io::Error::other(error)))?;
        let group = Pid::from_child(&child);
        Ok(Self {
            leader: Some(Leader {
                child,
                group,
                waiter,
            }),
        })
    }

    /// Requests all processes of the group to terminate (SIGTERM).
    pub fn terminate(&self) {
        if let Some(leader) = &self.leader {
            let _ = kill_process_group(leader.group, Signal::TERM);
        }
    }

    /// Kills all processes of the group, and returns the exit status of the leader. Blocks until
    /// the leader has exited.
    ///
    /// If the leader has already exited, its exit status is not affected.
    ///
    /// # Errors
    ///
    /// Returns an error if the exit status is not available.
    pub fn finish(mut self) -> io::Result<ExitStatus> {
        match self.leader.take() {
            Some(leader) => leader.kill_and_reap(),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Leader {
    fn kill_and_reap(mut self) -> io::Result<ExitStatus> {
        let _ = kill_process_group(self.group, Signal::KILL);
        // The waiter uses the process id, so it must end before the leader is reaped.
        let _ = self.waiter.join();
        self.child.wait()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.leader.take() {
            let _ = kill_process_group(leader.group, Signal::KILL);
            // A process in an uninterruptible system call exits later. The caller might be an
            // asynchronous task that must not wait.
            thread::spawn(move || leader.kill_and_reap());
        }
    }
}

fn wait_without_reaping(process: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(process), options), Err(Errno::INTR)) {}
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::*;
    use crate::test_support::{is_gone, shell};

    #[test]
    fn dropping_kills_the_whole_group() -> io::Result<()> {
        let (mut reader, writer) = io::pipe()?;
        let mut command = shell("sleep 600 & echo $!; exec >&-; wait");
        command.stdout(writer);
        let group = ProcessGroup::spawn(command, || ())?;
        let mut output = [0; 32];
        let count = reader.read(&mut output)?;
        drop(group);
        assert!(is_gone(String::from_utf8_lossy(&output[..count]).trim()));
        Ok(())
    }

    #[test]
    fn command_does_not_depend_on_the_thread_that_spawned_it() -> io::Result<()> {
        let (sender, exited) = mpsc::channel();
        let group = thread::spawn(|| {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "sh", "-c", "sleep 0.5; exit 3"]);
            ProcessGroup::spawn(command, move || {
                let _ = sender.send(());
            })
        });
        let group = group.join().map_err(|_| io::Error::other("panic"))??;
        exited
            .recv_timeout(Duration::from_secs(60))
            .map_err(io::Error::other)?;
        assert_eq!(group.finish()?.code(), Some(3));
        Ok(())
    }

    #[test]
    fn exit_of_the_leader_is_reported() -> io::Result<()> {
        let (sender, exited) = mpsc::channel();
        let group = ProcessGroup::spawn(shell("exit 3"), move || {
            let _ = sender.send(());
        })?;
        exited
            .recv_timeout(Duration::from_secs(60))
            .map_err(io::Error::other)?;
        assert_eq!(group.finish()?.code(), Some(3));
        Ok(())
    }
}
