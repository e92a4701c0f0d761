//! The output of `sqern available`.

use sqern_core::available::{AvailabilityChange, Available};

use super::change::print_change;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Printer, Record};

impl Record for Available {
    const SCHEMA: &'static str = "available.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("revision"),
        Column::name("target"),
        Column::name("distro"),
        Column::name("version"),
    ];
}

/// Prints a line with the new state for each kernel, and the generation.
pub fn print(
    change: &AvailabilityChange,
    state: &str,
    dry_run: bool,
    printer: &Printer,
) -> Result<ExitStatus, CliError> {
    let AvailabilityChange {
        target,
        kernels,
        finished,
        ..
    } = change;
    let line = |kernel: &sqern_model::Kernel| {
        format!("{} {}: {state} for {target}", kernel.distro, kernel.version)
    };
    print_change(
        printer,
        &kernels.iter().map(line).collect::<Vec<_>>(),
        *finished,
        dry_run,
    )
}
