//! Variable parts of connection errors, and their hints.

use std::path::PathBuf;

use super::error::{FailureKind, HostFailure, ServiceFileSeen};
use super::keyword::nearest;

/// Returns the existing service files with their services, or the paths that were searched.
pub(super) fn files_seen(files: &[ServiceFileSeen], looked: &[PathBuf]) -> String {
    if files.is_empty() {
        let paths: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
        return format!("no service file exists (searched {})", paths.join(", "));
    }
    let seen = files.iter().map(|file| match file.services.as_slice() {
        [] => format!("{} defines no services", file.path.display()),
        names => format!("{} defines {}", file.path.display(), names.join(", ")),
    });
    seen.collect::<Vec<_>>().join("; ")
}

/// Returns the hint for an undefined service.
pub(super) fn service(name: &str, files: &[ServiceFileSeen]) -> String {
    let known = files.iter().flat_map(|file| &file.services).map(String::as_str);
    match nearest(name, known).first() {
        Some(near) => format!("Did you mean --service {near}?"),
        None if name == pg_local::SERVICE => "Create the server: sqern local up".into(),
        None => format!("Add a section [{name}] to ~/.pg_service.conf, with lines such as host=HOST and dbname=NAME."),
    }
}

/// Returns the hint that suggests similar names.
pub(super) fn did_you_mean(near: &[&str]) -> Option<String> {
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

/// Returns the reason of each host, one per line for several hosts, followed by the warnings.
pub(super) fn reasons(failures: &[HostFailure], warnings: &[String]) -> String {
    let mut text = match failures {
        [only] => only.reason.clone(),
        many => many.iter().flat_map(|failure| ["\n  ", &failure.host, ": ", &failure.reason]).collect(),
    };
    for warning in warnings {
        text.push_str("\n  note: ");
        text.push_str(warning);
    }
    text
}

/// Returns the hint for the failure of the last host.
pub(super) fn failures(failures: &[HostFailure]) -> Option<String> {
    let text = match failures.last()?.kind {
        FailureKind::NoServer => "Is the server running on this host and port? To start a private server: sqern local up",
        FailureKind::UnknownHost => "Check the host name with getent hosts NAME.",
        FailureKind::Timeout => "Check for a firewall, or increase connect_timeout (in seconds, 0 for no limit).",
        FailureKind::Tls => "Specify the certificate of the authority with sslrootcert=FILE, or another sslmode.",
        FailureKind::NoPassword => "Add a line HOST:PORT:DATABASE:USER:PASSWORD to ~/.pgpass, then run chmod 0600 ~/.pgpass.",
        FailureKind::Rejected => "Check the user, the password (~/.pgpass, PGPASSWORD) and pg_hba.conf of the server.",
        FailureKind::NoDatabase => "List the databases with psql --list, or create the database with createdb NAME.",
        FailureKind::WrongKind => "Specify all servers of the cluster in host=, or use target_session_attrs=any.",
        FailureKind::Other => return None,
    };
    Some(text.to_owned())
}
