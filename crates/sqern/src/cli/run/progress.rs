//! Progress of a run: on a terminal a line for each running command, elsewhere a line for each
//! finished kernel.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sqern_core::Progress;
use sqern_core::runs::{KernelOutcome, RunEvent};
use sqern_model::escape::escape_value;
use sqern_model::{Kernel, RunResult, counted};

use crate::cli::progress;
use crate::cli::sandbox_args::warn_weak_isolation;
use crate::output::read_model::StaleProgress;
use crate::printer::Printer;

/// Prints the events of runs.
pub(super) struct RunProgress<'a> {
    printer: &'a Printer,
    bars: Mutex<Option<Bars>>,
    weak_isolation: Once,
}

/// The lines of one run on a terminal.
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<Kernel, ProgressBar>,
}

impl<'a> RunProgress<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self {
            printer,
            bars: Mutex::default(),
            weak_isolation: Once::new(),
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bars) = self.bars().take() {
            bars.total.finish_and_clear();
            let _ = bars.all.clear();
        }
    }

    fn bars(&self) -> MutexGuard<'_, Option<Bars>> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, outcome: &KernelOutcome) {
        let KernelOutcome {
            kernel,
            result,
            seconds,
            ..
        } = outcome;
        if let Some(bars) = self.bars().as_mut() {
            bars.total.inc(1);
            if let Some(bar) = bars.running.remove(kernel) {
                bar.finish_and_clear();
            }
        } else {
            let result = result.unwrap_or(RunResult::Aborted);
            self.printer.note(&format!(
                "{} {} {result} {seconds:.1} s",
                kernel.distro, kernel.version
            ));
        }
    }
}

impl Bars {
    fn new(kernels: usize) -> Self {
        let all = MultiProgress::new();
        let total = all.add(progress::counter(true, kernels as u64));
        Self {
            all,
            total,
            running: BTreeMap::new(),
        }
    }

    fn start(&mut self, kernel: Kernel) {
        let bar = self.all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        let name = format!("{} {}", kernel.distro, kernel.version);
        bar.set_message(escape_value(&name).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.running.insert(kernel, bar);
    }
}

impl Progress<RunEvent> for RunProgress<'_> {
    fn report(&self, event: RunEvent) {
        match event {
            RunEvent::ReadModelStale(reason) => StaleProgress(self.printer).report(reason),
            // Each test run selects the sandbox again.
            RunEvent::WeakIsolation(weak) => self
                .weak_isolation
                .call_once(|| warn_weak_isolation(self.printer, &weak)),
            RunEvent::AbandonedRunClosed { kind, id } => {
                self.printer.warning(&format!(
                    "{kind} {id} was abandoned by its owner; its result is ABORTED"
                ));
            }
            RunEvent::RunStarted {
                kind,
                id,
                kernels,
                logs,
            } => {
                let count = counted(kernels, "kernel");
                self.printer
                    .note(&format!("{kind} {id}: {count}, logs in {}", logs.display()));
                *self.bars() = self.printer.shows_progress().then(|| Bars::new(kernels));
            }
            RunEvent::KernelStarted(kernel) => {
                if let Some(bars) = self.bars().as_mut() {
                    bars.start(kernel);
                }
            }
            RunEvent::KernelFinished(outcome) if outcome.log.is_some() => self.finished(&outcome),
            // Skipped kernels are part of the list, and a lost lease is the error of the command.
            RunEvent::KernelFinished(_) | RunEvent::LeaseLost { .. } => {}
        }
    }
}
