//! Stopping the server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::claim::Claim;
use super::error::LocalError;
use super::pid_file::PidFile;
use super::server::LocalServer;

/// How long a fast shutdown may take: it ends with writing out what is in memory.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// What `down` did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Down {
    /// The directory.
    pub dir: PathBuf,
    /// Whether a server was stopped; otherwise none ran.
    pub stopped: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

impl LocalServer {
    /// Stops the server and waits until it is gone; open sessions are ended (PostgreSQL's *fast* shutdown).
    ///
    /// A server that does not run, or that was never made, is no error. Errors: [`LocalError::Foreign`],
    /// [`LocalError::Slow`].
    pub fn down(&self) -> Result<Down, LocalError> {
        let begun = Instant::now();
        let stopped = match Claim::existing(&self.layout, &self.interrupt)? {
            Some(_claim) => self.stop()?,
            None => false,
        };
        Ok(Down { dir: self.layout.dir.clone(), stopped, elapsed_ms: super::server::millis(begun) })
    }

    /// Stops the server under a lock that the caller holds; tells whether one ran.
    pub(super) fn stop(&self) -> Result<bool, LocalError> {
        let data = self.layout.data();
        let Some(running) = PidFile::read(&data)?.filter(|found| found.is_alive(&data)) else { return Ok(false) };
        signal(&running)?;
        let begun = Instant::now();
        // The server removes its file last. Its process may stay on as a zombie where nobody waits for it.
        while PidFile::read(&data)?.is_some_and(|found| found.pid == running.pid && found.is_alive(&data)) {
            if begun.elapsed() > STOP_LIMIT {
                return Err(LocalError::Slow { pid: running.pid, doing: "stopping", waited_s: STOP_LIMIT.as_secs() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(true)
    }
}

/// SIGINT is PostgreSQL's fast shutdown; it needs no binaries, which may have been removed since.
fn signal(running: &PidFile) -> Result<(), LocalError> {
    match kill(Pid::from_raw(running.pid), Signal::SIGINT) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => {
            let path = PathBuf::from(format!("process {}", running.pid));
            Err(LocalError::Io { what: "stop", path, source: errno.into() })
        }
    }
}
