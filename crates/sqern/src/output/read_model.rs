//! Notes and warnings about a read model that was not updated.

use sqern_core::Progress;
use sqern_core::read_model::{MAX_ROWS, StaleReason};
use sqern_model::grouped;

use crate::printer::Printer;

/// Prints the reason why the read model was not updated.
pub struct StaleProgress<'a>(pub &'a Printer);

impl Progress<StaleReason> for StaleProgress<'_> {
    fn report(&self, reason: StaleReason) {
        let Self(printer) = self;
        match reason {
            StaleReason::TooManyChanges => {
                let text = format!(
                    "the read model lacks the changes of more than {} kernels and hosts, or was never filled; reading the journaled tables takes longer",
                    grouped(MAX_ROWS.unsigned_abs())
                );
                printer.note_with_hint(&text, Some("sqern db refresh"));
            }
            StaleReason::Locked => printer.note(
                "another session updates the read model; reading the journaled tables takes longer",
            ),
            StaleReason::Failed { message, hint } => {
                let text = format!("could not update the read model: {message}");
                printer
                    .warning_with_hint(&text, Some(hint.as_deref().unwrap_or("sqern db refresh")));
            }
        }
    }
}
