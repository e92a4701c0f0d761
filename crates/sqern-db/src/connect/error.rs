//! Why a connection can't be had.

use std::io;
use std::path::PathBuf;

use super::hint;

/// A service file that was read, and what it defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFileSeen {
    /// The file.
    pub path: PathBuf,
    /// Its sections.
    pub services: Vec<String>,
}

/// What kept one host from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Nobody listens there.
    NoServer,
    /// The host's name has no address.
    UnknownHost,
    /// It took longer than `connect_timeout`.
    Timeout,
    /// Encryption could not be agreed on, or the certificate is not trusted.
    Tls,
    /// The server asks for a password, and none was given.
    NoPassword,
    /// The server does not let this user in (SQLSTATE class 28); as in libpq no further host is tried.
    Rejected,
    /// The database does not exist (SQLSTATE 3D000).
    NoDatabase,
    /// The server is not of the kind that `target_session_attrs` asks for.
    WrongKind,
    /// Anything else; the reason says it.
    Other,
}

/// One host that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFailure {
    /// The host in words.
    pub host: String,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The server's or the system's own words.
    pub reason: String,
}

/// Why a connection can't be had. No message holds a password; [`hint`](ConnectError::hint) says what to type next.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `--service` and `--dsn` at once.
    #[error("expected a service or a connection string, got both")]
    BothGiven,
    /// The conninfo string can't be read.
    #[error("the connection string is not understood: expected {expected}, at character {at}")]
    Conninfo {
        /// The character's number, from 1.
        at: usize,
        /// What should have been there.
        expected: &'static str,
        /// How to write it.
        hint: &'static str,
    },
    /// The URI can't be read.
    #[error("the connection URI is not understood: expected {expected}, in its {part}")]
    Uri {
        /// The part of the URI.
        part: &'static str,
        /// What should have been there.
        expected: &'static str,
        /// How to write it.
        hint: &'static str,
    },
    /// libpq has no such parameter.
    #[error("expected a connection parameter of libpq, got {key:?} in {place}")]
    UnknownKey {
        /// The name as it was written.
        key: String,
        /// Where.
        place: String,
        /// What may have been meant.
        near: Vec<&'static str>,
    },
    /// libpq has the parameter, sqern can't do what it asks for.
    #[error("the connection parameter {key} (in {place}) is not supported")]
    RefusedKey {
        /// The parameter.
        key: &'static str,
        /// Where it was written.
        place: String,
        /// What to do in its place.
        instead: &'static str,
    },
    /// A parameter's value is out of range.
    #[error("connection parameter {key}: expected {expected}, got {got}")]
    BadValue {
        /// The parameter.
        key: &'static str,
        /// The range.
        expected: String,
        /// The value.
        got: String,
    },
    /// A service file can't be read.
    #[error("the service file {} can't be read: {source}", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A line of a service file can't be read.
    #[error("{}, line {line}: expected {expected}", path.display())]
    ServiceLine {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What should have been there.
        expected: &'static str,
    },
    /// No service file has the section.
    #[error("no service file defines the service {name:?}; {}", hint::files_seen(files, looked))]
    ServiceNotFound {
        /// The service.
        name: String,
        /// The files that were read.
        files: Vec<ServiceFileSeen>,
        /// The files that were looked for.
        looked: Vec<PathBuf>,
    },
    /// Nobody said which role, and the operating system's user has no name.
    #[error("expected a user for the connection, got none: the operating system knows no name for this process's user")]
    NoUser,
    /// Nothing names a server, and the private local one does not run.
    #[error("no database server was named, and the private local server does not run")]
    NothingNamed {
        /// Where the local server would be.
        local_dir: Option<PathBuf>,
    },
    /// A certificate or key file can't be used.
    #[error("{}: {problem}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// No host could be used.
    #[error("could not connect to {target}: {}", hint::reasons(failures, warnings))]
    Unreachable {
        /// The target in words.
        target: String,
        /// Each host and its reason, in the order of trial.
        failures: Vec<HostFailure>,
        /// What was left aside on the way, such as a password file.
        warnings: Vec<String>,
    },
}

impl ConnectError {
    /// Whether the same words may well connect later: the server does not run, or can't be reached at the moment.
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

    /// What to do about it, as something to type where there is such a thing.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BothGiven => Some("give one: --service NAME or --dsn CONNINFO; a string may itself say service=NAME".into()),
            Self::Conninfo { hint, .. } | Self::Uri { hint, .. } => Some((*hint).into()),
            Self::UnknownKey { near, .. } => hint::did_you_mean(near),
            Self::RefusedKey { instead, .. } => Some((*instead).into()),
            Self::ServiceFile { path, .. } => Some(format!("check it: ls -l {}; or unset PGSERVICEFILE", path.display())),
            Self::ServiceNotFound { name, files, .. } => Some(hint::service(name, files)),
            Self::NoUser => Some("name one: PGUSER=NAME, or user=NAME in the connection string".into()),
            Self::NothingNamed { .. } => Some("start the private one: sqern local up; or name one: --service NAME".into()),
            Self::TlsFile { hint, .. } => Some(hint.clone()),
            Self::Unreachable { failures, .. } => hint::failures(failures),
            Self::BadValue { .. } | Self::ServiceLine { .. } | Self::Tls(_) => None,
        }
    }
}
