//! `postmaster.pid`, the state of a running server (`src/include/utils/pidfile.h` of PostgreSQL).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::endpoint::{Endpoint, PORT};
use super::error::LocalError;
use super::files::write_private;
use super::layout::data_dir;
use super::os_user::OsUser;

/// A process ID that never exists: the maximum of Linux is 4,194,304.
const UNUSED_PID: i32 = i32::MAX;

/// The content of the file, which can be incomplete: a server adds lines while it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    lines: Vec<String>,
}

impl PidFile {
    /// Reads the file in the data directory; `None` if it does not exist or is empty.
    pub(super) fn read(data: &Path) -> Result<Option<Self>, LocalError> {
        let path = path(data);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalError::Io {
                action: "read",
                path,
                source,
            }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        // In single-user mode, the process ID is negative.
        let pid = lines.first()?.trim().trim_start_matches('-').parse().ok()?;
        Some(Self { pid, lines })
    }

    fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", |line| line.trim())
    }

    /// Returns whether the server accepts connections.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.line(8), "ready" | "standby")
    }

    /// Returns whether the server is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.line(8) == "stopping"
    }

    /// Returns the address of the server.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            port: self.line(4).parse().unwrap_or(PORT),
            socket_dir: PathBuf::from(self.line(5)),
        }
    }

    /// Returns whether the process exists and serves this directory. After a crash, another process
    /// can have the same ID.
    pub(super) fn is_alive(&self, data: &Path) -> bool {
        exists(self.pid) && arguments(self.pid).is_some_and(|arguments| serves(&arguments, data))
    }

    /// Replaces the process ID in the file of a dead server with an unused one.
    ///
    /// PostgreSQL only compares the process ID, and refuses to start if another process of the same
    /// user has the same one. The other lines are kept, so that PostgreSQL still detects children
    /// of the dead server that use its shared memory.
    pub(super) fn clear_pid(&self, data: &Path, owner: &OsUser) -> Result<(), LocalError> {
        let mut lines = self.lines.clone();
        lines[0] = UNUSED_PID.to_string();
        write_private(&path(data), &(lines.join("\n") + "\n"), owner)
    }
}

/// Returns the address of the private server in `dir` if it is running. Reads one file and opens no
/// connection.
#[must_use]
pub fn running_endpoint(dir: &Path) -> Option<Endpoint> {
    let data = data_dir(dir);
    let file = PidFile::read(&data).ok()??;
    (file.is_alive(&data) && file.is_ready()).then(|| file.endpoint())
}

fn path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

/// Returns whether a process of any user has this ID.
fn exists(pid: i32) -> bool {
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

/// Returns the command line of a process. In a container, root might not be able to read the
/// working directory instead.
fn arguments(pid: i32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns whether a server of this data directory has this command line. That of a zombie process
/// is empty.
fn serves(arguments: &str, data: &Path) -> bool {
    let mentions = |dir: &Path| arguments.contains(&*dir.to_string_lossy());
    let program = arguments.split(' ').next().unwrap_or_default();
    let is_server = program.ends_with("postgres")
        || program.ends_with("postmaster")
        || arguments.contains("/postgres ");
    is_server && (mentions(data) || data.canonicalize().is_ok_and(|dir| mentions(&dir)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_and_incomplete_files_are_parsed() {
        let text = "4242\n/d/data\n1700000000\n5432\n/d/run\n\n  1 2\nready   \n";
        let found = PidFile::parse(text).expect("whole");
        assert_eq!((found.pid, found.is_ready()), (4242, true));
        assert_eq!(
            found.endpoint().socket(),
            PathBuf::from("/d/run/.s.PGSQL.5432")
        );
        let early = PidFile::parse("4242\n/d/data\n").expect("early");
        assert!(!early.is_ready());
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_server() {
        let data = Path::new("/d/data");
        assert!(serves(
            "/usr/lib/postgresql/15/bin/postgres -D /d/data ",
            data
        ));
        assert!(!serves(
            "/usr/lib/postgresql/15/bin/postgres -D /other/data ",
            data
        ));
        assert!(!serves("vi /d/data/postgresql.conf ", data));
        assert!(!serves("", data));
        assert!(exists(i32::try_from(std::process::id()).expect("small")) && !exists(UNUSED_PID));
    }
}
