//! Shutdown of a server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::claim::Claim;
use super::error::LocalError;
use super::pid_file::PidFile;
use super::server::{LocalServer, millis_since};

/// The time limit of a fast shutdown, at the end of which the server writes a checkpoint.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// The result of stopping a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Down {
    /// The directory of the server.
    pub dir: PathBuf,
    /// Whether a server was stopped; otherwise none was running.
    pub stopped: bool,
    /// The duration, in milliseconds.
    pub elapsed_ms: u64,
}

impl LocalServer {
    /// Stops the server with a fast shutdown, which ends open sessions, and waits until it has
    /// ended.
    ///
    /// If no server is running, nothing is changed.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::Foreign`] for a directory of another program, and [`LocalError::Slow`]
    /// after 60 seconds.
    pub fn down(&self) -> Result<Down, LocalError> {
        let start = Instant::now();
        let stopped = match Claim::existing(&self.layout, &self.interrupt)? {
            Some(_claim) => self.stop()?,
            None => false,
        };
        Ok(Down {
            dir: self.layout.dir.clone(),
            stopped,
            elapsed_ms: millis_since(start),
        })
    }

    /// Stops the server and returns whether it was running. The caller holds the lock.
    pub(super) fn stop(&self) -> Result<bool, LocalError> {
        let data = self.layout.data();
        let Some(running) = PidFile::read(&data)?.filter(|file| file.is_alive(&data)) else {
            return Ok(false);
        };
        signal(&running)?;
        let start = Instant::now();
        // The server removes its file last. Its process can remain as a zombie if its parent does
        // not wait for it.
        while PidFile::read(&data)?
            .is_some_and(|file| file.pid == running.pid && file.is_alive(&data))
        {
            if start.elapsed() > STOP_LIMIT {
                return Err(LocalError::Slow {
                    pid: running.pid,
                    activity: "stopping",
                    waited_s: STOP_LIMIT.as_secs(),
                });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(true)
    }
}

/// Requests a fast shutdown by SIGINT, which also works after the binaries were removed.
fn signal(running: &PidFile) -> Result<(), LocalError> {
    match kill(Pid::from_raw(running.pid), Signal::SIGINT) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => {
            let path = PathBuf::from(format!("process {}", running.pid));
            Err(LocalError::Io {
                action: "stop",
                path,
                source: errno.into(),
            })
        }
    }
}
