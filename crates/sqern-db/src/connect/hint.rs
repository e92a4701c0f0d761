//! The words of errors that depend on what was seen, and what to type next.

use std::path::PathBuf;

use super::error::{FailureKind, HostFailure, ServiceFileSeen};
use super::keyword::nearest;

/// The service files that were read with their sections, or those that were looked for in vain.
pub(super) fn files_seen(files: &[ServiceFileSeen], looked: &[PathBuf]) -> String {
    if files.is_empty() {
        let paths: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
        return format!("none of these files exists: {}", paths.join(", "));
    }
    let seen = files.iter().map(|file| match file.services.as_slice() {
        [] => format!("{} defines none", file.path.display()),
        names => format!("{} defines {}", file.path.display(), names.join(", ")),
    });
    seen.collect::<Vec<_>>().join("; ")
}

/// What to type for a service that no file has.
pub(super) fn service(name: &str, files: &[ServiceFileSeen]) -> String {
    let known = files.iter().flat_map(|file| &file.services).map(String::as_str);
    match nearest(name, known).first() {
        Some(near) => format!("did you mean --service {near}?"),
        None if name == crate::local::SERVICE => "make it: sqern local up".into(),
        None => format!("add a section [{name}] to ~/.pg_service.conf, with lines such as host=HOST and dbname=NAME"),
    }
}

/// The names that may have been meant.
pub(super) fn did_you_mean(near: &[&str]) -> Option<String> {
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

/// Each host's reason: on one line where there is one, a line each otherwise; then what was left aside.
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

/// What to do about the last host's failure: with several hosts it is the one that decided.
pub(super) fn failures(failures: &[HostFailure]) -> Option<String> {
    let text = match failures.last()?.kind {
        FailureKind::NoServer => "is the server running, on this host and port? For a private one: sqern local up",
        FailureKind::UnknownHost => "check the host's name: getent hosts NAME",
        FailureKind::Timeout => "is there a firewall between? A longer limit: connect_timeout=SECONDS, 0 for none",
        FailureKind::Tls => "name the authority's certificate: sslrootcert=FILE; or what is acceptable: sslmode=MODE",
        FailureKind::NoPassword => "add a line HOST:PORT:DATABASE:USER:PASSWORD to ~/.pgpass, then: chmod 0600 ~/.pgpass",
        FailureKind::Rejected => "check user, password (~/.pgpass, PGPASSWORD) and the server's pg_hba.conf",
        FailureKind::NoDatabase => "list what there is: psql --list; or make it: createdb NAME",
        FailureKind::WrongKind => "name every server of the cluster in host=, or ask for less: target_session_attrs=any",
        FailureKind::Other => return None,
    };
    Some(text.to_owned())
}
