//! `sqern cust load`: a monitoring report becomes clusters and hosts.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use sqern_db::change::{self, Finished};
use sqern_db::cust::load::{self as db, Change, CompareError, Counts, Totals};
use sqern_db::{AsOf, cust as tables};
use sqern_model::Shrink;

use crate::cli::Context;
use crate::cli::change::{ChangeArgs, events};
use crate::cli::progress::phase;
use crate::cust::{self, Known, Read, ReportError, ReportFormat};
use crate::failure::{Exit, Failure};
use crate::printer::Format;

/// How many blocks of rows may wait for the database.
const BLOCKS: usize = 4;

/// Record a monitoring report: which clusters there are, which hosts, which kernels these run and have installed
///
/// What is new is added, what changed is changed, what is no longer there is marked as deleted, all in one generation; an equal report
/// leaves no trace. One wrong record refuses the whole report. The formats: docs/customers.md and docs/cust-report.schema.json.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern cust load report.json --dry-run
  sqern cust load report.csv.gz --comment 'monitoring of the day'
  sqern cust report --cluster acme-1 | sqern cust load - --partial")]
pub(in crate::cli) struct LoadArgs {
    /// The report, - for standard input; may be compressed by gzip or zstd
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// How it is written [default: by its suffix, else by its content]
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,
    /// Clusters that are not named stay as they are
    #[arg(long)]
    partial: bool,
    /// Take a report that marks over a fifth of the live clusters or hosts as deleted
    #[arg(long)]
    accept_shrink: bool,
    /// Show at most so many changes
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u32,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What a load came to.
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
    progress.set_message("comparing it with what is recorded");
    let change = change::begin(&mut session.client, &args.change.comment(context)).await?;
    let parts = read.format == ReportFormat::Csv;
    let totals = db::compare(&change.transaction, args.partial, parts).await.map_err(|error| refused(error, parts))?;
    let total = total(&totals);
    let changes = if total > 0 { db::changes(&change.transaction, i64::from(args.limit)).await? } else { vec![] };
    let refusal = if args.accept_shrink { None } else { shrinks(&totals, &args.file) };
    if refusal.is_some() && !args.change.dry_run {
        return refusal.map_or(Ok(Exit::Done), Err);
    }
    progress.set_message(format!("recording {}", changes_of(total)));
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
    let read = read.ok_or_else(|| Failure::unmet("expected the report to be read, got no answer"))?;
    read.map_err(|error| unreadable(&error, &args.file))
}

fn unreadable(error: &ReportError, file: &Path) -> Failure {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let place = error.place.map(|place| format!(", at {name}, {place}")).unwrap_or_default();
    error.hints.iter().fold(Failure::unmet(format!("{}{place}; nothing was changed", error.message)), Failure::hint)
}

fn refused(error: CompareError, parts: bool) -> Failure {
    match error {
        CompareError::Db(error) => error.into(),
        CompareError::HostTwice { .. } if parts => Failure::unmet(format!("{error}; nothing was changed"))
            .hint("{ head -n 1 FILE; tail -n +2 FILE | sort; } | sqern cust load -  # where its lines are only scattered"),
        other => Failure::unmet(format!("{other}; nothing was changed")),
    }
}

/// Why a report takes too much away, if it does.
fn shrinks(totals: &Totals, file: &Path) -> Option<Failure> {
    let of = |what: &str, shrink: Shrink| {
        let Shrink { live, removed } = shrink;
        shrink.is_too_much().then(|| format!("{removed} of {live} {what}"))
    };
    let too_much: Vec<String> =
        [of("clusters", totals.cluster_shrink), of("hosts", totals.host_shrink)].into_iter().flatten().collect();
    (!too_much.is_empty()).then(|| {
        Failure::unmet(format!(
            "expected a report that keeps four fifths of what is live, got one that would mark {} as deleted; nothing was changed",
            too_much.join(" and ")
        ))
        .hint(format!("sqern cust load {} --dry-run  # what would go", file.display()))
        .hint(format!("sqern cust load {} --accept-shrink  # where they are really gone", file.display()))
    })
}

/// `1 change`, `2 changes`.
fn changes_of(total: i64) -> String {
    format!("{total} {}", if total == 1 { "change" } else { "changes" })
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
        context.printer.note(&format!("{hidden} more changes; --limit {total} shows them all"));
    }
    for (what, counts) in [("clusters", totals.clusters), ("hosts", totals.hosts), ("kernels on hosts", totals.host_kernels)] {
        let parts = [
            (counts.added, "new"),
            (counts.changed, "changed"),
            (counts.brought_back, "brought back"),
            (counts.removed, "no longer there"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if !parts.is_empty() {
            context.printer.note(&format!("{what}: {}", parts.join(", ")));
        }
    }
    if totals.new_kernels > 0 {
        context.printer.note(&format!("kernels: {} new", totals.new_kernels));
    }
    context.printer.note(&match (finished.generation, dry_run) {
        (Some(id), _) => format!("generation {id}: {}", events(finished.events)),
        (None, true) if finished.events > 0 => {
            format!("would be a generation of {}; nothing was changed", events(finished.events))
        }
        (None, _) => "nothing to change".to_owned(),
    });
    Ok(())
}

/// One change in a line.
fn describe(change: &Change) -> String {
    let Change { sign, cluster, host, distro, version, was, becomes, brought_back } = change;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let kernel = format!("{} {}", text(distro), text(version));
    match (cluster, host) {
        (None, _) => format!("{sign} kernel {kernel}"),
        (Some(cluster), None) => {
            let back = if *brought_back { ", brought back" } else { "" };
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
