//! The output of `sqern local`, and messages about the private server.

use pg_local::{Destroyed, Down, State, Status, Up};
use schemars::JsonSchema;
use serde::Serialize;

use crate::printer::{Document, Printer};

/// Warns that the service record of a running server could not be written.
pub fn warn_about_service(reason: &str, printer: &Printer) {
    let hint = "Set PGSERVICEFILE to a writable file, then run sqern local up again.";
    printer.warning_with_hint(
        &format!("{reason}; the server is running without a connection service"),
        Some(hint),
    );
}

/// The connection string of the private server.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Dsn {
    /// The connection string.
    pub dsn: String,
}

/// Returns the state of a started server and how to connect.
#[must_use]
pub fn describe_up(up: &Up) -> String {
    let done = match (up.created, up.started) {
        (true, _) => "created and started",
        (false, true) => "started",
        (false, false) => "already running",
    };
    let version = up
        .version
        .map(|version| format!(" {version}"))
        .unwrap_or_default();
    let psql = up
        .service
        .as_ref()
        .map(|service| format!("\nconnect: psql service={service}"))
        .unwrap_or_default();
    let seconds = f64::from(u32::try_from(up.elapsed_ms).unwrap_or(u32::MAX)) / 1000.0;
    format!(
        "PostgreSQL{version} in {}: {done} ({seconds:.1} s)\nsocket: {}{psql}",
        up.dir.display(),
        up.endpoint.socket().display()
    )
}

/// Returns the result of stopping a server.
#[must_use]
pub fn describe_down(down: &Down) -> String {
    let done = if down.stopped {
        "stopped"
    } else {
        "was not running"
    };
    format!("server in {} {done}", down.dir.display())
}

/// Returns the state and location of a server.
#[must_use]
pub fn describe_status(status: &Status) -> String {
    let state = match status.state {
        State::Running => "running",
        State::Starting => "starting",
        State::Stopping => "stopping",
        State::Stopped => "stopped",
        State::Absent => "not created",
    };
    let mut lines = vec![
        format!("state      {state}"),
        format!("directory  {}", status.dir.display()),
    ];
    lines.extend(
        status
            .version
            .map(|version| format!("version    {version}")),
    );
    lines.extend(status.pid.map(|pid| format!("process    {pid}")));
    lines.extend(
        status
            .endpoint
            .as_ref()
            .map(|endpoint| format!("socket     {}", endpoint.socket().display())),
    );
    if status.state != State::Absent {
        lines.push(format!("size       {} MiB", status.size_bytes >> 20));
        lines.push(format!("service    {}", status.service));
        lines.push(format!("log        {}", status.log.display()));
    }
    lines.join("\n")
}

/// Returns the result of removing a server, with the files that remain.
#[must_use]
pub fn describe_destroyed(destroyed: &Destroyed) -> String {
    let dir = destroyed.dir.display();
    if !destroyed.existed {
        return format!("no server exists in {dir}");
    }
    let mut lines = vec![format!("removed server in {dir}")];
    lines.extend(destroyed.left.iter().map(|path| {
        format!(
            "file was not created by sqern and remains: {}",
            path.display()
        )
    }));
    lines.join("\n")
}

impl Document for Up {
    const SCHEMA: &'static str = "local.up/1";
}

impl Document for Down {
    const SCHEMA: &'static str = "local.down/1";
}

impl Document for Status {
    const SCHEMA: &'static str = "local.status/1";
}

impl Document for Dsn {
    const SCHEMA: &'static str = "local.dsn/1";
}

impl Document for Destroyed {
    const SCHEMA: &'static str = "local.destroy/1";
}
