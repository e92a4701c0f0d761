//! Reconciliation of the store and the database.
//!
//! A fetched kernel has a tree in the store and a record in the database. [`compare`] finds kernels
//! with only one of both, and damaged trees. [`prune`] removes them, so that the next fetch creates
//! them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use sqern_db::change::Finished;
use sqern_db::{AsOf, distro, fetch, kver};
use sqern_model::{DistroName, Kernel, KernelName, newest_first};
use sqern_store::Store;
use sqern_store::store::{Found, Manifest, Pruned};
use tokio_postgres::Client;

use crate::blocking::blocking;
use crate::error::StoreError;
use crate::{ChangeOptions, Error};

/// Selects kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreSelection {
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// Names of kernels; empty for all.
    pub kernels: Vec<KernelName>,
}

/// The thoroughness of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Reads the manifest of each tree.
    Manifests,
    /// Reads each tree and compares it with its manifest.
    Trees,
}

/// One kernel in the database and in the store.
#[derive(Debug, Clone)]
pub struct StoredKernel {
    /// The kernel.
    pub kernel: Kernel,
    /// The time of the fetch; `None` without a record in the database.
    pub fetched_at: Option<Timestamp>,
    /// The manifest; `None` without a tree, or with a damaged one.
    pub manifest: Option<Box<Manifest>>,
    /// The inconsistency, if any.
    pub problem: Option<Inconsistency>,
}

/// An inconsistency between the store and the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inconsistency {
    /// The tree is damaged.
    Damaged(StoreError),
    /// The kernel is recorded, but has no tree in this store.
    NotInStore,
    /// The kernel has a tree, but is not recorded.
    NotRecorded,
}

/// The objects that a repair removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The tree.
    Tree,
    /// The record in the database.
    Record,
    /// The tree and the record.
    Both,
}

/// The kernels to remove, or removed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneSet {
    /// Kernels whose record is removed.
    pub records: Vec<Kernel>,
    /// Kernels whose tree is removed.
    pub trees: Vec<Kernel>,
}

impl StoreSelection {
    /// Returns whether the selection contains a kernel.
    #[must_use]
    pub fn matches(&self, kernel: &Kernel) -> bool {
        KernelName::select(&self.kernels, &self.distros, kernel)
    }
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::NotInStore => f.write_str("recorded as fetched, but not in this store"),
            Self::NotRecorded => {
                f.write_str("in this store, but not recorded; the next sqern fetch records it")
            }
        }
    }
}

impl StoredKernel {
    fn new(kernel: Kernel, fetched_at: Option<Timestamp>, tree: Option<Tree>) -> Self {
        let problem = match &tree {
            Some(Tree {
                damage: Some(damage),
                ..
            }) => Some(Inconsistency::Damaged(damage.clone())),
            Some(_) if fetched_at.is_none() => Some(Inconsistency::NotRecorded),
            None => Some(Inconsistency::NotInStore),
            Some(_) => None,
        };
        Self {
            kernel,
            fetched_at,
            manifest: tree.and_then(|tree| tree.manifest),
            problem,
        }
    }

    /// Returns the objects to remove; `None` for a consistent kernel.
    #[must_use]
    pub fn repair(&self) -> Option<Repair> {
        match self.problem.as_ref()? {
            Inconsistency::Damaged(_) if self.fetched_at.is_some() => Some(Repair::Both),
            Inconsistency::Damaged(_) | Inconsistency::NotRecorded => Some(Repair::Tree),
            Inconsistency::NotInStore => Some(Repair::Record),
        }
    }
}

impl PruneSet {
    /// Returns the objects that repair all inconsistencies. With `include_consistent`, the other
    /// kernels are removed too.
    #[must_use]
    pub fn of(stored: &[StoredKernel], include_consistent: bool) -> Self {
        let mut set = Self::default();
        for kernel in stored {
            let repair = kernel
                .repair()
                .or(include_consistent.then_some(Repair::Both));
            if matches!(repair, Some(Repair::Record | Repair::Both)) {
                set.records.push(kernel.kernel.clone());
            }
            if matches!(repair, Some(Repair::Tree | Repair::Both)) {
                set.trees.push(kernel.kernel.clone());
            }
        }
        set
    }
}

/// Compares the store with the database.
///
/// # Errors
///
/// Returns an error if a selected object does not exist, or if the store cannot be read.
pub async fn compare(
    client: &Client,
    store: &Store,
    selection: &StoreSelection,
    depth: Depth,
) -> Result<Vec<StoredKernel>, Error> {
    distro::require(client, &selection.distros, &AsOf::Now).await?;
    let recorded = fetch::fetched(client).await?;
    let mut trees = in_store(store, {
        let selection = selection.clone();
        move |store| trees(store, &selection, depth)
    })
    .await?;
    let kernels: BTreeSet<Kernel> = recorded.keys().chain(trees.keys()).cloned().collect();
    let selected = kernels
        .into_iter()
        .filter(|kernel| selection.matches(kernel));
    let mut stored: Vec<StoredKernel> = selected
        .map(|kernel| {
            let (fetched_at, tree) = (recorded.get(&kernel).copied(), trees.remove(&kernel));
            StoredKernel::new(kernel, fetched_at, tree)
        })
        .collect();
    stored.sort_by(|a, b| newest_first(&a.kernel, &b.kernel));
    // A tree of the store may be of a kernel that the database does not contain.
    let is_stored = |name: &KernelName| stored.iter().any(|stored| name.matches(&stored.kernel));
    for name in selection.kernels.iter().filter(|name| !is_stored(name)) {
        kver::find(client, &name.version, &name.distros(&selection.distros)).await?;
    }
    Ok(stored)
}

/// Removes records in one generation, then trees. In this order, no build uses a tree while it is
/// removed.
///
/// # Errors
///
/// Returns an error of the database, with nothing removed, or of the store.
pub async fn prune(
    client: &mut Client,
    store: &Store,
    set: &PruneSet,
    options: &ChangeOptions,
) -> Result<Finished, Error> {
    let change = sqern_db::change::begin(client, &options.comment).await?;
    fetch::forget(&change.transaction, &set.records).await?;
    let finished = change.finish(options.dry_run).await?;
    if !options.dry_run {
        let trees = set.trees.clone();
        in_store(store, move |store| {
            trees.iter().try_for_each(|kernel| store.remove(kernel))
        })
        .await?;
    }
    Ok(finished)
}

/// Removes cached packages that no tree uses, and partial downloads.
///
/// # Errors
///
/// Returns [`Error::StoreBusy`] while a fetch uses the store.
pub async fn prune_cache(store: &Store, dry_run: bool) -> Result<Pruned, Error> {
    let pruned = in_store(store, move |store| {
        if store.is_busy()? {
            return Ok(None);
        }
        let needed = store
            .kernels()?
            .into_values()
            .filter_map(|found| match found {
                Found::Tree(manifest) => Some(
                    manifest
                        .packages
                        .into_iter()
                        .map(|package| package.checksum),
                ),
                Found::Invalid(_) => None,
            });
        store
            .prune_cache(&needed.flatten().collect(), dry_run)
            .map(Some)
    });
    pruned.await?.ok_or(Error::StoreBusy)
}

/// A tree of the store.
#[derive(Debug, Clone)]
struct Tree {
    manifest: Option<Box<Manifest>>,
    damage: Option<StoreError>,
}

/// Returns the selected trees. Other trees are not read.
fn trees(
    store: &Store,
    selection: &StoreSelection,
    depth: Depth,
) -> Result<BTreeMap<Kernel, Tree>, StoreError> {
    let selected = store
        .kernels()?
        .into_iter()
        .filter(|(kernel, _)| selection.matches(kernel));
    let trees = selected.map(|(kernel, found)| {
        let tree = match found {
            Found::Tree(manifest) => {
                let damage = if depth == Depth::Trees {
                    store.verify(&kernel, &manifest).err()
                } else {
                    None
                };
                Tree {
                    manifest: Some(manifest),
                    damage,
                }
            }
            Found::Invalid(error) => Tree {
                manifest: None,
                damage: Some(error),
            },
        };
        (kernel, tree)
    });
    Ok(trees.collect())
}

/// Runs a blocking operation of the store.
async fn in_store<T: Send + 'static>(
    store: &Store,
    operation: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let store = store.clone();
    Ok(blocking("read the store", move || operation(&store)).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(damage: Option<StoreError>) -> Tree {
        Tree {
            manifest: None,
            damage,
        }
    }

    fn stored(is_recorded: bool, tree: Option<Tree>) -> StoredKernel {
        let kernel = Kernel {
            distro: "debian12".parse().expect("a name"),
            version: "6.1.0-1".parse().expect("a version"),
        };
        StoredKernel::new(kernel, is_recorded.then_some(Timestamp::UNIX_EPOCH), tree)
    }

    #[test]
    fn a_repair_removes_only_inconsistent_objects() {
        let error =
            Store::open(std::path::Path::new("/dev/null/store")).expect_err("a store below a file");
        let damaged = || tree(Some(error.clone()));
        for (is_recorded, tree, repair) in [
            (true, Some(tree(None)), None),
            (true, None, Some(Repair::Record)),
            (false, Some(tree(None)), Some(Repair::Tree)),
            (false, Some(damaged()), Some(Repair::Tree)),
            (true, Some(damaged()), Some(Repair::Both)),
        ] {
            assert_eq!(
                stored(is_recorded, tree.clone()).repair(),
                repair,
                "{is_recorded} {tree:?}"
            );
        }
    }

    #[test]
    fn consistent_kernels_are_removed_only_on_request() {
        let all = [stored(true, Some(tree(None)))];
        assert_eq!(PruneSet::of(&all, false), PruneSet::default());
        let set = PruneSet::of(&all, true);
        assert_eq!((set.records.len(), set.trees.len()), (1, 1));
        let set = PruneSet::of(&[stored(true, None)], true);
        assert_eq!((set.records.len(), set.trees.len()), (1, 0));
    }
}
