//! The options that select sources, and the options of a crawl.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sqern_core::input::parse_duration;
use sqern_core::sources;
use sqern_model::SourceSet;
use sqern_upstream::CrawlOptions;
use url::Url;

use super::Context;
use crate::error::CliError;

pub(super) use sqern_core::sources::definition;

#[derive(Debug, Args)]
pub(super) struct SourcesArgs {
    /// Directory of distribution files that replace built-in files of the same name or add
    /// distributions (repeatable)
    #[arg(long = "sources", value_name = "DIR")]
    pub(super) dirs: Vec<PathBuf>,
}

/// Options of a crawl.
#[derive(Debug, Args)]
pub(super) struct CrawlArgs {
    /// Mirror of all repositories: request URL/HOST/PATH instead of https://HOST/PATH
    #[arg(long, value_name = "URL")]
    pub(super) mirror_base: Option<Url>,
    /// Accept missing keyrings, missing signatures, and signatures by expired or revoked keys
    #[arg(long)]
    pub(super) allow_unsigned: bool,
    /// Time limit of each source with all its downloads; a source that exceeds it fails
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(super) source_timeout: Duration,
}

impl SourcesArgs {
    /// Loads the definitions of the settings and of each directory.
    pub(super) fn load(&self, context: &Context<'_>) -> Result<SourceSet, CliError> {
        let directories = context
            .settings
            .sources_dir()
            .into_iter()
            .chain(self.dirs.iter().map(PathBuf::as_path));
        Ok(sources::load(directories)?)
    }
}

impl CrawlArgs {
    /// Returns the options of a crawl.
    pub(super) fn options(&self, context: &Context<'_>) -> CrawlOptions {
        CrawlOptions {
            mirror_base: self.mirror_base.clone(),
            allow_unsigned: self.allow_unsigned,
            source_timeout: self.source_timeout,
            ..CrawlOptions::new(context.settings.now())
        }
    }
}
