//! Classification of the failure of a host.

use std::error::Error;
use std::io;

use tokio_postgres::error::SqlState;

use super::super::details::{FailureKind, HostFailure};
use super::super::target::HostTarget;
use super::super::verify;

/// The failure of an attempt, without its host.
#[derive(Debug)]
pub(super) struct AttemptFailure {
    kind: FailureKind,
    reason: String,
    /// Whether an attempt with or without encryption could succeed: `pg_hba.conf` has separate
    /// lines for both, and TLS can fail. A wrong password is rejected in both cases, and a second
    /// attempt could lock the user out.
    pub(super) may_depend_on_encryption: bool,
}

impl AttemptFailure {
    pub(super) fn new(kind: FailureKind, reason: String) -> Self {
        Self {
            kind,
            reason,
            may_depend_on_encryption: kind == FailureKind::Tls,
        }
    }

    pub(super) fn on(self, host: &HostTarget) -> HostFailure {
        HostFailure {
            host: host.to_string(),
            kind: self.kind,
            reason: self.reason,
        }
    }

    /// Classifies an error of the driver.
    pub(super) fn from_server(error: &tokio_postgres::Error, host: &HostTarget) -> Self {
        if let Some(reply) = error.as_db_error() {
            let mut reason = format!(
                "{}: {} (SQLSTATE {})",
                reply.severity(),
                reply.message(),
                reply.code().code()
            );
            if let Some(file) = host
                .password_file
                .as_ref()
                .filter(|_| *reply.code() == SqlState::INVALID_PASSWORD)
            {
                reason.push_str(&format!("; the password is from {}", file.display()));
            }
            let no_hba_line = *reply.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
            return Self {
                may_depend_on_encryption: no_hba_line,
                ..Self::new(kind_of(reply.code()), reason)
            };
        }
        let causes = causes(error);
        Self::new(kind_without_code(error, &causes), describe(error, &causes))
    }
}

fn kind_of(code: &SqlState) -> FailureKind {
    match code {
        code if code.code().starts_with("28") => FailureKind::Rejected,
        code if *code == SqlState::INVALID_CATALOG_NAME => FailureKind::NoDatabase,
        _ => FailureKind::Other,
    }
}

/// Returns the messages of the error and its causes, outermost first.
fn causes(error: &tokio_postgres::Error) -> Vec<String> {
    let inner = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        (*cause).source()
    });
    std::iter::once(error.to_string())
        .chain(inner.map(ToString::to_string))
        .collect()
}

fn kind_without_code(error: &tokio_postgres::Error, causes: &[String]) -> FailureKind {
    let mentions = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let io = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    match io {
        // The driver has no error code for these failures, so that only the text distinguishes
        // them.
        _ if mentions("TLS handshake") => FailureKind::Tls,
        _ if mentions("password missing") => FailureKind::NoPassword,
        _ if mentions("lookup address") || mentions("resolve") => FailureKind::UnknownHost,
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => FailureKind::NoServer,
        Some(io::ErrorKind::TimedOut) => FailureKind::Timeout,
        _ => FailureKind::Other,
    }
}

fn describe(error: &tokio_postgres::Error, causes: &[String]) -> String {
    if causes
        .iter()
        .any(|cause| cause.contains("password missing"))
    {
        return "the server requires a password, but none is specified".into();
    }
    if let Some(text) = certificate_problem(error) {
        return format!("{text} ({})", causes.last().map_or("", String::as_str));
    }
    // The outermost message of the driver ("error connecting to server") would repeat the message
    // of the connection error.
    let mut inner: Vec<_> = causes
        .iter()
        .skip(usize::from(causes.len() > 1))
        .map(String::as_str)
        .collect();
    inner.dedup();
    inner.join(": ")
}

fn certificate_problem(error: &tokio_postgres::Error) -> Option<&'static str> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    verify::explain(io.get_ref()?.downcast_ref::<rustls::Error>()?)
}
