//! `sqern init`: sets up a database in one command.

use clap::Args;
use pg_local::LocalServer;
use sqern_core::init::{InitEvent, InitRequest, InitializedServer, init, uses_private_server};
use sqern_core::{ChangeOptions, Error};

use super::Context;
use super::interrupt::stop_on_interrupt;
use super::sources::SourcesArgs;
use crate::distributions::importable;
use crate::error::{CliError, ExitStatus};
use crate::output::init::Initialized;
use crate::output::private_server::warn_about_service;
use crate::printer::Format;

/// Set up a database: private server, schema and distributions
///
/// If no option, variable of libpq or configuration file specifies another database than the
/// private server, the command creates and starts the private server like sqern local up. It then
/// migrates the schema to the version of this program, and adds missing distributions. If a step
/// fails, completed steps remain. The next run skips them.
///
/// Exit status: 0 if all steps succeeded, 1 if a step failed, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern init
  sqern init --dry-run
  sqern init --service sqern-prod        # an existing database
  sqern check --apt-lists                # next step: find the kernels in the apt lists")]
pub(super) struct InitArgs {
    #[command(flatten)]
    sources: SourcesArgs,
    /// Print the changes without making them
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: InitArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let distros = importable(&args.sources.load(context)?)?;
    let (database, private_server) = (context.database(), context.settings.private_server(None));
    let service = private_server.as_ref().ok().map(LocalServer::service);
    let is_private = uses_private_server(&database, service.as_deref())?;
    let private_server = if is_private {
        Some(private_server?)
    } else {
        None
    };
    let request = InitRequest {
        database,
        private_server,
        distros,
    };
    let options = ChangeOptions {
        comment: context.settings.default_comment(),
        dry_run: args.dry_run,
    };
    let progress = |event| match event {
        InitEvent::ServiceNotRecorded { reason } => warn_about_service(&reason, context.printer),
    };
    let outcome = init(&request, &options, &progress, &stop_on_interrupt())
        .await
        .map_err(|error| {
            let is_interrupted = matches!(error, Error::Interrupted);
            let failure = CliError::from(error);
            if is_interrupted {
                failure.hint("sqern init  # continues")
            } else {
                failure
            }
        })?;
    let initialized = Initialized {
        outcome,
        dry_run: args.dry_run,
    };
    let printed = context
        .printer
        .value(&initialized, || initialized.describe());
    printed.map_err(|error| {
        if args.dry_run {
            error
        } else {
            error
                .after("the database is set up")
                .hint("sqern init  # prints its state")
        }
    })?;
    if !args.dry_run && context.printer.format() == Format::Table {
        context.printer.note("");
        context
            .printer
            .note(&next_commands(initialized.outcome.server.as_ref(), context));
    }
    Ok(ExitStatus::Success)
}

/// Returns a note with the commands that follow.
fn next_commands(server: Option<&InitializedServer>, context: &Context<'_>) -> String {
    let mut lines = vec!["Next:".to_owned()];
    if let Some(program) = context.settings.program_outside_path() {
        lines.push(format!("  alias sqern={}", program.display()));
    }
    let mut add = |command: &str, purpose: &str| lines.push(format!("  {command:<38} {purpose}"));
    let check = if context.settings.has_apt_lists() {
        "sqern check --apt-lists"
    } else {
        "sqern check"
    };
    add(check, "find the kernels in package repositories");
    add(
        "sqern why \"$(uname -r)\"",
        "show the stage of the running kernel",
    );
    if let Some(service) = server.and_then(|server| server.service.as_ref()) {
        add(&format!("psql service={service}"), "query the tables");
    }
    add(
        "sqern completions --help",
        "complete commands in your shell",
    );
    lines.join("\n")
}
