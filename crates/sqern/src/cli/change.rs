//! Options and output that all commands that change data share.

use clap::Args;
use serde::Serialize;
use sqern_core::ChangeOptions;
use sqern_db::change::Finished;
use sqern_model::counted;

use super::Context;
use crate::error::{CliError, ExitStatus};

/// Options of commands that change data.
#[derive(Debug, Default, Args)]
pub(super) struct ChangeArgs {
    /// Comment of the generation [default: the command line]
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Print the changes without making them
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ChangeArgs {
    /// Returns the comment of the generation, by default the command line.
    pub(super) fn comment(&self, context: &Context<'_>) -> String {
        self.comment
            .clone()
            .unwrap_or_else(|| context.settings.command_line.clone())
    }

    /// Returns the options of the use case.
    pub(super) fn options(&self, context: &Context<'_>) -> ChangeOptions {
        ChangeOptions {
            comment: self.comment(context),
            dry_run: self.dry_run,
        }
    }
}

/// The result of a command that changes data.
#[derive(Debug, Serialize)]
struct Changed<'a> {
    /// One line for each change.
    changed: &'a [String],
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    finished: Finished,
}

/// Prints a line for each change, then the generation.
pub(super) fn report(
    context: &Context<'_>,
    changed: &[String],
    finished: Finished,
    dry_run: bool,
) -> Result<ExitStatus, CliError> {
    let value = Changed {
        changed,
        dry_run,
        finished,
    };
    if context.printer.format() == crate::printer::Format::Table {
        if !changed.is_empty() {
            context.printer.text(&changed.join("\n"))?;
        }
        context
            .printer
            .note(&generation_note(finished, dry_run, "nothing to change"));
    } else {
        context.printer.value("change/1", &value, String::new)?;
    }
    Ok(ExitStatus::Success)
}

/// Returns the note about the generation of a command; `unchanged` if there are no changes.
pub(super) fn generation_note(finished: Finished, dry_run: bool, unchanged: &str) -> String {
    let events = counted(finished.events, "event");
    match finished.generation {
        Some(id) => format!("generation {id}: {events}"),
        None if dry_run && finished.events > 0 => {
            format!("would create a generation of {events}; nothing was changed")
        }
        None => unchanged.to_owned(),
    }
}
