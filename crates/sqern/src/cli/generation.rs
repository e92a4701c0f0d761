//! `sqern generation`: lists, shows, compares, reverts and archives generations.

mod archive;
mod diff;

use clap::Subcommand;
use sqern_db::event;
use sqern_db::generation;
use sqern_model::At;

use super::Context;
use super::at::{self, AtArgs};
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::generation::{ShownGeneration, describe, describe_differences};
use crate::output::metadata::{self, ListMetadata};
use crate::printer::{DEFAULT_LIMIT, RowArgs, query_limit};

#[derive(Debug, Subcommand)]
pub(super) enum GenerationCommand {
    /// List generations, newest first
    ///
    /// Prints 20 rows unless --limit is specified.
    #[command(
        after_help = "Examples:\n  sqern generation list --limit 5\n  sqern generation list --at 2026-05-01"
    )]
    List {
        /// List only generations after this generation or time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: Option<At>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Show a generation: user, address, time, comment and events
    #[command(after_help = "Example:\n  sqern generation show 2 --limit 5")]
    Show {
        /// Generation ID
        #[arg(value_parser = super::id)]
        id: i64,
        /// Maximum number of events; 0 for all
        #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
        limit: u32,
    },
    /// Show the differences between 2 states: + inserted, - deleted, ~ updated
    #[command(
        after_help = "Examples:\n  sqern generation diff 12                      # the changes of generation 12\n  sqern generation diff 2026-05-01 2026-06-01   # the changes in May\n  sqern generation diff 0 12 --json             # all rows as of generation 12"
    )]
    Diff {
        /// First state: generation (0 is the empty state) or time; without TO, generation whose
        /// changes are shown
        #[arg(value_name = "FROM")]
        from: At,
        /// Second state: generation or time
        #[arg(value_name = "TO")]
        to: Option<At>,
    },
    /// Create a generation that reverts the changes of an earlier one
    ///
    /// Inserted rows are deleted, deleted rows are restored, and updated rows get their old values.
    /// The new generation can be reverted in the same way. The command fails if later changes
    /// depend on the generation.
    #[command(
        after_help = "Examples:\n  sqern generation revert 12 --dry-run\n  sqern generation revert 12"
    )]
    Revert {
        /// Generation ID
        #[arg(value_parser = super::id)]
        id: i64,
        /// Print the changes without making them
        #[arg(long)]
        dry_run: bool,
    },
    Archive(archive::ArchiveArgs),
    Verify(archive::VerifyArgs),
}

pub(super) async fn run(
    command: GenerationCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let command = match command {
        GenerationCommand::Archive(args) => return archive::append(args, context).await,
        GenerationCommand::Verify(args) => return archive::verify(args, context).await,
        command => command,
    };
    let mut session = context.open().await?;
    match command {
        GenerationCommand::Archive(_) | GenerationCommand::Verify(_) => {}
        GenerationCommand::List { since, at, rows } => {
            let (snapshot, as_of) = at.begin(&mut session.client).await?;
            let since = at::since(&snapshot, since).await?;
            let generations = generation::list(
                &snapshot,
                since.map(|past| past.generation),
                rows.query_limit(DEFAULT_LIMIT),
                &as_of,
            )
            .await?;
            metadata::list(
                context.printer,
                &generations,
                &rows.with_default_limit(DEFAULT_LIMIT),
                &ListMetadata::from(&as_of),
            )?;
        }
        GenerationCommand::Diff { from, to } => {
            return diff::run(&session.client, from, to, context).await;
        }
        GenerationCommand::Revert { id, dry_run } => {
            let (finished, changed) = generation::revert(&mut session.client, id, dry_run).await?;
            let lines: Vec<String> = describe_differences(&changed)
                .lines()
                .map(str::to_owned)
                .collect();
            return print_change(context.printer, &lines, finished, dry_run);
        }
        GenerationCommand::Show { id, limit } => {
            let (generation, tables) = generation::get(&session.client, id).await?;
            let first_events =
                event::of_generation(&session.client, id, query_limit(limit)).await?;
            let shown = ShownGeneration {
                generation,
                tables,
                first_events,
            };
            context.printer.value(&shown, || describe(&shown))?;
        }
    }
    Ok(ExitStatus::Success)
}
