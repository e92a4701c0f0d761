//! `sqern store`: the fetched headers on disk, and whether the database says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use sqern_db::{AsOf, fetch as db};
use sqern_model::{DistroName, Kernel, KernelVersion};
use sqern_store::Store;
use sqern_store::store::Found;

use super::Context;
use super::change::{ChangeArgs, report};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// List the kernels that are fetched: what the database says, and what the disk holds
    #[command(after_help = "Examples:\n  sqern store list\n  sqern store list --distro debian12 --json")]
    List(Which),
    /// Read every tree and tell what does not agree: with its manifest, or with the database
    ///
    /// Exit status: 0 when all agrees, 1 when something does not.
    #[command(after_help = "Example:\n  sqern store verify --kernel 6.1.0-25-amd64")]
    Verify(Which),
    /// Make both agree: take away trees that are broken or not recorded, and records without a tree
    ///
    /// What is taken away is fetched again by the next sqern fetch, as long as it is wanted. Trees are read as by verify.
    #[command(
        after_help = "Examples:\n  sqern store prune --dry-run\n  sqern store prune --kernel 6.1.0-25-amd64 --all\n  sqern store prune --cache"
    )]
    Prune {
        #[command(flatten)]
        which: Which,
        /// Also those that are whole and recorded
        #[arg(long, requires = "kernels")]
        all: bool,
        /// Also downloaded packages that no tree is made of any more, and what was received of some
        #[arg(long, conflicts_with_all = ["distros", "kernels"])]
        cache: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

/// Which kernels.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only of this distribution; may be given several times
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Only this version; may be given several times
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

/// Where the trees are.
#[derive(Debug, Clone, Args)]
pub(super) struct StoreArgs {
    /// The folder of the fetched headers [default: $SQERN_STORE, /var/lib/sqern/store for root, ~/.local/share/sqern/store]
    #[arg(long = "store", value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl StoreArgs {
    /// Opens the store.
    pub(super) fn open(&self, context: &Context<'_>) -> Result<Store, Failure> {
        Ok(Store::open(&self.folder(context)?)?)
    }

    /// Where the store is or would be.
    pub(super) fn folder(&self, context: &Context<'_>) -> Result<PathBuf, Failure> {
        let dir = self.dir.clone().or_else(|| context.settings.store_dir());
        dir.ok_or_else(|| Failure::unmet("expected a folder for the store, got no home").hint("sqern fetch --store DIR"))
    }
}

/// One kernel, on both sides.
#[derive(Debug, Serialize)]
struct Stored {
    #[serde(flatten)]
    kernel: Kernel,
    /// When the database says that it was fetched.
    fetched_at: Option<Timestamp>,
    /// When its tree was made.
    made_at: Option<String>,
    files: Option<u64>,
    bytes: Option<u64>,
    /// What a module that was compiled there says of its kernel.
    vermagic: Option<String>,
    /// What does not agree; none where both sides do.
    problem: Option<String>,
    /// How to have it put right.
    #[serde(skip)]
    repair: Option<Repair>,
}

/// What has to go.
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
            context.printer.note(&format!("{} of {} kernels agree", stored.len() - wrong, stored.len()));
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

/// Both sides of each kernel; with `thorough` each tree is read.
async fn compare(which: &Which, store: &Store, client: &tokio_postgres::Client, thorough: bool) -> Result<Vec<Stored>, Failure> {
    sqern_db::distro::require(client, &which.distros, &AsOf::Now).await?;
    let recorded = db::fetched(client).await?;
    let (reading, asked) = (store.clone(), thorough);
    let on_disk = tokio::task::spawn_blocking(move || found(&reading, asked)).await;
    let mut on_disk = on_disk.map_err(|error| Failure::unmet(format!("expected the store to be read, got {error}")))??;
    let kernels: BTreeSet<Kernel> =
        recorded.keys().chain(on_disk.keys()).filter(|kernel| which.admits(kernel)).cloned().collect();
    let both = kernels.into_iter().map(|kernel| {
        let fetched_at = recorded.get(&kernel).copied();
        Stored::new(on_disk.remove(&kernel), fetched_at, kernel)
    });
    Ok(both.collect())
}

/// What the disk holds of each kernel, and what is wrong with it.
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
            None if !there => (Some("recorded as fetched, and not in this store".to_owned()), Some(Repair::Record)),
            None if !recorded => {
                (Some("in this store, and not recorded: the next sqern fetch records it".to_owned()), Some(Repair::Tree))
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

/// Takes away what does not agree: the record first, so that nobody builds in what is about to go.
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
        lines.push(format!("{kernel}: its tree is taken away"));
    }
    report(context, &lines, finished, args.dry_run)
}

/// Takes away the packages that no tree is made of.
fn prune_cache(store: &Store, dry_run: bool, context: &Context<'_>) -> Result<(), Failure> {
    if store.is_busy()? {
        return Err(Failure::unmet("expected nobody to be fetching into this store, got a sqern fetch that is")
            .hint("sqern store prune --cache  # when the other run has ended"));
    }
    let needed = store.kernels()?.into_values().filter_map(|found| match found {
        Found::Tree(manifest) => Some(manifest.packages.into_iter().map(|package| package.checksum)),
        Found::Other(_) => None,
    });
    let pruned = store.prune_cache(&needed.flatten().collect(), dry_run)?;
    let are = if dry_run { "would be taken out" } else { "are taken out" };
    let size = indicatif::HumanBytes(pruned.bytes);
    context.printer.note(&format!("{} packages ({size}) {are} of the cache", pruned.files));
    Ok(())
}
