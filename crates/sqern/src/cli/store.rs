//! `sqern store`: the fetched headers on disk, compared with the database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use sqern_db::{AsOf, fetch as db};
use sqern_model::{DistroName, Kernel, KernelVersion, counted};
use sqern_store::Store;
use sqern_store::store::Found;

use super::Context;
use super::change::{ChangeArgs, report};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// List the fetched kernels in the database and on disk
    #[command(after_help = "Examples:\n  sqern store list\n  sqern store list --distro debian12 --json")]
    List(Which),
    /// Compare each tree with its manifest and with the database
    ///
    /// Exit status: 0 if all kernels are consistent, 1 if a kernel is inconsistent, 2 for a usage error.
    #[command(after_help = "Example:\n  sqern store verify --kernel 6.1.0-25-amd64")]
    Verify(Which),
    /// Remove damaged and unrecorded trees, and the database rows of missing trees
    ///
    /// Checks each tree like sqern store verify. The next sqern fetch downloads removed headers again if their kernels are wanted.
    #[command(
        after_help = "Examples:\n  sqern store prune --dry-run\n  sqern store prune --kernel 6.1.0-25-amd64 --all\n  sqern store prune --cache"
    )]
    Prune {
        #[command(flatten)]
        which: Which,
        /// Remove all trees and rows of the selected kernels, including intact trees
        #[arg(long, requires = "kernels")]
        all: bool,
        /// Also remove cached packages that no tree uses, and partial downloads
        #[arg(long, conflicts_with_all = ["distros", "kernels"])]
        cache: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

/// Selects kernels.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel version (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "VERSION", id = "kernels")]
    kernels: Vec<KernelVersion>,
    #[command(flatten)]
    store: StoreArgs,
}

impl Which {
    fn admits(&self, kernel: &Kernel) -> bool {
        (self.distros.is_empty() || self.distros.contains(&kernel.distro))
            && (self.kernels.is_empty() || self.kernels.contains(&kernel.version))
    }
}

/// The option `--store`.
#[derive(Debug, Clone, Args)]
pub(super) struct StoreArgs {
    /// Directory of fetched headers [default: $SQERN_STORE, else /var/lib/sqern/store (root) or ~/.local/share/sqern/store]
    #[arg(long = "store", value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl StoreArgs {
    /// Opens the store.
    pub(super) fn open(&self, context: &Context<'_>) -> Result<Store, Failure> {
        Ok(Store::open(&self.folder(context)?)?)
    }

    /// Returns the directory of the store, which need not exist.
    pub(super) fn folder(&self, context: &Context<'_>) -> Result<PathBuf, Failure> {
        let dir = self.dir.clone().or_else(|| context.settings.store_dir());
        dir.ok_or_else(|| {
            Failure::unmet("could not determine the directory of the store: the user has no home directory")
                .hint("sqern fetch --store DIR")
        })
    }
}

/// One kernel in the database and on disk.
#[derive(Debug, Serialize)]
struct Stored {
    #[serde(flatten)]
    kernel: Kernel,
    /// The time of the fetch in the database.
    fetched_at: Option<Timestamp>,
    /// The time at which the tree was created.
    made_at: Option<String>,
    files: Option<u64>,
    bytes: Option<u64>,
    /// The vermagic of the module that was compiled in the tree.
    vermagic: Option<String>,
    /// The inconsistency, if any.
    problem: Option<String>,
    /// What prune removes.
    #[serde(skip)]
    repair: Option<Repair>,
}

/// What prune removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repair {
    Tree,
    Record,
    Both,
}

impl Record for Stored {
    const SCHEMA: &'static str = "store.list/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "fetched", "size", "proven", "problem"];
    fn cells(&self) -> Vec<String> {
        let size = self.bytes.map(|bytes| indicatif::HumanBytes(bytes).to_string()).unwrap_or_default();
        let proven = if self.vermagic.is_some() { "yes" } else { "no" };
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            time(self.fetched_at),
            size,
            proven.to_owned(),
            self.problem.clone().unwrap_or_default(),
        ]
    }
}

pub(super) async fn run(command: StoreCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    match command {
        StoreCommand::List(which) => {
            let stored = compare(&which, &which.store.open(context)?, &session.client, false).await?;
            context.printer.list(&stored)?;
            Ok(Exit::Done)
        }
        StoreCommand::Verify(which) => {
            let stored = compare(&which, &which.store.open(context)?, &session.client, true).await?;
            context.printer.list(&stored)?;
            let wrong = stored.iter().filter(|one| one.problem.is_some()).count();
            context.printer.note(&format!("consistent: {} of {}", stored.len() - wrong, counted(stored.len(), "kernel")));
            Ok(if wrong == 0 { Exit::Done } else { Exit::Unmet })
        }
        StoreCommand::Prune { which, all, cache, change } => {
            let store = which.store.open(context)?;
            let stored = compare(&which, &store, &session.client, true).await?;
            let exit = prune(&stored, all, &store, &mut session.client, &change, context).await?;
            if cache {
                prune_cache(&store, change.dry_run, context)?;
            }
            Ok(exit)
        }
    }
}

/// Compares the database with the disk; with `thorough`, reads each tree.
async fn compare(which: &Which, store: &Store, client: &tokio_postgres::Client, thorough: bool) -> Result<Vec<Stored>, Failure> {
    sqern_db::distro::require(client, &which.distros, &AsOf::Now).await?;
    let recorded = db::fetched(client).await?;
    let (reading, asked) = (store.clone(), thorough);
    let on_disk = tokio::task::spawn_blocking(move || found(&reading, asked)).await;
    let mut on_disk = on_disk.map_err(|error| Failure::unmet(format!("could not read the store: {error}")))??;
    let kernels: BTreeSet<Kernel> =
        recorded.keys().chain(on_disk.keys()).filter(|kernel| which.admits(kernel)).cloned().collect();
    let both = kernels.into_iter().map(|kernel| {
        let fetched_at = recorded.get(&kernel).copied();
        Stored::new(on_disk.remove(&kernel), fetched_at, kernel)
    });
    let stored: Vec<Stored> = both.collect();
    // A tree of the store may be of a kernel that the database does not contain.
    for version in which.kernels.iter().filter(|version| !stored.iter().any(|one| one.kernel.version == **version)) {
        sqern_db::kver::find(client, version, &which.distros).await?;
    }
    Ok(stored)
}

/// The kernels on disk, with the errors of their trees.
type OnDisk = BTreeMap<Kernel, (Found, Option<sqern_store::Failure>)>;

fn found(store: &Store, thorough: bool) -> Result<OnDisk, sqern_store::Failure> {
    let checked = store.kernels()?.into_iter().map(|(kernel, found)| {
        let wrong = match &found {
            Found::Tree(manifest) if thorough => store.verify(&kernel, manifest).err(),
            Found::Tree(_) => None,
            Found::Other(failure) => Some(failure.clone()),
        };
        (kernel, (found, wrong))
    });
    Ok(checked.collect())
}

impl Stored {
    fn new(on_disk: Option<(Found, Option<sqern_store::Failure>)>, fetched_at: Option<Timestamp>, kernel: Kernel) -> Self {
        let (manifest, wrong, there) = match on_disk {
            Some((Found::Tree(manifest), wrong)) => (Some(manifest), wrong, true),
            Some((Found::Other(_), wrong)) => (None, wrong, true),
            None => (None, None, false),
        };
        let recorded = fetched_at.is_some();
        let (problem, repair) = match wrong {
            Some(failure) => (Some(failure.to_string()), Some(if recorded { Repair::Both } else { Repair::Tree })),
            None if !there => (Some("recorded as fetched, but not in this store".to_owned()), Some(Repair::Record)),
            None if !recorded => {
                (Some("in this store, but not recorded; the next sqern fetch records it".to_owned()), Some(Repair::Tree))
            }
            None => (None, None),
        };
        Self {
            kernel,
            fetched_at,
            made_at: manifest.as_ref().map(|manifest| manifest.made_at.clone()),
            files: manifest.as_ref().map(|manifest| manifest.tree.files),
            bytes: manifest.as_ref().map(|manifest| manifest.tree.bytes),
            vermagic: manifest.and_then(|manifest| manifest.vermagic),
            problem,
            repair,
        }
    }
}

/// Removes inconsistent records and trees: records first, so that no build uses a tree that is being removed.
async fn prune(
    stored: &[Stored],
    all: bool,
    store: &Store,
    client: &mut tokio_postgres::Client,
    args: &ChangeArgs,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let repair = |one: &Stored| one.repair.or(all.then_some(Repair::Both));
    let of = |wanted: [Repair; 2]| -> Vec<Kernel> {
        stored
            .iter()
            .filter(|one| repair(one).is_some_and(|repair| wanted.contains(&repair)))
            .map(|one| one.kernel.clone())
            .collect()
    };
    let (records, trees) = (of([Repair::Record, Repair::Both]), of([Repair::Tree, Repair::Both]));
    let change = sqern_db::change::begin(client, &args.comment(context)).await?;
    db::forget(&change.transaction, &records).await?;
    let finished = change.finish(args.dry_run).await?;
    let mut lines: Vec<String> = records.iter().map(|kernel| format!("{kernel}: no longer recorded as fetched")).collect();
    for kernel in &trees {
        if !args.dry_run {
            store.remove(kernel)?;
        }
        lines.push(format!("{kernel}: tree removed"));
    }
    report(context, &lines, finished, args.dry_run)
}

/// Removes the cached packages that no tree uses.
fn prune_cache(store: &Store, dry_run: bool, context: &Context<'_>) -> Result<(), Failure> {
    if store.is_busy()? {
        return Err(Failure::unmet("could not prune the cache: another sqern fetch uses this store")
            .hint("sqern store prune --cache  # after the other sqern fetch has finished"));
    }
    let needed = store.kernels()?.into_values().filter_map(|found| match found {
        Found::Tree(manifest) => Some(manifest.packages.into_iter().map(|package| package.checksum)),
        Found::Other(_) => None,
    });
    let pruned = store.prune_cache(&needed.flatten().collect(), dry_run)?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let size = indicatif::HumanBytes(pruned.bytes);
    context.printer.note(&format!("{verb} {} ({size}) from the cache", counted(pruned.files, "package")));
    Ok(())
}
