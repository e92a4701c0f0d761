//! The output of `sqern init`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::init::{InitOutcome, ServerState};
use sqern_db::migrate::{self, Step};
use sqern_model::counted;

use crate::printer::Document;

/// The result of `sqern init`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Initialized {
    /// The result of each step.
    #[serde(flatten)]
    pub outcome: InitOutcome,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

impl Document for Initialized {
    const SCHEMA: &'static str = "init/1";
}

impl Initialized {
    /// Returns a line for each step.
    #[must_use]
    pub fn describe(&self) -> String {
        let InitOutcome { server, .. } = &self.outcome;
        let mut lines = Vec::new();
        if let Some(server) = server {
            let state = match (server.state, self.dry_run) {
                (ServerState::Running, _) => "already running",
                (ServerState::Created, true) => "would be created and started",
                (ServerState::Created, false) => "created and started",
                (ServerState::Started, true) => "would be started",
                (ServerState::Started, false) => "started",
            };
            lines.push(format!("server         {}: {state}", server.dir.display()));
        }
        lines.push(format!(
            "schema         version {}: {}",
            migrate::latest_version(),
            self.describe_schema()
        ));
        lines.push(format!("distributions  {}", self.describe_distributions()));
        lines.join("\n")
    }

    fn describe_schema(&self) -> String {
        let InitOutcome {
            server,
            schema_version,
            migrated,
            ..
        } = &self.outcome;
        let migrations = migrated
            .iter()
            .filter(|step| matches!(step, Step::Up { .. }))
            .count();
        match (schema_version, self.dry_run) {
            (None, _)
                if server
                    .as_ref()
                    .is_some_and(|server| server.state == ServerState::Created) =>
            {
                "would be created".to_owned()
            }
            (None, _) => "unknown until the server runs".to_owned(),
            _ if migrated.is_empty() => "up to date".to_owned(),
            _ if matches!(migrated.as_slice(), [Step::ReadModel { .. }]) => {
                let would = if self.dry_run { "would be " } else { "" };
                format!("up to date; read model {would}filled")
            }
            (_, true) if migrations == 0 => "functions and views would be updated".to_owned(),
            (_, false) if migrations == 0 => "functions and views updated".to_owned(),
            (_, true) => format!("{} would be applied", counted(migrations, "migration")),
            (_, false) => format!("{} applied", counted(migrations, "migration")),
        }
    }

    fn describe_distributions(&self) -> String {
        match self.outcome.distributions.as_ref().map(Vec::len) {
            None => "unknown until the schema is up to date".to_owned(),
            Some(0) => "up to date".to_owned(),
            Some(count) if self.dry_run => format!("{count} would be added"),
            Some(count) => format!("{count} added"),
        }
    }
}
