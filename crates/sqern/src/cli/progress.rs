//! Progress lines on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use sqern_model::counted;

/// Returns a line that counts completed kernels; hidden without a terminal.
pub(super) fn counter(watched: bool, total: u64) -> ProgressBar {
    let target = if watched {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let template = format!(
        "{{spinner}} {{elapsed}} {{pos}} of {} {{wide_msg}}",
        counted(total, "kernel")
    );
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Returns a line with the current phase, removed when it is dropped; hidden without a terminal.
pub(super) fn phase(watched: bool, message: &'static str) -> ProgressBar {
    let target = if watched {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target)
        .with_finish(ProgressFinish::AndClear)
        .with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
