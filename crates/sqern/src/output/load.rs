//! The output of a load of a report.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::customers::{Change, LoadOutcome, Totals};
use sqern_db::change::Finished;
use sqern_model::counted;
use sqern_model::escape::escape_value;

use crate::error::CliError;
use crate::printer::{Document, Format, Printer};

/// The result of loading a report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Loaded<'a> {
    #[serde(flatten)]
    totals: Totals,
    /// The first changes, up to the limit of the request.
    changes: &'a [Change],
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    finished: Finished,
}

impl Document for Loaded<'_> {
    const SCHEMA: &'static str = "cust.load/1";
}

/// Prints the changes and their numbers.
pub fn print(outcome: &LoadOutcome, dry_run: bool, printer: &Printer) -> Result<(), CliError> {
    let LoadOutcome {
        totals,
        total_changes,
        changes,
        finished,
        ..
    } = outcome;
    if printer.format() != Format::Table {
        let loaded = Loaded {
            totals: *totals,
            changes,
            dry_run,
            finished: *finished,
        };
        let written = printer.value(&loaded, String::new);
        return written.map_err(|error| error.after_generation(*finished));
    }
    if !changes.is_empty() {
        printer
            .text(&changes.iter().map(describe).collect::<Vec<_>>().join("\n"))
            .map_err(|error| error.after_generation(*finished))?;
    }
    let hidden = total_changes - i64::try_from(changes.len()).unwrap_or(i64::MAX);
    if hidden > 0 {
        printer.note(&format!(
            "{} (--limit 0 prints all)",
            counted(hidden, "more change")
        ));
    }
    for (noun, counts) in [
        ("clusters", totals.clusters),
        ("hosts", totals.hosts),
        ("kernels on hosts", totals.host_kernels),
    ] {
        let parts = [
            (counts.added, "new"),
            (counts.changed, "changed"),
            (counts.brought_back, "restored"),
            (counts.removed, "deleted"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
        if !parts.is_empty() {
            printer.note(&format!("{noun}: {}", parts.join(", ")));
        }
    }
    if totals.new_kernels > 0 {
        printer.note(&format!("kernels: {} new", totals.new_kernels));
    }
    Ok(())
}

/// Returns a line with one change.
fn describe(change: &Change) -> String {
    escape_value(&change_text(change)).into_owned()
}

fn change_text(change: &Change) -> String {
    let Change {
        sign,
        cluster,
        host,
        distro,
        version,
        was,
        becomes,
        brought_back,
    } = change;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let kernel = distro
        .as_ref()
        .zip(version.as_ref())
        .map(|(distro, version)| format!("{distro} {version}"));
    let kernel = kernel.unwrap_or_default();
    match (cluster, host) {
        (None, _) => format!("{sign} kernel {kernel}"),
        (Some(cluster), None) => {
            let back = if *brought_back { ", restored" } else { "" };
            match (was, becomes) {
                (Some(was), Some(becomes)) if was != becomes => {
                    format!("{sign} cluster {cluster}: {was} → {becomes}{back}")
                }
                (was, becomes) => {
                    format!(
                        "{sign} cluster {cluster} ({}){back}",
                        text(if becomes.is_some() { becomes } else { was })
                    )
                }
            }
        }
        (Some(cluster), Some(host)) => match (was, becomes) {
            (Some(was), Some(becomes)) => {
                format!("{sign} {cluster} {host}: {kernel} {was} → {becomes}")
            }
            (was, becomes) => {
                format!(
                    "{sign} {cluster} {host}: {kernel} {}",
                    text(if becomes.is_some() { becomes } else { was })
                )
            }
        },
    }
}
