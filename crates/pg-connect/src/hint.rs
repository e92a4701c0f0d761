//! Variable parts of connection errors, and their hints.

use std::path::PathBuf;

use super::details::{FailureKind, HostFailure, ServiceFile};
use super::suggest::nearest;

/// The command-line options and hints of the calling program, which
/// [`ConnectError::hint`](crate::ConnectError::hint) quotes.
#[derive(Debug, Clone, Copy)]
pub struct HintTexts {
    /// The option that selects a service: `--service` by default.
    pub service_option: &'static str,
    /// The option that specifies a connection string: `--dsn` by default.
    pub dsn_option: &'static str,
    /// The hints about the default server of the program, if it has one.
    pub default_server: Option<DefaultServerHints>,
}

impl Default for HintTexts {
    fn default() -> Self {
        Self {
            service_option: "--service",
            dsn_option: "--dsn",
            default_server: None,
        }
    }
}

/// The hints about the [default server](crate::DefaultServer) of the calling program.
#[derive(Debug, Clone, Copy)]
pub struct DefaultServerHints {
    /// The service that connects to the default server.
    pub service: &'static str,
    /// The hint if no file defines this service, such as a command that creates the server.
    pub undefined_service: &'static str,
    /// The hint if no server is specified and the default server is not running.
    pub not_running: &'static str,
    /// The sentence that is added to the hint if no server listens on an address.
    pub no_server: &'static str,
}

/// Returns the hint for a request with both a service and a connection string.
pub(super) fn service_or_dsn(texts: &HintTexts) -> String {
    let HintTexts {
        service_option,
        dsn_option,
        ..
    } = texts;
    format!(
        "Use {service_option} NAME or {dsn_option} CONNINFO. A connection string can contain service=NAME."
    )
}

/// Returns the hint for a request without a server while the default server is not running.
pub(super) fn not_running(texts: &HintTexts) -> String {
    let specify = || format!("Specify a server with {} NAME.", texts.service_option);
    texts
        .default_server
        .map_or_else(specify, |hints| hints.not_running.to_owned())
}

/// Returns the existing service files with their services, or the paths that were searched.
pub(super) fn list_services(files: &[ServiceFile], searched: &[PathBuf]) -> String {
    if files.is_empty() {
        let paths: Vec<_> = searched
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return format!("no service file exists (searched {})", paths.join(", "));
    }
    let contents = files.iter().map(|file| match file.services.as_slice() {
        [] => format!("{} defines no services", file.path.display()),
        names => format!("{} defines {}", file.path.display(), names.join(", ")),
    });
    contents.collect::<Vec<_>>().join("; ")
}

/// Returns the hint for an undefined service.
pub(super) fn undefined_service(name: &str, files: &[ServiceFile], texts: &HintTexts) -> String {
    let known = files
        .iter()
        .flat_map(|file| &file.services)
        .map(String::as_str);
    // Names can have a suffix: prod-eu for prod.
    let is_suffixed = |known: &&str| {
        known
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('-'))
    };
    let suffixed = known.clone().find(is_suffixed);
    if let Some(similar) = suffixed.or_else(|| nearest(name, known).into_iter().next()) {
        return format!("Did you mean {} {similar}?", texts.service_option);
    }
    match texts.default_server {
        Some(hints) if hints.service == name => hints.undefined_service.to_owned(),
        _ => format!(
            "Add a section [{name}] to ~/.pg_service.conf, with lines such as host=HOST and dbname=NAME."
        ),
    }
}

/// Returns the hint that suggests similar names.
pub(super) fn did_you_mean(similar: &[&str]) -> Option<String> {
    (!similar.is_empty()).then(|| format!("Did you mean {}?", similar.join(" or ")))
}

/// Returns the reason of each host, one per line for several hosts, followed by the warnings.
pub(super) fn reasons(failures: &[HostFailure], warnings: &[String]) -> String {
    let mut text = match failures {
        [failure] => failure.reason.clone(),
        failures => failures
            .iter()
            .flat_map(|failure| ["\n  ", &failure.host, ": ", &failure.reason])
            .collect(),
    };
    for warning in warnings {
        text.push_str("\n  note: ");
        text.push_str(warning);
    }
    text
}

/// Returns the hint for the failure of the last host.
pub(super) fn failures(failures: &[HostFailure], texts: &HintTexts) -> Option<String> {
    let text = match failures.last()?.kind {
        FailureKind::NoServer => return Some(no_server(texts)),
        FailureKind::UnknownHost => "Check the host name with getent hosts NAME.",
        FailureKind::Timeout => {
            "Check for a firewall, or increase connect_timeout (in seconds, 0 for no limit)."
        }
        FailureKind::Tls => {
            "Specify the certificate of the authority with sslrootcert=FILE, or another sslmode."
        }
        FailureKind::NoPassword => {
            "Add a line HOST:PORT:DATABASE:USER:PASSWORD to ~/.pgpass, then run chmod 0600 ~/.pgpass."
        }
        FailureKind::Rejected => {
            "Check the user, the password (~/.pgpass, PGPASSWORD) and pg_hba.conf of the server."
        }
        FailureKind::NoDatabase => {
            "List the databases with psql --list, or create the database with createdb NAME."
        }
        FailureKind::SessionAttrs => {
            "Specify all servers of the cluster in host=, or use target_session_attrs=any."
        }
        FailureKind::Other => return None,
    };
    Some(text.to_owned())
}

fn no_server(texts: &HintTexts) -> String {
    let question = "Is the server running on this host and port?";
    texts.default_server.map_or_else(
        || question.to_owned(),
        |hints| format!("{question} {}", hints.no_server),
    )
}
