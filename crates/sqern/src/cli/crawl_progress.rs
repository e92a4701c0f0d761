//! Progress of crawls: on a terminal a line with the running sources; everywhere the skipped
//! sources.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use sqern_core::Progress;
use sqern_core::crawl::CrawlEvent;
use sqern_model::counted;
use sqern_model::escape::escape_value;

use super::progress;
use crate::printer::Printer;

/// The maximum number of running sources in the line.
const MAX_NAMES: usize = 3;

/// Prints the events of crawls.
pub(super) struct CrawlProgress<'a> {
    printer: &'a Printer,
    /// Counts sources and bytes, and names the running sources; hidden without a terminal.
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    started: u64,
    finished: u64,
    bytes: u64,
    /// The running sources, in the order of their start.
    running: BTreeSet<(u64, String)>,
}

impl<'a> CrawlProgress<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self {
            printer,
            bar: progress::phase(printer.shows_progress(), ""),
            state: Mutex::default(),
        }
    }

    /// Removes the progress line from the terminal.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn update(&self, update: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        update(&mut state);
        self.bar
            .set_message(escape_value(&state.describe()).into_owned());
    }

    fn warning(&self, text: &str) {
        self.bar.suspend(|| self.printer.warning(text));
    }
}

impl State {
    fn describe(&self) -> String {
        let names: Vec<&str> = self
            .running
            .iter()
            .take(MAX_NAMES)
            .map(|(_, name)| name.as_str())
            .collect();
        let rest = self.running.len().saturating_sub(MAX_NAMES);
        let rest = if rest > 0 {
            format!(" and {rest} more")
        } else {
            String::new()
        };
        let bytes = indicatif::HumanBytes(self.bytes);
        format!(
            "{} of {}, {bytes}: {}{rest}",
            self.finished,
            counted(self.started, "source"),
            names.join(", ")
        )
    }
}

impl Progress<CrawlEvent> for CrawlProgress<'_> {
    fn report(&self, event: CrawlEvent) {
        match event {
            CrawlEvent::NoSource(distro) => {
                self.warning(&format!(
                    "{distro} is supported but has no source, so its new kernels are not found"
                ));
            }
            CrawlEvent::ClockDiffers { seconds } => {
                let direction = if seconds < 0 { "behind" } else { "ahead of" };
                self.warning(&format!(
                    "the clock of this machine is {} s {direction} the clock of the database server",
                    seconds.abs()
                ));
            }
            CrawlEvent::SourcesSkipped {
                distro,
                sources,
                missing_file,
            } => {
                let skipped = match sources.as_slice() {
                    [source] => format!("skipped source {source}"),
                    [first, ..] => format!("skipped {} sources ({first}, …)", sources.len()),
                    [] => return,
                };
                self.bar.suspend(|| {
                    self.printer.note(&format!(
                        "{distro}: {skipped}: {missing_file} does not exist"
                    ));
                });
            }
            CrawlEvent::AllSourcesSkipped(distro) => {
                self.warning(&format!(
                    "{distro}: all sources are skipped, so new kernels are not found"
                ));
            }
            CrawlEvent::SourceStarted { distro, source } => self.update(|state| {
                state.started += 1;
                state
                    .running
                    .insert((state.started, format!("{distro} {source}")));
            }),
            CrawlEvent::Received { bytes } => self.update(|state| state.bytes += bytes),
            CrawlEvent::SourceFinished { distro, source } => {
                let name = format!("{distro} {source}");
                self.update(|state| {
                    state.finished += 1;
                    state.running.retain(|(_, running)| *running != name);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sqern_model::DistroName;

    use super::*;
    use crate::printer::Format;

    #[test]
    fn the_line_counts_sources_and_names_the_oldest_running_ones() {
        let printer = Printer::plain(Format::Table);
        let progress = CrawlProgress::new(&printer);
        let distro: DistroName = "alma9".parse().expect("a name");
        for source in ["a", "b", "c", "d", "e"] {
            progress.report(CrawlEvent::SourceStarted {
                distro: distro.clone(),
                source: source.to_owned(),
            });
        }
        progress.report(CrawlEvent::Received { bytes: 2048 });
        progress.report(CrawlEvent::SourceFinished {
            distro,
            source: "b".to_owned(),
        });
        let text = progress.state.lock().expect("no other").describe();
        assert_eq!(
            text,
            "1 of 5 sources, 2.00 KiB: alma9 a, alma9 c, alma9 d and 1 more"
        );
    }
}
