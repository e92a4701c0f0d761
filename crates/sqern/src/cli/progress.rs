//! Progress lines on a terminal.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use sqern_model::{DistroName, counted};
use sqern_upstream::Progress;

/// The number of running sources that the line names.
const NAMED: usize = 3;

/// Returns a line that counts completed kernels; hidden without a terminal.
pub(super) fn counter(watched: bool, total: u64) -> ProgressBar {
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let template = format!("{{spinner}} {{elapsed}} {{pos}} of {} {{wide_msg}}", counted(total, "kernel"));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Returns a line with the current phase, removed when it is dropped; hidden without a terminal.
pub(super) fn phase(watched: bool, message: &'static str) -> ProgressBar {
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_finish(ProgressFinish::AndClear).with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A line that counts sources and bytes, and names the running sources; hidden without a terminal.
pub(super) struct Line {
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    started: u64,
    done: u64,
    bytes: u64,
    /// The running sources, in the order of their start.
    running: BTreeSet<(u64, String)>,
}

impl Line {
    pub(super) fn new(watched: bool) -> Self {
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, state: Mutex::default() }
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        self.bar.set_message(state.describe());
    }
}

impl State {
    fn describe(&self) -> String {
        let named: Vec<&str> = self.running.iter().take(NAMED).map(|(_, name)| name.as_str()).collect();
        let more = self.running.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let bytes = indicatif::HumanBytes(self.bytes);
        format!("{} of {}, {bytes}: {}{more}", self.done, counted(self.started, "source"), named.join(", "))
    }
}

fn name(distro: &DistroName, source: &str) -> String {
    format!("{distro} {source}")
}

impl Progress for Line {
    fn started(&self, distro: &DistroName, source: &str) {
        self.change(|state| {
            state.started += 1;
            state.running.insert((state.started, name(distro, source)));
        });
    }

    fn received(&self, _distro: &DistroName, _source: &str, bytes: u64) {
        self.change(|state| state.bytes += bytes);
    }

    fn finished(&self, distro: &DistroName, source: &str) {
        let name = name(distro, source);
        self.change(|state| {
            state.done += 1;
            state.running.retain(|(_, running)| *running != name);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_sources_and_names_the_oldest_that_are_still_read() {
        let line = Line::new(false);
        let distro: DistroName = "alma9".parse().expect("a name");
        for source in ["a", "b", "c", "d", "e"] {
            line.started(&distro, source);
        }
        line.received(&distro, "a", 2048);
        line.finished(&distro, "b");
        let text = line.state.lock().expect("no other").describe();
        assert_eq!(text, "1 of 5 sources, 2.00 KiB: alma9 a, alma9 c, alma9 d and 1 more");
    }
}
