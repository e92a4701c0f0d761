//! `sqern store`: the fetched headers on disk, compared with the database.

use clap::{Args, Subcommand};
use sqern_core::store_sync::{self, Depth, PruneSet, StoreSelection, StoredKernel};
use sqern_model::{DistroName, KernelName, counted};
use sqern_store::Store;
use tokio_postgres::Client;

use super::Context;
use super::change::ChangeArgs;
use super::store_args::StoreArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::store::StoreRow;
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// List the fetched kernels in the database and on disk
    #[command(
        after_help = "Examples:\n  sqern store list\n  sqern store list --distro debian12 --json"
    )]
    List {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Compare each tree with its manifest and with the database
    ///
    /// Exit status: 0 if all kernels are consistent, 1 if a kernel is inconsistent, 2 for a usage
    /// error.
    #[command(after_help = "Example:\n  sqern store verify --kernel 6.1.0-25-amd64")]
    Verify(SelectionArgs),
    /// Remove damaged and unrecorded trees, and the database rows of missing trees
    ///
    /// Checks each tree like sqern store verify. The next sqern fetch downloads removed headers
    /// again if their kernels are wanted.
    #[command(
        after_help = "Examples:\n  sqern store prune --dry-run\n  sqern store prune --kernel 6.1.0-25-amd64 --all\n  sqern store prune --cache"
    )]
    Prune {
        #[command(flatten)]
        selection: SelectionArgs,
        /// Remove all trees and rows of the kernels of --kernel (required), including intact trees
        #[arg(long, requires = "kernels")]
        all: bool,
        /// Also remove cached packages that no tree uses, and partial downloads; not with --distro or
        /// --kernel
        #[arg(long, conflicts_with_all = ["distros", "kernels"])]
        cache: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

/// Selects fetched kernels by distribution and version.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "KERNEL", id = "kernels")]
    kernels: Vec<KernelName>,
    #[command(flatten)]
    store: StoreArgs,
}

impl SelectionArgs {
    async fn compare(
        self,
        store: &Store,
        client: &Client,
        depth: Depth,
    ) -> Result<Vec<StoredKernel>, CliError> {
        let selection = StoreSelection {
            distros: self.distros,
            kernels: self.kernels,
        };
        Ok(store_sync::compare(client, store, &selection, depth).await?)
    }
}

pub(super) async fn run(
    command: StoreCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        StoreCommand::List { selection, rows } => {
            let store = selection.store.open_read_only(context)?;
            print(
                selection
                    .compare(&store, &session.client, Depth::Manifests)
                    .await?,
                &rows,
                context,
            )?;
            Ok(ExitStatus::Success)
        }
        StoreCommand::Verify(selection) => {
            let store = selection.store.open_read_only(context)?;
            let stored = selection
                .compare(&store, &session.client, Depth::Trees)
                .await?;
            let (total, inconsistent) = (
                stored.len(),
                stored
                    .iter()
                    .filter(|stored| stored.problem.is_some())
                    .count(),
            );
            print(stored, &RowArgs::default(), context)?;
            context.printer.note(&format!(
                "consistent: {} of {}",
                total - inconsistent,
                counted(total, "kernel")
            ));
            Ok(if inconsistent == 0 {
                ExitStatus::Success
            } else {
                ExitStatus::Failed
            })
        }
        StoreCommand::Prune {
            selection,
            all,
            cache,
            change,
        } => {
            let store = if change.dry_run {
                selection.store.open_read_only(context)?
            } else {
                selection.store.open(context)?
            };
            let stored = selection
                .compare(&store, &session.client, Depth::Trees)
                .await?;
            let set = PruneSet::of(&stored, all);
            let finished =
                store_sync::prune(&mut session.client, &store, &set, &change.options(context))
                    .await?;
            let records = set
                .records
                .iter()
                .map(|kernel| format!("{kernel}: no longer recorded as fetched"));
            let trees = set
                .trees
                .iter()
                .map(|kernel| format!("{kernel}: tree removed"));
            let printed = print_change(
                context.printer,
                &records.chain(trees).collect::<Vec<_>>(),
                finished,
                change.dry_run,
            );
            let exit = printed.map_err(|error| {
                if change.dry_run || set.trees.is_empty() {
                    return error;
                }
                let removed = counted(set.trees.len(), "tree");
                error
                    .after(format!("removed {removed}"))
                    .hint("sqern store list")
            })?;
            if cache {
                prune_cache(&store, change.dry_run, context).await?;
            }
            Ok(exit)
        }
    }
}

fn print(stored: Vec<StoredKernel>, args: &RowArgs, context: &Context<'_>) -> Result<(), CliError> {
    let rows: Vec<StoreRow> = stored.into_iter().map(StoreRow::from).collect();
    context.printer.list(&rows, args)
}

/// Removes the cached packages that no tree uses.
async fn prune_cache(store: &Store, dry_run: bool, context: &Context<'_>) -> Result<(), CliError> {
    let pruned = store_sync::prune_cache(store, dry_run).await?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let size = indicatif::HumanBytes(pruned.bytes);
    context.printer.note(&format!(
        "{verb} {} ({size}) from the cache",
        counted(pruned.files, "package")
    ));
    Ok(())
}
