//! Progress and result lines of a run.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use sqern_model::{Kernel, RunResult};

use crate::cli::{Context, progress};
use crate::printer::Record;

/// The result of one kernel.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Done {
    #[serde(flatten)]
    pub(super) kernel: Kernel,
    /// `None` if the run was interrupted.
    pub(super) result: Option<RunResult>,
    pub(super) seconds: f64,
    pub(super) log: Option<PathBuf>,
}

impl Record for Done {
    const SCHEMA: &'static str = "run.run/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "result", "seconds", "log"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.result.map_or("ABORTED", RunResult::as_str).to_owned(),
            format!("{:.1}", self.seconds),
            self.log.as_ref().map(|log| log.display().to_string()).unwrap_or_default(),
        ]
    }
}

/// Progress: on a terminal a line for each running command, elsewhere a line for each finished kernel.
pub(super) struct Lines {
    bars: Option<(MultiProgress, ProgressBar)>,
}

impl Lines {
    pub(super) fn new(context: &Context<'_>, total: usize) -> Self {
        let bars = context.printer.is_watched().then(|| {
            let all = MultiProgress::new();
            let whole = all.add(progress::counter(true, total as u64));
            (all, whole)
        });
        Self { bars }
    }

    pub(super) fn begin(&self, kernel: &Kernel) -> ProgressBar {
        let Some((all, _)) = &self.bars else { return ProgressBar::hidden() };
        let line = all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed} {wide_msg}") {
            line.set_style(style);
        }
        line.set_message(format!("{} {}", kernel.distro, kernel.version));
        line.enable_steady_tick(Duration::from_millis(120));
        line
    }

    pub(super) fn tell(&self, context: &Context<'_>, done: &Done) {
        let result = done.result.unwrap_or(RunResult::Aborted);
        if let Some((_, whole)) = &self.bars {
            whole.inc(1);
        } else {
            let Done { kernel, seconds, .. } = done;
            context.printer.note(&format!("{} {} {result} {seconds:.1} s", kernel.distro, kernel.version));
        }
    }

    pub(super) fn clear(&self) {
        if let Some((all, whole)) = &self.bars {
            whole.finish_and_clear();
            let _ = all.clear();
        }
    }
}
