//! `sqern db`: the schema.

use clap::Subcommand;
use serde::Serialize;
use sqern_db::check::Checked;
use sqern_db::migrate::{self, Applied, SchemaStatus, Step};

use super::Context;
use crate::failure::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the schema to this program's version, or to another one
    #[command(
        after_help = "Examples:\n  sqern db migrate\n  sqern db migrate --dry-run\n  sqern db migrate --to 2   # takes later migrations, and their data, back"
    )]
    Migrate {
        /// The version to go to; below the present one data of the later ones is lost
        #[arg(long, value_name = "VERSION")]
        to: Option<i32>,
        /// Going back drops data: say that it may
        #[arg(long)]
        yes: bool,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the schema's version beside this program's; exit status 1 when they differ
    #[command(after_help = "Example:\n  sqern db status --json")]
    Status,
    /// Check that the journal, the view and the privileges are as they should be; exit status 1 when not
    #[command(after_help = "Example:\n  sqern db check --json")]
    Check,
}

#[derive(Debug, Serialize)]
struct Migrated {
    steps: Vec<Step>,
    dry_run: bool,
}

pub(super) async fn run(command: DbCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.connect().await?;
    match command {
        DbCommand::Migrate { to, yes, dry_run } => {
            let unconfirmed = !yes && !dry_run && goes_back(&session.client, to).await?;
            let steps = migrate::migrate(&mut session.client, to, dry_run || unconfirmed).await?;
            if unconfirmed {
                return Err(Failure::unmet(format!("expected --yes: going back drops the data of\n{}", describe_steps(&steps)))
                    .hint("sqern db migrate --to VERSION --dry-run  # what would be done"));
            }
            let migrated = Migrated { steps, dry_run };
            context.printer.one("db.migrate/1", &migrated, || describe_migrated(&migrated))?;
            Ok(Exit::Done)
        }
        DbCommand::Status => {
            let status = migrate::status(&session.client).await?;
            context.printer.one("db.status/1", &status, || describe_status(&status))?;
            status.check_usable().map_err(sqern_db::DbError::from)?;
            Ok(Exit::Done)
        }
        DbCommand::Check => {
            migrate::require_usable(&session.client).await?;
            let checked = sqern_db::check::check(&session.client).await?;
            context
                .printer
                .one("db.check/1", &checked, || checked.iter().map(describe_checked).collect::<Vec<_>>().join("\n"))?;
            Ok(if checked.iter().all(|rule| rule.problems.is_empty()) { Exit::Done } else { Exit::Unmet })
        }
    }
}

/// Whether the target lies below the schema as it is.
async fn goes_back(client: &tokio_postgres::Client, to: Option<i32>) -> Result<bool, Failure> {
    let Some(to) = to else { return Ok(false) };
    Ok(to < migrate::status(client).await?.version)
}

fn describe_migrated(migrated: &Migrated) -> String {
    if migrated.steps.is_empty() {
        return "the schema is as it should be".to_owned();
    }
    let tense = if migrated.dry_run { "would be done" } else { "done" };
    format!("{}\n{tense}", describe_steps(&migrated.steps))
}

fn describe_steps(steps: &[Step]) -> String {
    let lines: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::Up { version, name } => format!("up    {version:>4} {name}"),
            Step::Down { version, name } => format!("down  {version:>4} {name}"),
            Step::Functions { files } => format!("functions, triggers and views ({} files)", files.len()),
        })
        .collect();
    lines.join("\n")
}

fn describe_status(status: &SchemaStatus) -> String {
    let applied =
        status.applied.iter().map(|Applied { version, name, .. }| format!("\n  {version:>4} {name}")).collect::<String>();
    let functions = if status.functions_differ.is_empty() {
        "as this program has them".to_owned()
    } else {
        status.functions_differ.join(", ")
    };
    format!("schema version  {}{applied}\nthis program's  {}\nfunctions       {functions}", status.version, status.latest)
}

fn describe_checked(checked: &Checked) -> String {
    let mark = if checked.problems.is_empty() { "ok  " } else { "FAIL" };
    let problems = checked.problems.iter().map(|problem| format!("\n       {problem}")).collect::<String>();
    format!("{mark}  {}{problems}", checked.rule)
}
