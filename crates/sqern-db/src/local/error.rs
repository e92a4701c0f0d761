//! Why the private server can't be had.

use std::io;
use std::path::PathBuf;

use super::binaries::MIN_VERSION;

/// Why the private server can't be had; [`hint`](LocalError::hint) says what to type next.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// No server binaries anywhere.
    #[error("expected PostgreSQL's server binaries (postgres, initdb, pg_ctl), found none in {}", list(looked))]
    NoBinaries {
        /// The folders that were looked into.
        looked: Vec<PathBuf>,
    },
    /// Binaries, but all too old.
    #[error("expected PostgreSQL {MIN_VERSION} or newer, found {}", found.join(", "))]
    TooOld {
        /// Versions and folders.
        found: Vec<String>,
    },
    /// The folder that the user named is not one of server binaries.
    #[error("expected postgres, initdb and pg_ctl in {}: {problem}", path.display())]
    BadOverride {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The directory holds something else.
    #[error("{} is not empty and was not made by sqern; nothing was changed", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory's path can't be given to `PostgreSQL`'s tools.
    #[error("expected a data directory's path in UTF-8 without quotes, $, ` and backslashes, got {}", dir.display())]
    BadPath {
        /// The directory.
        dir: PathBuf,
    },
    /// The user that root's server runs as can't get to the directory.
    #[error("the server runs as the user {user}, who may not enter {}", blocked.display())]
    NotTraversable {
        /// The first directory on the way that bars it.
        blocked: PathBuf,
        /// The user.
        user: String,
    },
    /// Root, and no unprivileged user to run the server as.
    #[error("PostgreSQL refuses to run as root, and there is no user postgres to run it as")]
    NoServerUser,
    /// The data was made by a version that is not installed.
    #[error("{} is of PostgreSQL {expected}, installed: {}; nothing was changed", dir.display(), found.join(", "))]
    OtherVersion {
        /// The data's directory.
        dir: PathBuf,
        /// The data's major version.
        expected: u32,
        /// What is installed: versions and folders.
        found: Vec<String>,
    },
    /// The data's version can't be told.
    #[error("{}: expected a version of PostgreSQL, got {got:?}; nothing was changed", path.display())]
    BrokenData {
        /// The file.
        path: PathBuf,
        /// What is in it.
        got: String,
    },
    /// Another server listens where this one's socket belongs.
    #[error("another server listens on {}{}", socket.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Busy {
        /// The socket.
        socket: PathBuf,
        /// The other server's process.
        pid: Option<i32>,
    },
    /// The socket's directory belongs to someone else.
    #[error("expected {} to be a directory of the user {user} that nobody else may enter; {got}", dir.display())]
    UnsafeSocketDir {
        /// The directory.
        dir: PathBuf,
        /// Who should own it.
        user: String,
        /// What it is.
        got: String,
    },
    /// One of PostgreSQL's tools failed.
    #[error("{tool} failed: {output}")]
    Tool {
        /// The tool.
        tool: &'static str,
        /// Its last words.
        output: String,
    },
    /// The server did not come up.
    #[error("the server did not start; the end of {}:\n{lines}", log.display())]
    Start {
        /// The server's log.
        log: PathBuf,
        /// What the server wrote since it was started, at most the last lines.
        lines: String,
    },
    /// The server is still busy.
    #[error("the server (process {pid}) is still {doing} after {waited_s} s")]
    Slow {
        /// The server's process.
        pid: i32,
        /// What it is at.
        doing: &'static str,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
    /// Another `sqern local` works on the same directory.
    #[error("another sqern local has held {} for {waited_s} s", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
    /// There is no private server in the directory.
    #[error("there is no private server in {}", dir.display())]
    Absent {
        /// The directory.
        dir: PathBuf,
    },
    /// The private server does not run.
    #[error("the private server in {} does not run", dir.display())]
    NotRunning {
        /// The directory.
        dir: PathBuf,
    },
    /// The service file belongs to hand-written lines that can't be kept.
    #[error("the service file {} is not text in UTF-8; it was left as it is", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl LocalError {
    /// What to do about it, as something to type where there is such a thing.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBinaries { .. } | Self::TooOld { .. } => INSTALL.into(),
            Self::BadOverride { .. } => "name the folder that holds them, as pg_config --bindir prints it".into(),
            Self::Foreign { .. } => "name another directory: sqern local up --data-dir DIR".into(),
            Self::BadPath { .. } => "name a directory with a plainer path: --data-dir DIR".into(),
            Self::NotTraversable { blocked, .. } => {
                format!("name a directory outside, or open this one: chmod o+x {}", blocked.display())
            }
            Self::NoServerUser => "make one: useradd --system --shell /usr/sbin/nologin postgres".into(),
            Self::OtherVersion { expected, .. } => {
                format!("install PostgreSQL {expected}, or move the data with pg_upgrade to a version you have")
            }
            Self::BrokenData { .. } => "restore the directory from a backup, or remove it: sqern local destroy".into(),
            Self::Busy { socket, .. } => format!("see who: lsof {}", socket.display()),
            Self::UnsafeSocketDir { dir, .. } => format!("remove it: rm -r {}", dir.display()),
            Self::Tool { output: text, .. } | Self::Start { lines: text, .. } => return space(text),
            Self::Slow { .. } => "wait and look again: sqern local status".into(),
            Self::Locked { path, .. } => format!("see who: fuser -v {}", path.display()),
            Self::Absent { dir } | Self::NotRunning { dir } => format!("start it: sqern local up --data-dir {}", dir.display()),
            Self::ServiceFile { .. } => "name another: PGSERVICEFILE=FILE".into(),
            Self::Io { source, path, .. } => return for_io(source, path),
        })
    }
}

const INSTALL: &str = "install it: apt install postgresql; dnf install postgresql-server; brew install postgresql@17; \
                       or name the folder: SQERN_PG_BIN=DIR";

/// What to do when the words of a tool speak of space.
fn space(text: &str) -> Option<String> {
    let full = ["No space left on device", "Check free disk space", "Disk quota exceeded"];
    if full.iter().any(|words| text.contains(words)) {
        return Some("make room: df -h shows which disk is full; then again: sqern local up".into());
    }
    let limit = "a limit on file sizes is set: ulimit -f unlimited, then again: sqern local up";
    text.contains("File too large").then(|| limit.into())
}

fn for_io(source: &io::Error, path: &std::path::Path) -> Option<String> {
    match source.kind() {
        io::ErrorKind::PermissionDenied => Some(format!("see who may: ls -ld {}; or be the owner: sudo", path.display())),
        _ => space(&source.to_string()),
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "no folder at all".into();
    }
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
