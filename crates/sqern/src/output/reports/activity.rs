//! The report `activity`.

use serde::Serialize;
use sqern_core::reports::activity::{Activity, ActivityReport, GenerationActivity, by_distro};

use crate::output::html::{HeatMap, Page, Table};
use crate::printer::{Record, time};

/// The metadata of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ActivityMetadata {
    /// The generation after which the activity is counted; 0 for the start of the journal.
    pub after: i64,
}

impl Record for GenerationActivity {
    const SCHEMA: &'static str = "report.activity/1";
    const COLUMNS: &'static [&'static str] =
        &["generation", "time", "known", "seen", "fetched", "built", "tested", "available", "withdrawn", "username", "comment"];
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.generation.to_string(), time(Some(self.tstamp))];
        cells.extend(self.by_kind().map(|count| count.to_string()));
        cells.extend([self.username.clone(), self.comment.clone().unwrap_or_default()]);
        cells
    }
}

impl Record for Activity {
    const SCHEMA: &'static str = "report.activity.kernels/1";
    const COLUMNS: &'static [&'static str] = &["generation", "time", "what", "distro", "version", "username", "comment"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.generation.to_string(),
            time(Some(self.tstamp)),
            self.what.as_str().to_owned(),
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.username.clone(),
            self.comment.clone().unwrap_or_default(),
        ]
    }
}

/// Returns the page of the report.
#[must_use]
pub fn page(report: &ActivityReport) -> Page {
    Page {
        title: "Activity".to_owned(),
        about: vec![format!("after generation {}", report.after)],
        maps: vec![HeatMap::of("Kernels by distribution and activity", &by_distro(&report.kernels), |count| count.to_string())],
        tables: vec![Table::of("By generation", &report.generations), Table::of("Kernels", &report.kernels)],
    }
}
