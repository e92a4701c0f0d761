//! `sqern doctor`: checks the installation.

use clap::Args;
use sqern_core::doctor::{DoctorRequest, State, diagnose, group_by_cause};
use sqern_model::DistroName;

use super::Context;
use super::sources::{CrawlArgs, SourcesArgs, definition};
use super::store_args::StoreArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::doctor::{describe, fits, summary};
use crate::printer::{Format, RowArgs};

/// Check the installation, and print how to fix each problem
///
/// The result of a check is ok, warning, failed or skipped. A check is skipped if a requirement of
/// the check is missing. The command changes nothing and does not require root.
///
/// Exit status: 0 if no check failed, 1 if a check failed, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Checks:
  database  connection, server version, clock, roles, schema, journal, age of the last crawl
  sources   definitions, keyrings, availability of the servers, signatures, clocks
  tools     make, compiler and other build tools, apt-get, sandbox of test modules
  store     directory, free disk space, cache

Examples:
  sqern doctor                            # all checks
  sqern doctor --offline                  # no network access except to the database
  sqern doctor --distro debian12 --distro alma9 --json
  sqern doctor --service sqern-prod --store /var/lib/sqern/store")]
pub(super) struct DoctorArgs {
    /// Distribution (repeatable) [default: all supported]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Do not contact the sources
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    sources: SourcesArgs,
    #[command(flatten)]
    crawl: CrawlArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(args: DoctorArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let sources = args.sources.load(context);
    if let Ok(set) = &sources {
        // An unknown name is an error of the command, not a finding.
        args.distros
            .iter()
            .try_for_each(|name| definition(set, name).map(drop))?;
    }
    let request = DoctorRequest {
        distros: args.distros,
        sources: sources.map_err(Into::into),
        crawl: (!args.offline).then(|| args.crawl.options(context)),
        store: args.store.directory(context).map_err(Into::into),
        path: context.settings.path.clone().unwrap_or_default(),
        launcher: context.settings.launcher(),
        now: context.settings.now(),
    };
    let connection = context.connect().await.map_err(Into::into);
    let findings = diagnose(connection, &request).await;
    // Structured output contains each finding. A table combines findings with the same cause.
    let causes = group_by_cause(&findings);
    match (context.printer.format(), context.printer.text_width()) {
        (Format::Table, Some(width)) if !fits(&causes, width) => {
            context.printer.text(&describe(&causes, width))?;
        }
        // In a file or a pipe, a line for each finding is shorter than a row of the widest one.
        (Format::Table, None) => context.printer.text(&describe(&causes, usize::MAX))?,
        (Format::Table, _) => context.printer.list(&causes, &RowArgs::default())?,
        (Format::Json | Format::Csv { .. }, _) => {
            context.printer.list(&findings, &RowArgs::default())?;
        }
    }
    context.printer.note(&summary(&findings));
    Ok(
        if findings
            .iter()
            .any(|finding| finding.state == State::Failed)
        {
            ExitStatus::Failed
        } else {
            ExitStatus::Success
        },
    )
}
