//! Errors of connecting to a database.

use std::io;
use std::path::PathBuf;

use super::hint;

/// A service file and the services that it defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFileSeen {
    /// The file.
    pub path: PathBuf,
    /// Its sections.
    pub services: Vec<String>,
}

/// The kind of failure of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No server listens on the address.
    NoServer,
    /// The host name has no address.
    UnknownHost,
    /// The connection exceeded `connect_timeout`.
    Timeout,
    /// TLS negotiation failed, or the certificate is not trusted.
    Tls,
    /// The server requires a password, and there is none.
    NoPassword,
    /// The server rejected the user (SQLSTATE class 28). As in libpq, no other host is tried.
    Rejected,
    /// The database does not exist (SQLSTATE 3D000).
    NoDatabase,
    /// The server does not satisfy `target_session_attrs`.
    WrongKind,
    /// Any other failure.
    Other,
}

/// The failure of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFailure {
    /// The host and port.
    pub host: String,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The message of the server or of the system.
    pub reason: String,
}

/// The error of a connection attempt. Messages never contain a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Both `--service` and `--dsn` were specified.
    #[error("a service and a connection string cannot be used together")]
    BothGiven,
    /// The connection string is invalid.
    #[error("invalid connection string at character {at}: expected {expected}")]
    Conninfo {
        /// The position, from 1.
        at: usize,
        /// The expected syntax.
        expected: &'static str,
        /// The hint.
        hint: &'static str,
    },
    /// The URI is invalid.
    #[error("invalid {part} in connection URI: expected {expected}")]
    Uri {
        /// The part of the URI.
        part: &'static str,
        /// The expected syntax.
        expected: &'static str,
        /// The hint.
        hint: &'static str,
    },
    /// The parameter does not exist in libpq.
    #[error("invalid connection parameter {key:?} in {place}")]
    UnknownKey {
        /// The name.
        key: String,
        /// The source of the parameter.
        place: String,
        /// Similar parameters.
        near: Vec<&'static str>,
    },
    /// The parameter exists in libpq, but sqern does not support it.
    #[error("connection parameter {key} in {place} is not supported")]
    RefusedKey {
        /// The parameter.
        key: &'static str,
        /// The source of the parameter.
        place: String,
        /// The hint.
        instead: &'static str,
    },
    /// The value of a parameter is invalid.
    #[error("invalid value for connection parameter {key}: expected {expected}, found {got}")]
    BadValue {
        /// The parameter.
        key: &'static str,
        /// The valid values.
        expected: String,
        /// The value.
        got: String,
    },
    /// A service file could not be read.
    #[error("could not read service file {}: {source}", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// A line of a service file is invalid.
    #[error("{}, line {line}: expected {expected}", path.display())]
    ServiceLine {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// The expected syntax.
        expected: &'static str,
    },
    /// No service file defines the service.
    #[error("service {name:?} is not defined: {}", hint::files_seen(files, looked))]
    ServiceNotFound {
        /// The service.
        name: String,
        /// The existing files.
        files: Vec<ServiceFileSeen>,
        /// The searched paths.
        looked: Vec<PathBuf>,
    },
    /// No user was specified, and the user of the process has no name.
    #[error("no user for the connection is specified, and the current operating system user has no name")]
    NoUser,
    /// No server was specified, and the private local server is not running.
    #[error("no database server is specified, and the private local server is not running")]
    NothingNamed {
        /// The directory of the local server.
        local_dir: Option<PathBuf>,
    },
    /// A certificate or key file cannot be used.
    #[error("{}: {problem}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
        /// The hint.
        hint: String,
    },
    /// TLS could not be initialized.
    #[error("could not initialize TLS: {0}")]
    Tls(String),
    /// The connection to all hosts failed.
    #[error("could not connect to {target}: {}", hint::reasons(failures, warnings))]
    Unreachable {
        /// The description of the target.
        target: String,
        /// The failures, in the order of the attempts.
        failures: Vec<HostFailure>,
        /// Warnings, for example about an ignored password file.
        warnings: Vec<String>,
    },
}

impl ConnectError {
    /// Returns whether a retry can succeed: the server is not running or not reachable at the moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        use FailureKind::{NoServer, Other, Timeout, UnknownHost, WrongKind};
        match self {
            Self::NothingNamed { .. } => true,
            Self::Unreachable { failures, .. } => {
                failures.iter().any(|host| matches!(host.kind, NoServer | UnknownHost | Timeout | WrongKind | Other))
            }
            _ => false,
        }
    }

    /// Returns a hint, if there is one: a command or a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BothGiven => Some("Use --service NAME or --dsn CONNINFO. A connection string can contain service=NAME.".into()),
            Self::Conninfo { hint, .. } | Self::Uri { hint, .. } => Some((*hint).into()),
            Self::UnknownKey { near, .. } => hint::did_you_mean(near),
            Self::RefusedKey { instead, .. } => Some((*instead).into()),
            Self::ServiceFile { path, .. } => {
                Some(format!("Check the file with ls -l {}, or unset PGSERVICEFILE.", path.display()))
            }
            Self::ServiceNotFound { name, files, .. } => Some(hint::service(name, files)),
            Self::NoUser => Some("Set PGUSER=NAME, or user=NAME in the connection string.".into()),
            Self::NothingNamed { .. } => {
                Some("Start the private server: sqern init; or specify a server with --service NAME.".into())
            }
            Self::TlsFile { hint, .. } => Some(hint.clone()),
            Self::Unreachable { failures, .. } => hint::failures(failures),
            Self::BadValue { .. } | Self::ServiceLine { .. } | Self::Tls(_) => None,
        }
    }
}
