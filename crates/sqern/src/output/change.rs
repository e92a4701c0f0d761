//! The output of commands that change data.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::change::Finished;
use sqern_model::counted;
use sqern_model::escape::escape_value;

use crate::error::{CliError, ExitStatus};
use crate::printer::{Document, Format, Printer};

/// The result of a command that changes data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Changed<'a> {
    /// One line for each change.
    changed: &'a [String],
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    finished: Finished,
}

/// Prints a line for each change, then the generation.
pub fn print_change(
    printer: &Printer,
    changed: &[String],
    finished: Finished,
    dry_run: bool,
) -> Result<ExitStatus, CliError> {
    let value = Changed {
        changed,
        dry_run,
        finished,
    };
    let is_table = printer.format() == Format::Table;
    let written = match (is_table, changed) {
        (true, []) => Ok(()),
        (true, lines) => {
            let lines: Vec<_> = lines.iter().map(|line| escape_value(line)).collect();
            printer.text(&lines.join("\n"))
        }
        (false, _) => printer.value(&value, String::new),
    };
    written.map_err(|error| error.after_generation(finished))?;
    if is_table {
        printer.note(&generation_note(finished, dry_run, "nothing to change"));
    }
    Ok(ExitStatus::Success)
}

/// Returns the note about the generation of a command; `unchanged` if there are no changes.
pub fn generation_note(finished: Finished, dry_run: bool, unchanged: &str) -> String {
    let events = counted(finished.events, "event");
    match finished.generation {
        Some(id) => format!("generation {id}: {events}"),
        None if dry_run && finished.events > 0 => {
            format!("would create a generation of {events}; nothing was changed")
        }
        None => unchanged.to_owned(),
    }
}

impl Document for Changed<'_> {
    const SCHEMA: &'static str = "change/1";
}
