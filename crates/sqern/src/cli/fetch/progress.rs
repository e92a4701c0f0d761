//! Progress of a fetch: on a terminal a line that counts kernels and bytes; everywhere warnings
//! about missing tools and weak isolation.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::ProgressBar;
use sqern_core::Progress;
use sqern_core::fetch::{FetchEvent, MissingTools};
use sqern_store::tree::Purpose;

use crate::cli::progress;
use crate::cli::sandbox_args::warn_weak_isolation;
use crate::printer::Printer;

/// Prints the events of a fetch.
pub(super) struct FetchProgress<'a> {
    printer: &'a Printer,
    bar: ProgressBar,
    received_bytes: AtomicU64,
}

impl<'a> FetchProgress<'a> {
    pub(super) fn new(printer: &'a Printer, kernels: usize) -> Self {
        let bar = progress::counter(printer.shows_progress(), kernels as u64);
        Self {
            printer,
            bar,
            received_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress<FetchEvent> for FetchProgress<'_> {
    fn report(&self, event: FetchEvent) {
        match event {
            FetchEvent::Received { bytes } => {
                self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            FetchEvent::MissingTools(missing) => {
                let warn = || {
                    self.printer
                        .warning_with_hint(&warning(&missing), missing.install.as_deref());
                };
                self.bar.suspend(warn);
            }
            FetchEvent::NoSymbolVersions(kernel) => {
                let text = format!(
                    "modules for {kernel} have no symbol versions: its headers contain no Module.symvers"
                );
                let hint = "The kernel cannot detect that such a module is incompatible (CONFIG_MODVERSIONS).";
                let warn = || self.printer.warning_with_hint(&text, Some(hint));
                self.bar.suspend(warn);
            }
            FetchEvent::WeakIsolation(weak) => {
                self.bar
                    .suspend(|| warn_weak_isolation(self.printer, &weak));
            }
            FetchEvent::KernelFinished(_) => {
                let bytes = self.received_bytes.load(Ordering::Relaxed);
                self.bar.inc(1);
                self.bar
                    .set_message(indicatif::HumanBytes(bytes).to_string());
            }
        }
    }
}

/// Returns the warning about missing tools, with the consequence for the test module.
fn warning(missing: &MissingTools) -> String {
    let kernel = &missing.kernel;
    if missing.lacks(Purpose::Compile) {
        let pronoun = if missing.tools.len() == 1 {
            "it"
        } else {
            "them"
        };
        return format!("{missing}; the headers of {kernel} require {pronoun} to compile modules");
    }
    let omitted = match (missing.lacks(Purpose::Objtool), missing.lacks(Purpose::Btf)) {
        (true, true) => "objtool and BTF",
        (true, false) => "objtool",
        (false, _) => "BTF",
    };
    format!(
        "{missing}; test modules for {kernel} are compiled without {omitted}, which other builds require"
    )
}
