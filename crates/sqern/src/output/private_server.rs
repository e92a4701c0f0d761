//! Messages about the private server.

use crate::printer::Printer;

/// Warns that the service record of a running server could not be written.
pub fn warn_about_service(reason: &str, printer: &Printer) {
    let hint = "Set PGSERVICEFILE to a writable file, then run sqern local up again.";
    printer.warning_with_hint(
        &format!("{reason}; the server is running without a connection service"),
        Some(hint),
    );
}
