//! Which sources there are: the built-in ones, then the administrator's, then those of the command line.

use std::path::PathBuf;

use clap::Args;
use sqern_model::SourceSet;
use sqern_upstream::sources;

use super::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct SourcesArgs {
    /// A folder of distro files (NAME.toml) that override and add to the built-in ones
    #[arg(long = "sources", value_name = "DIR")]
    dirs: Vec<PathBuf>,
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
