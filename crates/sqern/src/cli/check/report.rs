//! What a check found, for people and programs.

use serde::Serialize;
use sqern_db::change::Finished;
use sqern_model::upstream::UpstreamDiff;
use sqern_model::{CrawlState, DistroName, KernelVersion, VersionRule, counted};

use super::super::Context;
use super::super::change::generation_note;
use crate::failure::Failure;
use crate::printer::{Column, Format, Kind, Record, RowArgs};

/// How one source went.
#[derive(Debug, Serialize)]
struct SourceLine {
    distro: DistroName,
    source: String,
    state: CrawlState,
    kernels: usize,
    bytes: u64,
    url: String,
    reason: Option<String>,
    warnings: Vec<String>,
}

/// What changed for one distribution.
#[derive(Debug, Serialize)]
struct DistroLine {
    distro: DistroName,
    /// Versions seen for the first time.
    new: Vec<KernelVersion>,
    /// Versions that no source lists any more.
    gone: Vec<KernelVersion>,
}

/// What a check found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    sources: Vec<SourceLine>,
    distros: Vec<DistroLine>,
    dry_run: bool,
    #[serde(flatten)]
    finished: Finished,
}

impl Record for SourceLine {
    const SCHEMA: &'static str = "check.sources/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("source"),
        Column::status("state"),
        Column::number("kernels"),
        Column::new("bytes", Kind::Bytes).headed("read"),
    ];
}

impl Report {
    pub(super) fn new(diffs: &[(DistroName, UpstreamDiff)], finished: Finished, dry_run: bool) -> Self {
        let sources = diffs.iter().flat_map(|(_, diff)| &diff.crawls).map(|(crawl, kernels)| SourceLine {
            distro: crawl.distro.clone(),
            source: crawl.source.clone(),
            state: crawl.state,
            kernels: *kernels,
            bytes: crawl.bytes,
            url: crawl.url.clone(),
            reason: crawl.reason.clone(),
            warnings: crawl.warnings.clone(),
        });
        let distros = diffs.iter().map(|(distro, diff)| DistroLine {
            distro: distro.clone(),
            new: newest_first(distro, diff.newly_seen.iter()),
            gone: newest_first(distro, diff.gone_kernels.iter()),
        });
        Self { sources: sources.collect(), distros: distros.collect(), dry_run, finished }
    }

    /// Whether every source is as well known now as it can be.
    pub(super) fn is_whole(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.state.is_whole())
    }

    pub(super) fn print(&self, context: &Context<'_>) -> Result<(), Failure> {
        if context.printer.format() == Format::Json {
            return context.printer.one("check/1", self, String::new);
        }
        context.printer.list(&self.sources, &RowArgs::default())?;
        if context.printer.format() == Format::Table {
            self.print_versions(context)?;
        }
        self.print_remarks(context);
        Ok(())
    }

    fn print_versions(&self, context: &Context<'_>) -> Result<(), Failure> {
        for DistroLine { distro, new, gone } in &self.distros {
            for (noun, predicate, kernels) in [("new kernel", "in", new), ("kernel", "no longer listed in", gone)] {
                if !kernels.is_empty() {
                    let count = counted(kernels.len(), noun);
                    context.printer.data(&format!("\n{count} {predicate} {distro}:\n  {}", versions(kernels)))?;
                }
            }
        }
        Ok(())
    }

    /// What is no data: warnings, reasons, and the generation; to standard error.
    fn print_remarks(&self, context: &Context<'_>) {
        for source in &self.sources {
            for warning in &source.warnings {
                context.printer.warning(&format!("{} {}: {warning}", source.distro, source.source));
            }
            if let Some(reason) = &source.reason {
                context
                    .printer
                    .failure(&Failure::unmet(format!("{} {} {}: {reason}", source.distro, source.source, source.state)));
            }
        }
        let unchanged = if self.is_whole() { "no changes" } else { "no changes in the sources that could be read" };
        context.printer.note(&generation_note(self.finished, self.dry_run, unchanged));
    }
}

fn newest_first<'a>(distro: &DistroName, versions: impl Iterator<Item = &'a KernelVersion>) -> Vec<KernelVersion> {
    let mut versions: Vec<KernelVersion> = versions.cloned().collect();
    versions.sort_by(|a, b| VersionRule::of(distro).cmp(b, a));
    versions
}

fn versions(versions: &[KernelVersion]) -> String {
    versions.iter().map(KernelVersion::as_str).collect::<Vec<_>>().join("\n  ")
}
