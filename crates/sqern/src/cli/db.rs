//! `sqern db`: migrates and checks the schema.

use clap::Subcommand;
use jiff::SignedDuration;
use sqern_core::Progress;
use sqern_core::input::parse_retention;
use sqern_core::read_model::{self, RefreshEvent};
use sqern_db::migrate;
use sqern_db::retention::{self, Retention};
use sqern_model::At;

use super::interrupt::stop_on_interrupt;
use super::{Context, at};
use crate::error::{CliError, ExitStatus};
use crate::output::db::{
    Migrated, describe_check_since, describe_checked, describe_migrated, describe_pruned,
    describe_refreshed, describe_status, describe_steps,
};
use crate::output::read_model::StaleProgress;
use crate::printer::Printer;

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Migrate the schema to the version of this program, or to another version
    #[command(
        after_help = "Examples:\n  sqern db migrate\n  sqern db migrate --dry-run\n  sqern db migrate --to 2 --yes   # reverts later migrations and deletes their data"
    )]
    Migrate {
        /// Version to migrate to; a downgrade deletes the data of later migrations [default: the
        /// latest]
        #[arg(long, value_name = "VERSION")]
        to: Option<i32>,
        /// Confirm a downgrade, which deletes data
        #[arg(long)]
        yes: bool,
        /// Print the changes without making them
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the schema versions of the database and of this program
    ///
    /// Exit status: 0 if this program can use the schema, 1 if it cannot, 2 for a usage error.
    #[command(after_help = "Example:\n  sqern db status --json")]
    Status,
    /// Check the journal, the view kver_not_ignored, the read model and the privileges
    ///
    /// With --since, reads only the changes after a generation and the changed rows, and checks the
    /// privileges. It does not find earlier faults, or rows that were changed without an event.
    ///
    /// Exit status: 0 if all checks succeed, 1 if a check fails, 2 for a usage error.
    #[command(
        after_help = "Examples:\n  sqern db check --json\n  sqern db check --since '2 hours ago'   # only the new part of the journal"
    )]
    Check {
        /// Check only the changes after this generation or time [default: all]
        #[arg(long, value_name = "GENERATION|TIME")]
        since: Option<At>,
    },
    /// Update the read model, which reports and plans use
    ///
    /// The read model consists of the tables kver_state, kver_state_count, host_state and
    /// host_state_count. Reports and plans update it themselves, if their role is a member of
    /// sqern_writer and at most 10,000 kernels and hosts have changed since the last update. If it does
    /// not contain all changes, they read the journaled tables, which takes longer. With many kernels
    /// and hosts, run this command with --watch as a service.
    ///
    /// Exit status: 0 on success or if a signal stops --watch, 1 on error, 2 for a usage error.
    #[command(
        after_help = "Examples:\n  sqern db refresh\n  sqern db refresh --watch       # update it after each change\n  sqern db refresh --full        # after sqern db check has found a difference"
    )]
    Refresh {
        /// Compute all rows again, not only those with changes
        #[arg(long)]
        full: bool,
        /// Wait for further changes, until SIGINT or SIGTERM
        #[arg(long)]
        watch: bool,
    },
    /// Remove old crawls, and old logs of builds and tests
    ///
    /// Removes a crawl only if a later crawl of the same source was complete or unchanged. Removes the
    /// locations and last lines of logs from the database, but not the log files. The journal and all
    /// journaled tables remain unchanged. Requires the role sqern_admin.
    ///
    /// Exit status: 0 on success, 1 on error, 2 for a usage error.
    #[command(
        after_help = "Examples:\n  sqern db prune --dry-run\n  sqern db prune --keep-crawls '90 days' --keep-logs '26 weeks'"
    )]
    Prune {
        /// Maximum age of superseded crawls, such as '90 days'
        #[arg(long, value_name = "AGE", default_value = "400 days", value_parser = parse_retention)]
        keep_crawls: SignedDuration,
        /// Maximum age of logs of builds and tests
        #[arg(long, value_name = "AGE", default_value = "400 days", value_parser = parse_retention)]
        keep_logs: SignedDuration,
        /// Print the numbers of rows without removing them
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(command: DbCommand, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    match command {
        DbCommand::Migrate { to, yes, dry_run } => migrate(to, yes, dry_run, context).await,
        DbCommand::Status => {
            let session = context.connect().await?;
            let status = migrate::status(&session.client).await?;
            context
                .printer
                .value(&status, || describe_status(&status))?;
            status.check_usable().map_err(sqern_db::DbError::from)?;
            Ok(ExitStatus::Success)
        }
        DbCommand::Check { since } => check(since, context).await,
        DbCommand::Refresh { full, watch } => refresh(full, watch, context).await,
        DbCommand::Prune {
            keep_crawls,
            keep_logs,
            dry_run,
        } => {
            let retention = Retention {
                crawls: keep_crawls,
                logs: keep_logs,
            };
            let mut session = context.open().await?;
            let pruned = retention::prune(&mut session.client, retention, dry_run).await?;
            let printed = context.printer.value(&pruned, || describe_pruned(pruned));
            printed.map_err(|error| {
                if dry_run {
                    error
                } else {
                    error.after(describe_pruned(pruned))
                }
            })?;
            Ok(ExitStatus::Success)
        }
    }
}

/// Checks the database, or only its changes after a generation.
async fn check(since: Option<At>, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let checked = if let Some(since) = at::since(&session.client, since).await? {
        context.printer.note(&describe_check_since(&since));
        sqern_db::check::check_since(&session.client, since.generation).await?
    } else {
        // Only a read model with all changes can be compared.
        read_model::catch_up(&mut session.client, &StaleProgress(context.printer)).await;
        sqern_db::check::check(&session.client).await?
    };
    context.printer.value(&checked, || {
        checked
            .iter()
            .map(describe_checked)
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    Ok(if checked.iter().all(|rule| rule.problems.is_empty()) {
        ExitStatus::Success
    } else {
        ExitStatus::Failed
    })
}

/// Migrates the schema, or prints the steps.
async fn migrate(
    to: Option<i32>,
    yes: bool,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.connect().await?;
    let unconfirmed = !yes && !dry_run && is_downgrade(&session.client, to).await?;
    let steps = migrate::migrate(&mut session.client, to, dry_run || unconfirmed).await?;
    if unconfirmed {
        return Err(CliError::failed(format!(
            "a downgrade deletes data and requires --yes:\n  {}",
            describe_steps(&steps).replace('\n', "\n  ")
        ))
        .hint("sqern db migrate --to VERSION --dry-run  # prints the steps"));
    }
    let migrated = Migrated { steps, dry_run };
    let printed = context
        .printer
        .value(&migrated, || describe_migrated(&migrated));
    printed.map_err(|error| {
        if dry_run || migrated.steps.is_empty() {
            error
        } else {
            error
                .after("the schema is migrated")
                .hint("sqern db status")
        }
    })?;
    Ok(ExitStatus::Success)
}

/// Updates the read model once, or until a signal arrives.
async fn refresh(full: bool, watch: bool, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    if watch {
        let stop = stop_on_interrupt();
        let (database, progress) = (context.database(), RefreshProgress(context.printer));
        return tokio::select! {
            () = stop.cancelled() => Ok(ExitStatus::Success),
            outcome = read_model::watch(&database, full, &progress) => Ok(outcome.map(|()| ExitStatus::Success)?),
        };
    }
    let mut session = context.open().await?;
    let progress = RefreshProgress(context.printer);
    let refreshed = read_model::refresh(&mut session.client, full, &progress).await?;
    context
        .printer
        .value(&refreshed, || describe_refreshed(refreshed))?;
    Ok(ExitStatus::Success)
}

/// Prints each update of the read model, and the sessions that it waits for.
struct RefreshProgress<'a>(&'a Printer);

impl Progress<RefreshEvent> for RefreshProgress<'_> {
    fn report(&self, event: RefreshEvent) {
        self.0.note(&match event {
            RefreshEvent::Refreshed(refreshed) => describe_refreshed(refreshed),
            RefreshEvent::Waiting { holders } => {
                format!(
                    "the read model is locked by {}; waiting",
                    holders.join(", ")
                )
            }
        });
    }
}

/// Whether the target version is lower than the version of the schema.
async fn is_downgrade(client: &tokio_postgres::Client, to: Option<i32>) -> Result<bool, CliError> {
    let Some(to) = to else { return Ok(false) };
    Ok(to < migrate::status(client).await?.version)
}
