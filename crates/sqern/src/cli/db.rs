//! `sqern db`: migrates and checks the schema.

use clap::Subcommand;
use sqern_db::migrate;

use super::Context;
use crate::error::{CliError, ExitStatus};
use crate::output::db::{
    Migrated, describe_checked, describe_migrated, describe_status, describe_steps,
};

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
    /// Check the journal, the view kver_not_ignored and the privileges
    ///
    /// Exit status: 0 if all checks succeed, 1 if a check fails, 2 for a usage error.
    #[command(after_help = "Example:\n  sqern db check --json")]
    Check,
}

pub(super) async fn run(command: DbCommand, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let mut session = context.connect().await?;
    match command {
        DbCommand::Migrate { to, yes, dry_run } => {
            let unconfirmed = !yes && !dry_run && is_downgrade(&session.client, to).await?;
            let steps = migrate::migrate(&mut session.client, to, dry_run || unconfirmed).await?;
            if unconfirmed {
                return Err(CliError::failed(format!(
                    "a downgrade deletes data and requires --yes:\n{}",
                    describe_steps(&steps)
                ))
                .hint("sqern db migrate --to VERSION --dry-run  # prints the steps"));
            }
            let migrated = Migrated { steps, dry_run };
            context
                .printer
                .value(&migrated, || describe_migrated(&migrated))?;
            Ok(ExitStatus::Success)
        }
        DbCommand::Status => {
            let status = migrate::status(&session.client).await?;
            context
                .printer
                .value(&status, || describe_status(&status))?;
            status.check_usable().map_err(sqern_db::DbError::from)?;
            Ok(ExitStatus::Success)
        }
        DbCommand::Check => {
            migrate::require_usable(&session.client).await?;
            let checked = sqern_db::check::check(&session.client).await?;
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
    }
}

/// Whether the target version is lower than the version of the schema.
async fn is_downgrade(client: &tokio_postgres::Client, to: Option<i32>) -> Result<bool, CliError> {
    let Some(to) = to else { return Ok(false) };
    Ok(to < migrate::status(client).await?.version)
}
