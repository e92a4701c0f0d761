//! The option `--sandbox`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sqern_core::sandbox::{Mode, WeakIsolation};

use crate::printer::Printer;

/// Returns the parser of the values of `--sandbox`.
pub(super) fn sandbox_mode() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::as_str)).try_map(|name| name.parse::<Mode>())
}

/// Prints a warning about weak isolation, and how to avoid it.
pub(super) fn warn_weak_isolation(printer: &Printer, weak: &WeakIsolation) {
    printer.warning_with_hint(&weak.to_string(), Some(&weak.obstacle.hint));
}
