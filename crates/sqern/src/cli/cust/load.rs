//! `sqern cust load`: records a monitoring report as clusters and hosts.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use sqern_db::change::{self, Finished};
use sqern_db::cust::load::{self as db, Change, CompareError, Counts, Totals};
use sqern_db::{AsOf, cust as tables};
use sqern_model::{Shrink, counted};

use crate::cli::Context;
use crate::cli::change::{ChangeArgs, generation_note};
use crate::cli::progress::phase;
use crate::cust::{self, Known, Read, ReportError, ReportFormat};
use crate::failure::{Exit, Failure};
use crate::printer::Format;

/// How many blocks of rows may wait for the database.
const BLOCKS: usize = 4;

/// Load a monitoring report of clusters, hosts and their kernels
///
/// The load adds new records, updates changed records and marks absent records as deleted, in one generation. An unchanged report creates
/// no generation. One invalid record rejects the whole report.
///
/// A report is JSON, JSON Lines (a cluster per line) or CSV with the columns cluster, type, host, distro, version and current. The page
/// docs/reference/customer-reports.md describes the fields, and docs/cust-report.schema.json is the JSON schema.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern cust load report.json --dry-run
  sqern cust load report.csv.gz --comment 'daily monitoring'
  sqern cust report --cluster acme-1 | sqern cust load - --partial")]
pub(in crate::cli) struct LoadArgs {
    /// Report in JSON, JSON Lines or CSV, or - for standard input; gzip and zstd are decompressed
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Format of the report [default: detected from the file name or the content]
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,
    /// Keep clusters that the report does not contain
    #[arg(long)]
    partial: bool,
    /// Accept a report that deletes more than one fifth of the clusters or hosts
    #[arg(long)]
    accept_shrink: bool,
    /// Maximum number of changes to print
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u32,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The result of a load.
#[derive(Debug, Serialize)]
struct Loaded<'a> {
    #[serde(flatten)]
    totals: Totals,
    /// The first of what changed.
    changes: &'a [Change],
    dry_run: bool,
    #[serde(flatten)]
    finished: Finished,
}

pub(super) async fn run(args: LoadArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    let progress = phase(context.printer.is_watched(), "reading the report");
    let read = receive(&args, &session.client).await?;
    progress.set_message("comparing the report with the database");
    let change = change::begin(&mut session.client, &args.change.comment(context)).await?;
    let parts = read.format == ReportFormat::Csv;
    let totals = db::compare(&change.transaction, args.partial, parts).await.map_err(|error| refused(error, parts))?;
    let total = total(&totals);
    let changes = if total > 0 { db::changes(&change.transaction, i64::from(args.limit)).await? } else { vec![] };
    let refusal = if args.accept_shrink { None } else { shrinks(&totals, &args) };
    if refusal.is_some() && !args.change.dry_run {
        return refusal.map_or(Ok(Exit::Done), Err);
    }
    progress.set_message(format!("recording {}", counted(total, "change")));
    db::apply(&change.transaction, &totals).await?;
    let finished = change.finish(args.change.dry_run).await?;
    drop(progress);
    report(context, &Loaded { totals, changes: &changes, dry_run: args.change.dry_run, finished }, total)?;
    refusal.map_or(Ok(Exit::Done), Err)
}

/// Reads the report into the session's tables.
async fn receive(args: &LoadArgs, client: &tokio_postgres::Client) -> Result<Read, Failure> {
    let types = tables::types(client, &AsOf::Now).await?;
    let distros = sqern_db::distro::list(client, &AsOf::Now).await?;
    let known = Known::new(&types, distros.into_iter().map(|distro| distro.name));
    let (sender, mut blocks) = tokio::sync::mpsc::channel(BLOCKS);
    let reading = cust::read(&args.file, args.format, known, sender);
    let mut read = None;
    db::receive(client, &mut blocks, || read.insert(reading.finish()).is_ok()).await?;
    let read = read.ok_or_else(|| Failure::unmet("could not read the report: the reader returned no result"))?;
    read.map_err(|error| unreadable(&error, &args.file))
}

fn unreadable(error: &ReportError, file: &Path) -> Failure {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let place = error.place.map(|place| format!("{name}, {place}: ")).unwrap_or_default();
    error.hints.iter().fold(Failure::unmet(format!("{place}{}; nothing was changed", error.message)), Failure::hint)
}

fn refused(error: CompareError, parts: bool) -> Failure {
    match error {
        CompareError::Db(error) => error.into(),
        CompareError::HostTwice { .. } if parts => Failure::unmet(format!("{error}; nothing was changed"))
            .hint("{ head -n 1 FILE; tail -n +2 FILE | sort; } | sqern cust load -  # if the lines are only unsorted"),
        other => Failure::unmet(format!("{other}; nothing was changed")),
    }
}

/// Returns the error for a report that deletes too much.
fn shrinks(totals: &Totals, args: &LoadArgs) -> Option<Failure> {
    let of = |what: &str, shrink: Shrink| {
        let Shrink { live, removed } = shrink;
        shrink.is_too_much().then(|| format!("{removed} of {}", counted(live, what)))
    };
    let too_much: Vec<String> =
        [of("cluster", totals.cluster_shrink), of("host", totals.host_shrink)].into_iter().flatten().collect();
    (!too_much.is_empty()).then(|| {
        let file = args.file.display();
        // Without --partial the load would delete the other clusters.
        let partial = if args.partial { " --partial" } else { "" };
        let message = format!("report would delete {}, more than one fifth; nothing was changed", too_much.join(" and "));
        let mut failure = Failure::unmet(message);
        if !args.change.dry_run {
            failure = failure.hint(format!("sqern cust load {file}{partial} --dry-run  # prints what would be deleted"));
        }
        failure.hint(format!("sqern cust load {file}{partial} --accept-shrink  # if they no longer exist"))
    })
}

/// How many lines the difference has.
fn total(totals: &Totals) -> i64 {
    let Totals { clusters, host_kernels, new_kernels, .. } = totals;
    let lines = |counts: &Counts| counts.added + counts.changed + counts.brought_back + counts.removed;
    lines(clusters) + lines(host_kernels) + new_kernels
}

fn report(context: &Context<'_>, loaded: &Loaded<'_>, total: i64) -> Result<(), Failure> {
    if context.printer.format() != Format::Table {
        return context.printer.one("cust.load/1", loaded, String::new);
    }
    let Loaded { totals, changes, dry_run, finished } = loaded;
    if !changes.is_empty() {
        context.printer.data(&changes.iter().map(describe).collect::<Vec<_>>().join("\n"))?;
    }
    let hidden = total - i64::try_from(changes.len()).unwrap_or(i64::MAX);
    if hidden > 0 {
        context.printer.note(&format!("{} (--limit {total} prints all)", counted(hidden, "more change")));
    }
    for (what, counts) in [("clusters", totals.clusters), ("hosts", totals.hosts), ("kernels on hosts", totals.host_kernels)] {
        let parts =
            [(counts.added, "new"), (counts.changed, "changed"), (counts.brought_back, "restored"), (counts.removed, "deleted")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if !parts.is_empty() {
            context.printer.note(&format!("{what}: {}", parts.join(", ")));
        }
    }
    if totals.new_kernels > 0 {
        context.printer.note(&format!("kernels: {} new", totals.new_kernels));
    }
    context.printer.note(&generation_note(*finished, *dry_run, "nothing to change"));
    Ok(())
}

/// One change in a line.
fn describe(change: &Change) -> String {
    let Change { sign, cluster, host, distro, version, was, becomes, brought_back } = change;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let kernel = distro.as_ref().zip(version.as_ref()).map(|(distro, version)| format!("{distro} {version}")).unwrap_or_default();
    match (cluster, host) {
        (None, _) => format!("{sign} kernel {kernel}"),
        (Some(cluster), None) => {
            let back = if *brought_back { ", restored" } else { "" };
            match (was, becomes) {
                (Some(was), Some(becomes)) if was != becomes => format!("{sign} cluster {cluster}: {was} → {becomes}{back}"),
                (was, becomes) => {
                    format!("{sign} cluster {cluster} ({}){back}", text(if becomes.is_some() { becomes } else { was }))
                }
            }
        }
        (Some(cluster), Some(host)) => match (was, becomes) {
            (Some(was), Some(becomes)) => format!("{sign} {cluster} {host}: {kernel} {was} → {becomes}"),
            (was, becomes) => {
                format!("{sign} {cluster} {host}: {kernel} {}", text(if becomes.is_some() { becomes } else { was }))
            }
        },
    }
}
