//! Classification of the failure of a host.

use std::error::Error;
use std::io;

use tokio_postgres::error::SqlState;

use super::super::error::{FailureKind, HostFailure};
use super::super::target::HostTarget;
use super::super::verify;

/// Why a host could not be used, before it is said on which.
#[derive(Debug)]
pub(super) struct Failure {
    kind: FailureKind,
    reason: String,
    /// Whether the other answer to "encrypt?" may do better: `pg_hba.conf` has lines for either, and TLS itself may fail.
    /// A wrong password is wrong both ways; a second try would only count against the user.
    pub(super) may_depend_on_encryption: bool,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, reason: String) -> Self {
        Self { kind, reason, may_depend_on_encryption: kind == FailureKind::Tls }
    }

    pub(super) fn on(self, host: &HostTarget) -> HostFailure {
        HostFailure { host: host.to_string(), kind: self.kind, reason: self.reason }
    }

    /// Reads a driver's error.
    pub(super) fn from_server(error: &tokio_postgres::Error, host: &HostTarget) -> Self {
        if let Some(said) = error.as_db_error() {
            let mut reason = format!("{}: {} (SQLSTATE {})", said.severity(), said.message(), said.code().code());
            if let Some(file) = host.password_file.as_ref().filter(|_| *said.code() == SqlState::INVALID_PASSWORD) {
                reason.push_str(&format!("; the password is from {}", file.display()));
            }
            let no_line = *said.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
            return Self { may_depend_on_encryption: no_line, ..Self::new(kind_of(said.code()), reason) };
        }
        let causes = causes(error);
        Self::new(kind_without_code(error, &causes), words(error, &causes))
    }
}

fn kind_of(code: &SqlState) -> FailureKind {
    match code {
        code if code.code().starts_with("28") => FailureKind::Rejected,
        code if *code == SqlState::INVALID_CATALOG_NAME => FailureKind::NoDatabase,
        _ => FailureKind::Other,
    }
}

/// The words of the error and of everything under it, outermost first.
fn causes(error: &tokio_postgres::Error) -> Vec<String> {
    let under = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    std::iter::once(error.to_string()).chain(under.map(ToString::to_string)).collect()
}

fn kind_without_code(error: &tokio_postgres::Error, causes: &[String]) -> FailureKind {
    let said = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let io = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match io {
        // The driver gives TLS errors no code of their own but these words.
        _ if said("TLS handshake") => FailureKind::Tls,
        _ if said("password missing") => FailureKind::NoPassword,
        _ if said("lookup address") || said("resolve") => FailureKind::UnknownHost,
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => FailureKind::NoServer,
        Some(io::ErrorKind::TimedOut) => FailureKind::Timeout,
        _ => FailureKind::Other,
    }
}

fn words(error: &tokio_postgres::Error, causes: &[String]) -> String {
    if causes.iter().any(|cause| cause.contains("password missing")) {
        return "the server requires a password, but none is specified".into();
    }
    if let Some(text) = certificate_problem(error) {
        return format!("{text} ({})", causes.last().map_or("", String::as_str));
    }
    // The driver's outermost words ("error connecting to server") say nothing that the sentence around does not.
    let mut inner: Vec<_> = causes.iter().skip(usize::from(causes.len() > 1)).map(String::as_str).collect();
    inner.dedup();
    inner.join(": ")
}

fn certificate_problem(error: &tokio_postgres::Error) -> Option<&'static str> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    verify::explain(io.get_ref()?.downcast_ref::<rustls::Error>()?)
}
