//! The output of `sqern check`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::check::{CheckSummary, CheckedDistro, CheckedSource};
use sqern_model::{KernelVersion, counted};

use super::change::generation_note;
use crate::error::CliError;
use crate::printer::{Column, Document, Format, Kind, Printer, Record, RowArgs};

/// The result of a check.
#[derive(Serialize, JsonSchema)]
pub struct CheckReport<'a> {
    #[serde(flatten)]
    summary: &'a CheckSummary,
    /// Whether nothing was changed.
    dry_run: bool,
}

impl Record for CheckedSource {
    const SCHEMA: &'static str = "check.sources/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("source"),
        Column::status("state"),
        Column::number("kernels"),
        Column::new("bytes", Kind::Bytes).headed("read"),
    ];
}

/// Prints the sources and the differences; warnings, reasons and the generation to standard error.
pub fn print(summary: &CheckSummary, dry_run: bool, printer: &Printer) -> Result<(), CliError> {
    if printer.format() == Format::Json {
        return printer.value(&CheckReport { summary, dry_run }, String::new);
    }
    printer.list(&summary.sources, &RowArgs::default())?;
    if printer.format() == Format::Table {
        print_versions(&summary.distros, printer)?;
    }
    print_problems(summary, printer);
    let unchanged = if summary.is_complete() {
        "no changes"
    } else {
        "no changes in the sources that could be read"
    };
    printer.note(&generation_note(summary.finished, dry_run, unchanged));
    Ok(())
}

fn print_versions(distros: &[CheckedDistro], printer: &Printer) -> Result<(), CliError> {
    for CheckedDistro { distro, new, gone } in distros {
        for (noun, predicate, kernels) in [
            ("new kernel", "in", new),
            ("kernel", "no longer listed in", gone),
        ] {
            if !kernels.is_empty() {
                let count = counted(kernels.len(), noun);
                let versions = kernels
                    .iter()
                    .map(KernelVersion::as_str)
                    .collect::<Vec<_>>()
                    .join("\n  ");
                printer.text(&format!("\n{count} {predicate} {distro}:\n  {versions}"))?;
            }
        }
    }
    Ok(())
}

fn print_problems(summary: &CheckSummary, printer: &Printer) {
    for warning in summary.warnings() {
        printer.warning(&warning.message());
    }
    for problem in summary.problems() {
        let failure = CliError::failed(problem.message());
        printer.problem(&match problem.sources.as_slice() {
            _ if problem.is_offline() => failure.hint(
                "sqern check --apt-lists  # reads the package lists of this machine, without a network",
            ),
            [first, _, ..] => failure.hint(format!(
                "sqern source test {}  # prints the reason of each source",
                first.distro
            )),
            _ => failure,
        });
    }
}

impl Document for CheckReport<'_> {
    const SCHEMA: &'static str = "check/1";
}
