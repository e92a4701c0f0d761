//! The output of a check.

use serde::Serialize;
use sqern_core::check::{CheckSummary, CheckedDistro, CheckedSource};
use sqern_model::{KernelVersion, counted};

use crate::cli::Context;
use crate::cli::change::generation_note;
use crate::error::CliError;
use crate::printer::{Column, Format, Kind, Record, RowArgs};

/// A check in JSON.
#[derive(Serialize)]
struct CheckReport<'a> {
    #[serde(flatten)]
    summary: &'a CheckSummary,
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
pub(super) fn print(
    summary: &CheckSummary,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<(), CliError> {
    let printer = context.printer;
    if printer.format() == Format::Json {
        return printer.value("check/1", &CheckReport { summary, dry_run }, String::new);
    }
    printer.list(&summary.sources, &RowArgs::default())?;
    if printer.format() == Format::Table {
        print_versions(&summary.distros, context)?;
    }
    print_problems(summary, context);
    let unchanged = if summary.is_complete() {
        "no changes"
    } else {
        "no changes in the sources that could be read"
    };
    printer.note(&generation_note(summary.finished, dry_run, unchanged));
    Ok(())
}

fn print_versions(distros: &[CheckedDistro], context: &Context<'_>) -> Result<(), CliError> {
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
                context
                    .printer
                    .text(&format!("\n{count} {predicate} {distro}:\n  {versions}"))?;
            }
        }
    }
    Ok(())
}

fn print_problems(summary: &CheckSummary, context: &Context<'_>) {
    for CheckedSource {
        distro,
        source,
        warnings,
        ..
    } in &summary.sources
    {
        for warning in warnings {
            context
                .printer
                .warning(&format!("{distro} {source}: {warning}"));
        }
    }
    for problem in summary.problems() {
        let failure = CliError::failed(problem.message());
        let hint =
            "sqern check --apt-lists  # reads the package lists of this machine, without a network";
        context.printer.problem(&if problem.is_offline() {
            failure.hint(hint)
        } else {
            failure
        });
    }
}
