//! `sqern cust load`: records a monitoring report as clusters and hosts.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use sqern_core::customers::{
    self, LoadEvent, LoadRequest, ReportFormat, ReportShrink, ReportSource,
};
use sqern_core::{Error, Progress, read_model};
use sqern_model::counted;

use crate::cli::Context;
use crate::cli::change::ChangeArgs;
use crate::cli::progress::phase;
use crate::error::{CliError, ExitStatus};
use crate::output::change::generation_note;
use crate::output::load::print;
use crate::output::read_model::StaleProgress;
use crate::printer::{Format, query_limit};

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// One JSON document with all clusters
    Json,
    /// JSON lines, one cluster per line
    Jsonl,
    /// CSV with a header line, one kernel of a host per line
    Csv,
}

impl From<FormatArg> for ReportFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Json => Self::Json,
            FormatArg::Jsonl => Self::JsonLines,
            FormatArg::Csv => Self::Csv,
        }
    }
}

/// Load a monitoring report of clusters, hosts and their kernels
///
/// The load adds new records, updates changed records and marks absent records as deleted, in one
/// generation. An unchanged report creates no generation. One invalid record rejects the whole
/// report.
///
/// A report is JSON, JSON Lines (a cluster per line) or CSV with the columns cluster, type, host,
/// distro, version and current. The page docs/reference/customer-reports.md describes the fields,
/// and docs/cust-report.schema.json is the JSON schema.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern cust load report.json --dry-run
  sqern cust load report.csv.gz --comment 'daily monitoring'
  sqern cust report | sqern cust load - --partial    # a cluster that contains only this host")]
pub(in crate::cli) struct LoadArgs {
    /// Report in JSON, JSON Lines or CSV, or - for standard input; gzip and zstd are decompressed
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Format of the report [default: detected from the file name or the content]
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// Keep clusters that the report does not contain
    #[arg(long)]
    partial: bool,
    /// Accept a report that deletes more than one fifth of the clusters or hosts
    #[arg(long)]
    accept_shrink: bool,
    /// Maximum number of changes to print; 0 for all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u32,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(args: LoadArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let LoadArgs {
        file,
        format,
        partial,
        accept_shrink,
        limit,
        change,
    } = args;
    let source = if file.as_os_str() == "-" {
        ReportSource::Stream {
            name: "standard input".to_owned(),
            bytes: Box::new(io::stdin()),
        }
    } else {
        ReportSource::File(file)
    };
    let request = LoadRequest {
        partial,
        accept_shrink,
        max_changes: query_limit(limit),
    };
    // The session is closed before the report is read: its sender can be slow, and a server can
    // close idle sessions.
    let known = customers::known_names(&context.database().open().await?.client).await?;
    let progress = LoadProgress(phase(
        context.printer.shows_progress(),
        "reading the report",
    ));
    let report = customers::receive(source, format.map(Into::into), known).await?;
    let mut session = context.open().await?;
    let outcome = customers::load(
        &mut session.client,
        report,
        &request,
        &change.options(context),
        &progress,
    )
    .await;
    drop(progress);
    let outcome = match outcome {
        Err(Error::ReportShrink(shrink)) => return Err(rejected(shrink, change.dry_run, context)),
        outcome => outcome?,
    };
    print(&outcome, change.dry_run, context.printer)?;
    if context.printer.format() == Format::Table {
        context.printer.note(&generation_note(
            outcome.finished,
            change.dry_run,
            "nothing to change",
        ));
    }
    // The result is already printed, because the update can take longer than the load.
    if read_model::requires_catch_up(outcome.finished) {
        read_model::catch_up(&mut session.client, &StaleProgress(context.printer)).await;
    }
    outcome.shrink.map_or(Ok(ExitStatus::Success), |shrink| {
        Err(rejected(shrink, change.dry_run, context))
    })
}

/// Returns the error of a report that deletes too much, with commands that print and accept the
/// deletions.
fn rejected(shrink: ReportShrink, dry_run: bool, context: &Context<'_>) -> CliError {
    let mut failure = CliError::from(Error::ReportShrink(shrink));
    if !dry_run {
        let command = context.settings.command_with("--dry-run", &[]);
        failure = failure.hint(format!("{command}  # prints what would be deleted"));
    }
    let command = context
        .settings
        .command_with("--accept-shrink", &["--dry-run"]);
    failure.hint(format!("{command}  # if they no longer exist"))
}

/// A progress line with the current phase of a load.
struct LoadProgress(ProgressBar);

impl Progress<LoadEvent> for LoadProgress {
    fn report(&self, event: LoadEvent) {
        match event {
            LoadEvent::Comparing => self.0.set_message("comparing the report with the database"),
            LoadEvent::Recording { changes } => self
                .0
                .set_message(format!("recording {}", counted(changes, "change"))),
        }
    }
}
