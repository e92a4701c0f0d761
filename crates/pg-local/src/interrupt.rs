//! Interruption of an operation: the running tool is terminated with its process group, and no
//! other starts.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The time between SIGTERM and SIGKILL. initdb and a server in bootstrap mode exit within a
/// fraction of it.
const GRACE: Duration = Duration::from_secs(5);

/// A handle that stops an operation of another thread on the same server.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    /// The process group of the running tool.
    group: Option<Pid>,
}

impl Interrupt {
    /// Terminates the running tool and prevents further ones. Blocks until the tool has exited. The
    /// operation returns [`LocalError::Interrupted`](crate::LocalError::Interrupted).
    pub fn set(&self) {
        let start = Instant::now();
        self.state().is_set = true;
        self.signal(Signal::SIGTERM);
        while self.state().group.is_some() {
            if start.elapsed() > GRACE {
                self.signal(Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns whether the operation must stop.
    pub(super) fn is_set(&self) -> bool {
        self.state().is_set
    }

    /// Runs a tool in its own process group, which a Ctrl-C of the terminal does not reach, and
    /// returns its output.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::Interrupted`] if the operation must stop.
    pub(super) fn output(&self, command: &mut Command) -> io::Result<Output> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = self.spawn(command)?;
        self.wait(child)
    }

    /// Starts a tool in its own process group.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut state = self.state();
        if state.is_set {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.process_group(0).spawn()?;
        state.group = i32::try_from(child.id()).ok().map(Pid::from_raw);
        Ok(child)
    }

    /// Waits for a tool, and kills the rest of its process group if the operation must stop.
    pub(super) fn wait(&self, child: Child) -> io::Result<Output> {
        let output = child.wait_with_output();
        let is_set = self.is_set();
        if is_set {
            self.signal(Signal::SIGKILL);
        }
        self.state().group = None;
        if is_set {
            Err(io::ErrorKind::Interrupted.into())
        } else {
            output
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.state().group {
            // The process group might have ended.
            let _ = killpg(group, signal);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_interrupt_ends_the_running_tool_and_prevents_others() {
        let interrupt = Interrupt::default();
        let other = interrupt.clone();
        let running = std::thread::spawn(move || {
            other.output(Command::new("/bin/sh").args(["-c", "sleep 600 & wait"]))
        });
        while interrupt.state().group.is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let start = Instant::now();
        interrupt.set();
        let ended = running
            .join()
            .expect("the thread ends")
            .expect_err("interrupted");
        assert_eq!(ended.kind(), io::ErrorKind::Interrupted);
        assert!(
            start.elapsed() < GRACE,
            "the shell and its child exit by SIGTERM"
        );
        assert!(interrupt.output(&mut Command::new("true")).is_err());
    }
}
