//! Details of connection errors.

use std::path::PathBuf;

/// A service file and the services that it defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFile {
    /// The path, as it was searched.
    pub path: PathBuf,
    /// The names of its sections, in the order of the file.
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
    SessionAttrs,
    /// Any other failure.
    Other,
}

/// The failure of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFailure {
    /// The host and port, such as `host db1, port 5432`.
    pub host: String,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The message of the server or of the system.
    pub reason: String,
}
