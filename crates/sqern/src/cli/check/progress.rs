//! How far a crawl is, for who watches: a line a source while it is read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sqern_model::{Crawl, DistroName};
use sqern_upstream::Progress;

/// A spinner for each source that is being read; nothing at all where nobody watches.
pub(super) struct Bars {
    all: MultiProgress,
    running: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub(super) fn new(watched: bool) -> Self {
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { all: MultiProgress::with_draw_target(target), running: Mutex::default() }
    }

    fn bars(&self) -> std::sync::MutexGuard<'_, HashMap<String, ProgressBar>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(distro: &DistroName, source: &str) -> String {
    format!("{distro} {source}")
}

impl Progress for Bars {
    fn started(&self, distro: &DistroName, source: &str) {
        let bar = self.all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bytes} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(key(distro, source));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        self.bars().insert(key(distro, source), bar);
    }

    fn received(&self, distro: &DistroName, source: &str, bytes: u64) {
        if let Some(bar) = self.bars().get(&key(distro, source)) {
            bar.inc(bytes);
        }
    }

    fn finished(&self, crawl: &Crawl) {
        if let Some(bar) = self.bars().remove(&key(&crawl.distro, &crawl.source)) {
            bar.finish_and_clear();
        }
    }
}
