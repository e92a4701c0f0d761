//! `postmaster.pid`: what a running server says about itself (PostgreSQL's `src/include/utils/pidfile.h`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::error::LocalError;
use super::os_user::OsUser;
use super::{Endpoint, config};

/// More than any kernel gives out (Linux ends at 4,194,304), so a process with it never lives.
const NOBODY: i32 = i32::MAX;

/// The file, as far as it is written: a server adds lines while it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    lines: Vec<String>,
}

impl PidFile {
    /// Reads the file in the data directory; `None` where there is none, or nothing in it yet.
    pub(super) fn read(data: &Path) -> Result<Option<Self>, LocalError> {
        let path = path(data);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalError::Io { what: "read", path, source }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        // A server in single-user mode puts a minus before it.
        let pid = lines.first()?.trim().trim_start_matches('-').parse().ok()?;
        Some(Self { pid, lines })
    }

    fn line(&self, number: usize) -> &str {
        self.lines.get(number - 1).map_or("", |line| line.trim())
    }

    /// Whether connections are let in.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.line(8), "ready" | "standby")
    }

    /// Whether the server is on its way down.
    pub(super) fn is_stopping(&self) -> bool {
        self.line(8) == "stopping"
    }

    /// Where the server listens.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { port: self.line(4).parse().unwrap_or(super::PORT), socket_dir: PathBuf::from(self.line(5)) }
    }

    /// Whether the process lives and is this directory's server; after a crash its number may be another process's.
    pub(super) fn is_alive(&self, data: &Path) -> bool {
        lives(self.pid) && arguments(self.pid).is_some_and(|arguments| serves(&arguments, data))
    }

    /// Makes PostgreSQL see that the process is gone.
    ///
    /// PostgreSQL goes by the number alone, and refuses to start where another process of the same user has it now. The file
    /// is kept, with a number that nobody has: its other lines let PostgreSQL find children of the dead server that still
    /// use its memory, and then it refuses rightly.
    pub(super) fn disown(&self, data: &Path, owner: &OsUser) -> Result<(), LocalError> {
        let mut lines = self.lines.clone();
        lines[0] = NOBODY.to_string();
        config::write(&path(data), &(lines.join("\n") + "\n"), owner)
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

/// Whether there is a process with this number, anybody's.
pub(super) fn lives(pid: i32) -> bool {
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

/// The process's command line. Not its working directory: root in a container may not see that of another user's.
fn arguments(pid: i32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the command line is of a server of this data directory. A dead process that nobody waited for has an empty one.
fn serves(arguments: &str, data: &Path) -> bool {
    let named = |dir: &Path| arguments.contains(&*dir.to_string_lossy());
    let program = arguments.split(' ').next().unwrap_or_default();
    let server = program.ends_with("postgres") || program.ends_with("postmaster") || arguments.contains("/postgres ");
    server && (named(data) || data.canonicalize().is_ok_and(|dir| named(&dir)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_read_as_postgresql_writes_them() {
        let text = "4242\n/d/data\n1700000000\n5432\n/d/run\n\n  1 2\nready   \n";
        let found = PidFile::parse(text).expect("whole");
        assert_eq!((found.pid, found.is_ready()), (4242, true));
        assert_eq!(found.endpoint().socket(), PathBuf::from("/d/run/.s.PGSQL.5432"));
        let early = PidFile::parse("4242\n/d/data\n").expect("early");
        assert!(!early.is_ready());
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn another_process_with_the_same_number_is_not_the_server() {
        let data = Path::new("/d/data");
        assert!(serves("/usr/lib/postgresql/15/bin/postgres -D /d/data ", data));
        assert!(!serves("/usr/lib/postgresql/15/bin/postgres -D /other/data ", data));
        assert!(!serves("vi /d/data/postgresql.conf ", data));
        assert!(!serves("", data));
        assert!(lives(i32::try_from(std::process::id()).expect("small")) && !lives(NOBODY));
    }
}
