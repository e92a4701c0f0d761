//! The option `--store`.

use std::path::{Path, PathBuf};

use clap::Args;
use sqern_store::Store;

use super::Context;
use crate::error::CliError;

#[derive(Debug, Clone, Args)]
pub(super) struct StoreArgs {
    /// Directory of fetched headers [default: $SQERN_STORE, else store of the configuration file,
    /// else /var/lib/sqern/store (root) or ~/.local/share/sqern/store]
    #[arg(long = "store", value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

impl StoreArgs {
    /// Opens the store for changes.
    pub(super) fn open(&self, context: &Context<'_>) -> Result<Store, CliError> {
        open_store(self.dir.as_deref(), context)
    }

    /// Opens the store, which need not exist, to read it.
    pub(super) fn open_read_only(&self, context: &Context<'_>) -> Result<Store, CliError> {
        Ok(Store::open_read_only(&self.directory(context)?)?)
    }

    /// Returns the directory of the store, which need not exist.
    pub(super) fn directory(&self, context: &Context<'_>) -> Result<PathBuf, CliError> {
        store_dir(self.dir.as_deref(), context)
    }
}

/// Opens the store in this directory for changes, by default that of the settings.
pub(super) fn open_store(dir: Option<&Path>, context: &Context<'_>) -> Result<Store, CliError> {
    Ok(Store::open(&store_dir(dir, context)?)?)
}

fn store_dir(dir: Option<&Path>, context: &Context<'_>) -> Result<PathBuf, CliError> {
    let dir = dir
        .map(Path::to_owned)
        .or_else(|| context.settings.store_dir());
    dir.ok_or_else(|| {
        CliError::failed(
            "could not determine the directory of the store: the user has no home directory",
        )
        .hint("Specify a directory with --store DIR.")
    })
}
