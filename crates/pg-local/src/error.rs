//! Errors of operations on a private server.

use std::io;
use std::path::{Path, PathBuf};

use super::program::Program;
use super::version::MIN_VERSION;

/// The error of an operation on the private server.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// No server binaries were found.
    #[error(
        "could not find the PostgreSQL server binaries (postgres, initdb, pg_ctl) in {}",
        list(searched)
    )]
    NoBinaries {
        /// The searched directories.
        searched: Vec<PathBuf>,
    },
    /// All server binaries are too old.
    #[error("PostgreSQL {MIN_VERSION} or later is required, found {}", found.join(", "))]
    TooOld {
        /// The versions and directories.
        found: Vec<String>,
    },
    /// The directory that the user specified does not contain the server binaries.
    #[error("{} does not contain usable PostgreSQL server binaries: {problem}", path.display())]
    BadOverride {
        /// The directory.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The directory contains other files.
    #[error("{} is not empty and was not created by {program}; nothing was changed", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// The name of the program.
        program: &'static str,
    },
    /// The tools of `PostgreSQL` do not accept the path of the directory.
    #[error("data directory path must be valid UTF-8 without quotes, $, ` and backslashes: {}", dir.display())]
    BadPath {
        /// The directory.
        dir: PathBuf,
    },
    /// The user of the server cannot access the directory.
    #[error("the server runs as user {user}, who has no search permission for {}", blocked.display())]
    NotTraversable {
        /// The first directory of the path without the permission.
        blocked: PathBuf,
        /// The user.
        user: String,
    },
    /// The user is root, and there is no unprivileged user for the server.
    #[error("PostgreSQL cannot run as root, and the user postgres does not exist")]
    NoServerUser,
    /// The data directory was created by a version that is not installed.
    #[error("{} was created by PostgreSQL {expected}, but the installed versions are: {}; nothing was changed", dir.display(), found.join(", "))]
    OtherVersion {
        /// The data directory.
        dir: PathBuf,
        /// The major version of the data.
        expected: u32,
        /// The installed versions and their directories.
        found: Vec<String>,
    },
    /// The version of the data directory is invalid.
    #[error("{} contains no PostgreSQL version, but {found:?}; nothing was changed", path.display())]
    BrokenData {
        /// The file.
        path: PathBuf,
        /// Its content.
        found: String,
    },
    /// Another server listens on the socket.
    #[error("another server listens on {}{}", socket.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Busy {
        /// The socket.
        socket: PathBuf,
        /// The process of the other server.
        pid: Option<i32>,
    },
    /// The socket directory has another owner or mode.
    #[error("socket directory {} must be owned by user {user} and not be accessible to others; {found}", dir.display())]
    UnsafeSocketDir {
        /// The directory.
        dir: PathBuf,
        /// The required owner.
        user: String,
        /// The actual owner and mode.
        found: String,
    },
    /// A tool of PostgreSQL failed.
    #[error("{tool} failed: {output}")]
    Tool {
        /// The tool.
        tool: &'static str,
        /// The end of its output.
        output: String,
    },
    /// The server did not start.
    #[error("the server did not start; last lines of {}:\n  {lines}", log.display())]
    Start {
        /// The server's log.
        log: PathBuf,
        /// The last lines since the start.
        lines: String,
    },
    /// The server is still starting or stopping.
    #[error("the server (process {pid}) is still {activity} after {waited_s} s")]
    Slow {
        /// The server's process.
        pid: i32,
        /// "starting" or "stopping".
        activity: &'static str,
        /// The waiting time, in seconds.
        waited_s: u64,
    },
    /// Another process holds the lock of the directory.
    #[error("could not lock {}: another process has held the lock for {waited_s} s", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The waiting time, in seconds.
        waited_s: u64,
    },
    /// The creation or start was interrupted. An incomplete data directory has been removed, but a
    /// started server can be running.
    #[error("interrupted")]
    Interrupted,
    /// The tools of PostgreSQL cannot be run as the user of the server.
    #[error("cannot run programs as user {user}: {source}")]
    SwitchUser {
        /// The user.
        user: String,
        /// The system error.
        source: io::Error,
    },
    /// There is no private server in the directory.
    #[error("there is no private server in {}", dir.display())]
    Absent {
        /// The directory.
        dir: PathBuf,
    },
    /// The private server is not running.
    #[error("the private server in {} is not running", dir.display())]
    NotRunning {
        /// The directory.
        dir: PathBuf,
    },
    /// A client program cannot be executed.
    #[error("could not run {}: {source}", program.display())]
    NoClient {
        /// The program.
        program: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The service file is not valid UTF-8.
    #[error("service file {} is not valid UTF-8; it was not changed", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
    },
    /// Another user could exchange the service file that root would edit.
    #[error("cannot edit service file {} as root: {problem}", path.display())]
    UnsafeServiceFile {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A system call failed.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
}

impl LocalError {
    /// Returns a hint, if there is one: a command or a sentence. `program` contains the commands
    /// that it quotes.
    #[must_use]
    pub fn hint(&self, program: &Program) -> Option<String> {
        let Program {
            up_command,
            status_command,
            destroy_command,
            directory_option,
            binaries_variable,
            ..
        } = program;
        Some(match self {
            Self::NoBinaries { .. } | Self::TooOld { .. } => {
                format!("{INSTALL}, or set {binaries_variable}=DIR.")
            }
            Self::BadOverride { .. } => {
                "Specify the directory that pg_config --bindir prints.".into()
            }
            Self::Foreign { .. } => {
                format!("Use another directory: {up_command} {directory_option} DIR")
            }
            Self::BadPath { .. } => {
                format!("Specify another directory with {directory_option} DIR.")
            }
            Self::NotTraversable { blocked, .. } => {
                format!(
                    "Specify another directory with {directory_option} DIR, or run chmod o+x {}.",
                    blocked.display()
                )
            }
            Self::NoServerUser => {
                "Create the user: useradd --system --shell /usr/sbin/nologin postgres".into()
            }
            Self::OtherVersion { expected, .. } => {
                format!("Install PostgreSQL {expected}, or upgrade the data with pg_upgrade.")
            }
            Self::BrokenData { .. } => {
                format!("Restore the directory from a backup, or remove it: {destroy_command}")
            }
            Self::Busy { socket, .. } => {
                format!("List the processes with lsof {}.", socket.display())
            }
            Self::UnsafeSocketDir { dir, .. } => {
                format!("Remove the directory: rm -r {}", dir.display())
            }
            Self::Tool { output: text, .. } | Self::Start { lines: text, .. } => {
                return space(text, up_command);
            }
            Self::Interrupted => {
                format!("{status_command}  # prints whether the server is running")
            }
            Self::SwitchUser { .. } => {
                format!(
                    "Run {} as an ordinary user, or as root with CAP_SETUID and CAP_SETGID.",
                    program.name
                )
            }
            Self::Slow { .. } => format!("Wait, then check the state: {status_command}"),
            Self::Locked { path, .. } => {
                format!("List the processes with fuser -v {}.", path.display())
            }
            Self::Absent { dir } | Self::NotRunning { dir } => {
                format!(
                    "Start the server: {up_command} {directory_option} {}",
                    dir.display()
                )
            }
            Self::NoClient { .. } => "Install the client: apt install postgresql-client, dnf install postgresql, or brew install libpq".into(),
            Self::ServiceFile { .. } => "Specify another file with PGSERVICEFILE=FILE.".into(),
            Self::UnsafeServiceFile { .. } => {
                "Use the home directory of root (sudo -H), or specify a file of root with PGSERVICEFILE=FILE.".into()
            }
            Self::Io { source, path, .. } => return for_io(source, path, up_command),
        })
    }
}

const INSTALL: &str = "Install PostgreSQL (apt install postgresql, dnf install postgresql-server, or brew install postgresql@17)";

/// Returns the hint for an output that reports a full disk or a size limit.
fn space(text: &str, up_command: &str) -> Option<String> {
    let full = [
        "No space left on device",
        "Check free disk space",
        "Disk quota exceeded",
    ];
    if full.iter().any(|message| text.contains(message)) {
        return Some(format!(
            "Free disk space (df -h shows the full disk), then try again: {up_command}"
        ));
    }
    let limit = || {
        format!(
            "Remove the limit on file sizes with ulimit -f unlimited, then try again: {up_command}"
        )
    };
    text.contains("File too large").then(limit)
}

fn for_io(source: &io::Error, path: &Path, up_command: &str) -> Option<String> {
    match source.kind() {
        io::ErrorKind::PermissionDenied => Some(format!(
            "Check the permissions with ls -ld {}, or use sudo.",
            path.display()
        )),
        _ => space(&source.to_string(), up_command),
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "any directory".into();
    }
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
