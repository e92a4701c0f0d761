//! The sources (built-in, of the administrator, of the command line), and the options of a crawl.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use sqern_model::{DistroDef, DistroName, SourceSet};
use sqern_upstream::{CrawlOptions, skipped_sources, sources};
use url::Url;

use super::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct SourcesArgs {
    /// Directory of distribution files (NAME.toml) that override or extend the built-in ones (repeatable)
    #[arg(long = "sources", value_name = "DIR")]
    pub(super) dirs: Vec<PathBuf>,
}

/// How the sources are asked.
#[derive(Debug, Args)]
pub(super) struct CrawlArgs {
    /// Mirror of all repositories: request URL/HOST/PATH instead of https://HOST/PATH
    #[arg(long, value_name = "URL")]
    pub(super) mirror_base: Option<Url>,
    /// Accept missing keyrings, missing signatures, and signatures by expired or revoked keys in this run
    #[arg(long)]
    pub(super) allow_unsigned: bool,
}

impl SourcesArgs {
    /// All sources, the later folders' over the earlier ones'.
    pub(super) fn load(&self, context: &Context<'_>) -> Result<SourceSet, Failure> {
        let mut set = sources::builtin()?;
        for dir in context.settings.sources_dir().into_iter().chain(self.dirs.iter().map(PathBuf::as_path)) {
            sources::load_dir(&mut set, dir)?;
        }
        Ok(set)
    }
}

impl CrawlArgs {
    /// Returns the options of a crawl.
    pub(super) fn options(&self, context: &Context<'_>) -> CrawlOptions {
        CrawlOptions {
            mirror_base: self.mirror_base.clone(),
            allow_unsigned: self.allow_unsigned,
            ..CrawlOptions::new(context.settings.now())
        }
    }
}

/// The distribution of this name, which must have a source.
pub(super) fn definition<'a>(sources: &'a SourceSet, name: &DistroName) -> Result<&'a DistroDef, Failure> {
    sources.get(name).filter(|def| !def.sources.is_empty()).ok_or_else(|| {
        let near = sqern_db::similar_names(name.as_str(), sources.distros.keys().map(DistroName::as_str));
        let failure = Failure::unmet(format!("distribution \"{name}\" has no sources"));
        let failure = if near.is_empty() { failure } else { failure.hint(format!("Did you mean {}?", near.join(" or "))) };
        failure.hint("sqern source list  # or use a directory of distribution files: --sources DIR")
    })
}

/// Prints the skipped sources, and a warning if all sources of the distribution are skipped.
pub(super) fn tell_left_out(def: &DistroDef, context: &Context<'_>) {
    let skipped_sources = skipped_sources(def);
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, file) in &skipped_sources {
        by_file.entry(*file).or_default().push(source.name());
    }
    for (file, names) in by_file {
        let which = match names.as_slice() {
            [one] => format!("skipped source {one}"),
            several => format!("skipped {} sources ({}, …)", several.len(), several[0]),
        };
        context.printer.note(&format!("{}: {which}: {file} does not exist", def.name));
    }
    if !skipped_sources.is_empty() && skipped_sources.len() == def.sources.len() {
        context.printer.warning(&format!("{}: all sources are skipped, so new kernels are not found", def.name));
    }
}
