//! Checks the store: directory, owner, cache and disk space.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, HumanCount};
use pg_local::OsUser;
use rustix::fs::{Access, access, statvfs};
use sqern_model::counted;
use sqern_store::Store;
use sqern_store::store::Pruned;

use super::Finding;
use crate::failure::Failure;

const STORE: &str = "store";
const CACHE: &str = "cache";
const DISK: &str = "disk";

const MIB: u64 = 1024 * 1024;
/// The space for one kernel: headers of up to 150 MiB in 30,000 files, their packages, and the staging directory.
const ONE_KERNEL: Room = Room { bytes: 512 * MIB, files: 50_000 };
/// Below this space, the check warns.
const TEN_KERNELS: Room = Room { bytes: 10 * ONE_KERNEL.bytes, files: 10 * ONE_KERNEL.files };

/// The free space of a disk for this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free bytes.
    pub bytes: u64,
    /// Free inodes; the maximum if the file system has no limit (btrfs).
    pub files: u64,
}

/// The observed state of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The directory; if it does not exist, the nearest existing parent.
    pub folder: PathBuf,
    /// Whether the directory does not exist yet.
    pub is_missing: bool,
    /// Whether this process can create files in it.
    pub is_writable: bool,
    /// The uid of the owner, and the uid of this process.
    pub owner: (u32, u32),
    /// The free space.
    pub room: Room,
    /// Whether a fetch is running.
    pub is_busy: bool,
    /// The packages in the cache.
    pub cached: Pruned,
    /// A directory of the store that is not writable.
    pub unwritable: Option<PathBuf>,
}

/// Inspects the directory of a store, without changes.
pub fn look(root: &Path) -> Result<Seen, Failure> {
    let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    // The last ancestor of a relative path is empty: the working directory.
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let failed = |error: io::Error| Failure::unmet(format!("could not inspect directory {}: {error}", there.display()));
    let disk = statvfs(there).map_err(|error| failed(error.into()))?;
    let owner = (std::fs::metadata(there).map_err(failed)?.uid(), rustix::process::geteuid().as_raw());
    let can_write = |folder: &Path| folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let store = Store::open_existing(root);
    let own = [".cache", ".staging"].map(|name| root.join(name));
    Ok(Seen {
        folder: there.to_owned(),
        is_missing: there != root,
        is_writable: can_write(there),
        owner,
        room: Room {
            bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            files: if disk.f_files == 0 { u64::MAX } else { disk.f_favail },
        },
        is_busy: store.as_ref().is_some_and(|store| store.is_busy().unwrap_or(false)),
        cached: store.and_then(|store| store.prune_cache(&[].into(), true).ok()).unwrap_or_default(),
        unwritable: own.into_iter().find(|folder| folder.exists() && !can_write(folder)),
    })
}

/// Returns the findings for the store at `root`.
#[must_use]
pub fn judge(root: &Path, seen: &Seen) -> Vec<Finding> {
    let cached = format!("{}, {}", counted(seen.cached.files, "package"), HumanBytes(seen.cached.bytes));
    let cache = match &seen.unwritable {
        Some(folder) => Finding::failed(CACHE, format!("{} is not writable", folder.display()), own_it(root, seen.owner)),
        None if seen.is_missing => Finding::skipped(CACHE, "the store does not exist yet"),
        None => Finding::ok(CACHE, cached),
    };
    vec![folder(root, seen), disk(seen.room).about(seen.folder.display().to_string()), cache]
}

/// Checks the directory.
fn folder(root: &Path, seen: &Seen) -> Finding {
    let (owner, us) = seen.owner;
    let shown = root.display();
    let use_it = format!("Run sqern as user {}, or use another directory with --store DIR.", account(owner));
    if seen.is_missing && !seen.is_writable {
        let found = format!("{shown} does not exist, and {} cannot create it in {}", name(us), seen.folder.display());
        Finding::failed(STORE, found, own_it(root, seen.owner))
    } else if seen.is_missing {
        Finding::ok(STORE, format!("{shown} does not exist yet (created by the first sqern fetch)"))
    } else if !seen.is_writable {
        Finding::failed(STORE, format!("{shown} is owned by {} and not writable by {}", name(owner), name(us)), use_it)
    } else if owner != us {
        let found = format!("{shown} is owned by {}, who could not replace files of {}", name(owner), name(us));
        Finding::warning(STORE, found, use_it)
    } else {
        let use_of_it = if seen.is_busy { " (a sqern fetch is running)" } else { "" };
        Finding::ok(STORE, format!("{shown} is owned by {} and writable{use_of_it}", name(owner)))
    }
}

/// Checks the free space.
fn disk(room: Room) -> Finding {
    let files = if room.files == u64::MAX { String::new() } else { format!(", {} files", HumanCount(room.files)) };
    let found = format!("{} free{files}", HumanBytes(room.bytes));
    let is_below = |least: Room| room.bytes < least.bytes || room.files < least.files;
    let hint = "df -h; df -i; sqern store prune --cache --dry-run  # then free space";
    if is_below(ONE_KERNEL) {
        Finding::failed(DISK, format!("{found}: not enough for the headers of 1 kernel"), hint)
    } else if is_below(TEN_KERNELS) {
        Finding::warning(DISK, format!("{found}: not enough for the headers of 10 kernels"), hint)
    } else {
        Finding::ok(DISK, found)
    }
}

/// Returns the command that makes this user the owner.
fn own_it(root: &Path, (_, us): (u32, u32)) -> String {
    format!("sudo install -d -o {0} {1} && sudo chown -R {0} {1}  # or --store DIR", account(us), root.display())
}

fn name(uid: u32) -> String {
    OsUser::from_uid(uid).map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// Returns the name of a user, or the number, as commands accept them.
fn account(uid: u32) -> String {
    OsUser::from_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn seen() -> Seen {
        Seen {
            folder: "/s".into(),
            is_missing: false,
            is_writable: true,
            owner: (4_000_000, 4_000_000),
            room: Room { bytes: u64::MAX, files: u64::MAX },
            is_busy: false,
            cached: Pruned::default(),
            unwritable: None,
        }
    }

    #[test]
    fn unusable_stores_fail() {
        for (seen, state, found) in [
            (seen(), State::Ok, "/s is owned by user 4000000 and writable"),
            (Seen { is_busy: true, ..seen() }, State::Ok, "/s is owned by user 4000000 and writable (a sqern fetch is running)"),
            (
                Seen { is_missing: true, folder: "/".into(), ..seen() },
                State::Ok,
                "/s does not exist yet (created by the first sqern fetch)",
            ),
            (
                Seen { is_missing: true, is_writable: false, folder: "/".into(), ..seen() },
                State::Failed,
                "/s does not exist, and user 4000000 cannot create it in /",
            ),
            (
                Seen { is_writable: false, owner: (4_000_001, 4_000_000), ..seen() },
                State::Failed,
                "/s is owned by user 4000001 and not writable by user 4000000",
            ),
            (
                Seen { owner: (4_000_001, 4_000_000), ..seen() },
                State::Warning,
                "/s is owned by user 4000001, who could not replace files of user 4000000",
            ),
        ] {
            let judged = &judge(Path::new("/s"), &seen)[0];
            assert_eq!((judged.state, judged.found.as_str()), (state, found));
        }
        let cache = &judge(Path::new("/s"), &Seen { unwritable: Some("/s/.cache".into()), ..seen() })[2];
        assert_eq!((cache.state, cache.found.as_str()), (State::Failed, "/s/.cache is not writable"));
    }

    #[test]
    fn disk_space_for_few_kernels_warns_or_fails() {
        for (room, state) in [
            (Room { bytes: u64::MAX, files: u64::MAX }, State::Ok),
            (TEN_KERNELS, State::Ok),
            (Room { bytes: TEN_KERNELS.bytes - 1, files: u64::MAX }, State::Warning),
            (Room { bytes: u64::MAX, files: TEN_KERNELS.files - 1 }, State::Warning),
            (Room { bytes: ONE_KERNEL.bytes - 1, files: u64::MAX }, State::Failed),
            (Room { bytes: u64::MAX, files: 0 }, State::Failed),
        ] {
            assert_eq!(disk(room).state, state, "{room:?}");
        }
    }

    #[test]
    fn looking_makes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("a/store");
        let seen = look(&root).unwrap();
        assert!(seen.is_missing && seen.is_writable && seen.folder == home.path() && !home.path().join("a").exists());
        std::fs::create_dir_all(&root).unwrap();
        assert!(!look(&root).unwrap().is_missing);
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    }
}
