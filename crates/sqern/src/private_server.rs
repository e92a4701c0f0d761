//! The names of the private server of sqern, and the hints about it.

use std::path::PathBuf;

use pg_connect::{DefaultServer, DefaultServerHints, HintTexts};
use pg_local::{Program, running_endpoint};

/// The names and commands of `sqern local`.
pub const PROGRAM: Program = Program {
    name: "sqern",
    role: "sqern",
    database: "sqern",
    service: "sqern-local",
    up_command: "sqern local up",
    status_command: "sqern local status",
    destroy_command: "sqern local destroy",
    directory_option: "--data-dir",
    binaries_variable: "SQERN_PG_BIN",
};

/// The options and commands in the hints of connection errors.
pub const HINT_TEXTS: HintTexts = HintTexts {
    service_option: "--service",
    dsn_option: "--dsn",
    default_server: Some(DefaultServerHints {
        service: PROGRAM.service,
        undefined_service: "Create the server: sqern local up",
        not_running: "Start the private server: sqern init; or specify a server with --service NAME.",
        no_server: "To start a private server: sqern local up",
    }),
};

/// Returns the private server in `dir` as the server that is used if no other is named.
#[must_use]
pub fn default_server(dir: Option<PathBuf>) -> DefaultServer {
    DefaultServer::new("the private server", move || {
        Some(running_endpoint(dir.as_deref()?)?.dsn(&PROGRAM))
    })
}

/// Returns the database of this service as the server that is used if no other is named.
#[must_use]
pub fn configured_server(service: String) -> DefaultServer {
    let description = format!("the service \"{service}\" of the configuration file");
    DefaultServer::new(description, move || {
        Some(format!(
            "service='{}'",
            service.replace('\\', "\\\\").replace('\'', "\\'")
        ))
    })
}
