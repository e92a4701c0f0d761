//! Errors of connecting to a database.

use std::io;
use std::path::PathBuf;

use super::details::{FailureKind, HostFailure, ServiceFile};
use super::hint::{self, HintTexts};

/// The error of a connection attempt. Messages never contain a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Both a service and a connection string were specified.
    #[error("a service and a connection string cannot be used together")]
    ServiceAndDsn,
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
    #[error("invalid connection parameter {key:?} in {location}")]
    UnknownKey {
        /// The name.
        key: String,
        /// The variable, the line of the service file, or the kind of connection string.
        location: String,
        /// Similar parameters, nearest first.
        similar: Vec<&'static str>,
    },
    /// The parameter exists in libpq, but this crate does not support it.
    #[error("connection parameter {key} in {location} is not supported")]
    UnsupportedKey {
        /// The parameter.
        key: &'static str,
        /// The variable, the line of the service file, or the kind of connection string.
        location: String,
        /// The hint.
        instead: &'static str,
    },
    /// The value of a parameter is invalid.
    #[error("invalid value for connection parameter {key}: expected {expected}, found {found}")]
    BadValue {
        /// The parameter.
        key: &'static str,
        /// The valid values.
        expected: String,
        /// The value.
        found: String,
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
    #[error(
        "service {name:?} is not defined: {}",
        hint::list_services(files, searched)
    )]
    ServiceNotFound {
        /// The service.
        name: String,
        /// The existing files.
        files: Vec<ServiceFile>,
        /// The searched paths, in order.
        searched: Vec<PathBuf>,
    },
    /// No user was specified, and the user of the process has no name.
    #[error("no database user is specified, and the operating system user has no name")]
    NoUser,
    /// No server was specified, and the default server is not running.
    #[error("no database server is specified, and {default_server} is not running")]
    NoServerSpecified {
        /// The description of the default server.
        default_server: String,
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
    /// Returns whether a retry can succeed: the server is not running or not reachable at the
    /// moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use FailureKind::{NoServer, Other, SessionAttrs, Timeout, UnknownHost};
        match self {
            Self::NoServerSpecified { .. } => true,
            Self::Unreachable { failures, .. } => failures.iter().any(|host| {
                matches!(
                    host.kind,
                    NoServer | UnknownHost | Timeout | SessionAttrs | Other
                )
            }),
            _ => false,
        }
    }

    /// Returns a hint, if there is one: a command or a sentence. `texts` contains the options and
    /// hints of the calling program.
    #[must_use]
    pub fn hint(&self, texts: &HintTexts) -> Option<String> {
        match self {
            Self::ServiceAndDsn => Some(hint::service_or_dsn(texts)),
            Self::Conninfo { hint, .. } | Self::Uri { hint, .. } => Some((*hint).into()),
            Self::UnknownKey { similar, .. } => hint::did_you_mean(similar),
            Self::UnsupportedKey { instead, .. } => Some((*instead).into()),
            Self::ServiceFile { path, .. } => Some(format!(
                "Check the file with ls -l {}, or unset PGSERVICEFILE.",
                path.display()
            )),
            Self::ServiceNotFound { name, files, .. } => {
                Some(hint::undefined_service(name, files, texts))
            }
            Self::NoUser => Some("Set PGUSER=NAME, or user=NAME in the connection string.".into()),
            Self::NoServerSpecified { .. } => Some(hint::not_running(texts)),
            Self::TlsFile { hint, .. } => Some(hint.clone()),
            Self::Unreachable { failures, .. } => hint::failures(failures, texts),
            Self::BadValue { .. } | Self::ServiceLine { .. } | Self::Tls(_) => None,
        }
    }
}
