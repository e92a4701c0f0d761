//! The output of `sqern db`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::read_model::Refreshed;
use sqern_db::PastState;
use sqern_db::check::Checked;
use sqern_db::migrate::{Applied, SchemaStatus, Step};
use sqern_db::retention::Pruned;
use sqern_model::counted;
use sqern_model::escape::escape_value;

use crate::printer::{Document, time};

/// The steps of a migration.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Migrated {
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// Returns the steps of a migration, or that there are none.
#[must_use]
pub fn describe_migrated(migrated: &Migrated) -> String {
    if migrated.steps.is_empty() {
        return "schema is up to date".to_owned();
    }
    let tense = if migrated.dry_run {
        "would be applied; nothing was changed"
    } else {
        "applied"
    };
    format!("{}\n{tense}", describe_steps(&migrated.steps))
}

/// Returns a line for each step.
#[must_use]
pub fn describe_steps(steps: &[Step]) -> String {
    let lines: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::Up { version, name } => format!("up    {version:>4} {name}"),
            Step::Down { version, name } => format!("down  {version:>4} {name}"),
            Step::Functions { files } => format!(
                "functions, triggers and views ({})",
                counted(files.len(), "file")
            ),
            Step::Privileges { problems } => {
                let problems: Vec<_> = problems
                    .iter()
                    .map(|problem| escape_value(problem))
                    .collect();
                format!("owners and privileges\n  {}", problems.join("\n  "))
            }
            Step::Sequences { sequences } => {
                escape_value(&format!("sequences ({})", sequences.join(", "))).into_owned()
            }
            Step::ReadModel { kernels } => {
                format!("read model ({})", counted(*kernels, "kernel"))
            }
        })
        .collect();
    lines.join("\n")
}

/// Returns the versions of the schema and of the program.
#[must_use]
pub fn describe_status(status: &SchemaStatus) -> String {
    let applied = status
        .applied
        .iter()
        .map(|Applied { version, name, .. }| format!("\n  {version:>4} {name}"))
        .collect::<String>();
    let functions = if status.functions_differ.is_empty() {
        "up to date".to_owned()
    } else {
        status.functions_differ.join(", ")
    };
    format!(
        "schema version   {}{applied}\nprogram version  {}\nfunctions        {functions}",
        status.version, status.latest
    )
}

/// Returns the number of kernels of an update of the read model.
#[must_use]
pub fn describe_refreshed(refreshed: Refreshed) -> String {
    format!(
        "read model updated ({})",
        counted(refreshed.kernels, "kernel")
    )
}

/// Returns the numbers of removed rows.
#[must_use]
pub fn describe_pruned(pruned: Pruned) -> String {
    format!(
        "{} {} and {}",
        if pruned.dry_run {
            "would remove"
        } else {
            "removed"
        },
        counted(pruned.crawls, "crawl"),
        counted(pruned.logs, "log")
    )
}

/// Returns the part of the journal that a check reads.
#[must_use]
pub fn describe_check_since(since: &PastState) -> String {
    let generation = since.generation;
    match since.committed_at {
        Some(at) => format!(
            "checking the changes after generation {generation} ({})",
            time(Some(at))
        ),
        None => format!("checking the changes after generation {generation}"),
    }
}

/// Returns the result of a check and its problems.
#[must_use]
pub fn describe_checked(checked: &Checked) -> String {
    let mark = if checked.problems.is_empty() {
        "ok  "
    } else {
        "FAIL"
    };
    let problems = checked
        .problems
        .iter()
        .map(|problem| format!("\n       {}", escape_value(problem)))
        .collect::<String>();
    format!("{mark}  {}{problems}", checked.rule)
}

impl Document for Migrated {
    const SCHEMA: &'static str = "db.migrate/1";
}

impl Document for Refreshed {
    const SCHEMA: &'static str = "db.refresh/1";
}

impl Document for Pruned {
    const SCHEMA: &'static str = "db.prune/1";
}

impl Document for SchemaStatus {
    const SCHEMA: &'static str = "db.status/1";
}

impl Document for Vec<Checked> {
    const SCHEMA: &'static str = "db.check/1";
}
