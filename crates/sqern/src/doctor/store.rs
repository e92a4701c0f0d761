//! Whether headers can be stored: the folder, who owns it, and the room on its disk.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, HumanCount};
use rustix::fs::{Access, access, statvfs};
use sqern_db::local::OsUser;
use sqern_store::Store;
use sqern_store::store::Pruned;

use super::Finding;
use crate::failure::Failure;

const STORE: &str = "store";
const CACHE: &str = "cache";
const DISK: &str = "disk";

const MIB: u64 = 1024 * 1024;
/// One kernel's headers: up to 150 MiB in 30,000 files, with room for what is unpacked beside it and for its packages.
const ONE_KERNEL: Room = Room { bytes: 512 * MIB, files: 50_000 };
/// From here on it is time to make room.
const TEN_KERNELS: Room = Room { bytes: 10 * ONE_KERNEL.bytes, files: 10 * ONE_KERNEL.files };

/// What is free on a disk, for who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// In bytes.
    pub bytes: u64,
    /// How many files more; the most there can be where the file system has no such limit (btrfs).
    pub files: u64,
}

/// The store's folder, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The folder; where it is not there, the nearest one above it that is.
    pub folder: PathBuf,
    /// Whether the folder is not there yet.
    pub is_missing: bool,
    /// Whether this process may make files in it.
    pub is_writable: bool,
    /// Whom it belongs to, and who asks.
    pub owner: (u32, u32),
    /// What is free there.
    pub room: Room,
    /// Whether a fetch is going on.
    pub is_busy: bool,
    /// The packages in the cache.
    pub cached: Pruned,
    /// A folder of the store's own that can't be written, though the store can.
    pub unwritable: Option<PathBuf>,
}

/// Looks at the folder of a store; makes and changes nothing.
pub fn look(root: &Path) -> Result<Seen, Failure> {
    let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    // A relative path ends in nothing, which is the folder that one is in.
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let failed = |error: io::Error| {
        Failure::unmet(format!("expected a folder that can be looked at, got {error}, at {}", there.display()))
    };
    let disk = statvfs(there).map_err(|error| failed(error.into()))?;
    let owner = (std::fs::metadata(there).map_err(failed)?.uid(), rustix::process::geteuid().as_raw());
    let can_write = |folder: &Path| folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let store = Store::look(root);
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

/// Judges what was seen of the store at `root`.
#[must_use]
pub fn judge(root: &Path, seen: &Seen) -> Vec<Finding> {
    let cached = format!("{} packages, {}", seen.cached.files, HumanBytes(seen.cached.bytes));
    let cache = match &seen.unwritable {
        Some(folder) => Finding::failed(CACHE, format!("{} can't be written", folder.display()), own_it(root, seen.owner)),
        None if seen.is_missing => Finding::skipped(CACHE, "there is no store yet"),
        None => Finding::ok(CACHE, cached),
    };
    vec![folder(root, seen), disk(seen.room).about(seen.folder.display().to_string()), cache]
}

/// The folder itself.
fn folder(root: &Path, seen: &Seen) -> Finding {
    let (owner, us) = seen.owner;
    let shown = root.display();
    let use_it = format!("sudo -u {} sqern …   # or --store DIR with a folder of your own", name(owner));
    if seen.is_missing && !seen.is_writable {
        let found = format!("{shown} is not there, and {} in {} may not make it", name(us), seen.folder.display());
        Finding::failed(STORE, found, own_it(root, seen.owner))
    } else if seen.is_missing {
        Finding::ok(STORE, format!("{shown} is not there yet; the first sqern fetch makes it"))
    } else if !seen.is_writable {
        Finding::failed(STORE, format!("{shown} belongs to {} and can't be written by {}", name(owner), name(us)), use_it)
    } else if owner != us {
        let found = format!("{shown} belongs to {}, who could not change what {} puts there", name(owner), name(us));
        Finding::warning(STORE, found, use_it)
    } else {
        let use_of_it = if seen.is_busy { "; a sqern fetch is at work there" } else { "" };
        Finding::ok(STORE, format!("{shown} is {}'s, and can be written{use_of_it}", name(owner)))
    }
}

/// The room on its disk.
fn disk(room: Room) -> Finding {
    let files = if room.files == u64::MAX { String::new() } else { format!(", {} files", HumanCount(room.files)) };
    let found = format!("{} free{files}", HumanBytes(room.bytes));
    let is_below = |least: Room| room.bytes < least.bytes || room.files < least.files;
    let hint = "df -h; df -i; sqern store prune --cache --dry-run   # then make room";
    if is_below(ONE_KERNEL) {
        Finding::failed(DISK, format!("{found}: not enough for the headers of one kernel"), hint)
    } else if is_below(TEN_KERNELS) {
        Finding::warning(DISK, format!("{found}: not enough for ten kernels"), hint)
    } else {
        Finding::ok(DISK, found)
    }
}

/// How to make the folder one's own.
fn own_it(root: &Path, (_, us): (u32, u32)) -> String {
    format!("sudo install -d -o {0} {1} && sudo chown -R {0} {1}   # or --store DIR", name(us), root.display())
}

fn name(uid: u32) -> String {
    OsUser::numbered(uid).map_or_else(|| format!("user {uid}"), |user| user.name)
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
    fn a_store_is_judged_by_whether_it_can_be_used() {
        for (seen, state, found) in [
            (seen(), State::Ok, "/s is user 4000000's, and can be written"),
            (
                Seen { is_busy: true, ..seen() },
                State::Ok,
                "/s is user 4000000's, and can be written; a sqern fetch is at work there",
            ),
            (
                Seen { is_missing: true, folder: "/".into(), ..seen() },
                State::Ok,
                "/s is not there yet; the first sqern fetch makes it",
            ),
            (
                Seen { is_missing: true, is_writable: false, folder: "/".into(), ..seen() },
                State::Failed,
                "/s is not there, and user 4000000 in / may not make it",
            ),
            (
                Seen { is_writable: false, owner: (4_000_001, 4_000_000), ..seen() },
                State::Failed,
                "/s belongs to user 4000001 and can't be written by user 4000000",
            ),
            (
                Seen { owner: (4_000_001, 4_000_000), ..seen() },
                State::Warning,
                "/s belongs to user 4000001, who could not change what user 4000000 puts there",
            ),
        ] {
            let judged = &judge(Path::new("/s"), &seen)[0];
            assert_eq!((judged.state, judged.found.as_str()), (state, found));
        }
        let cache = &judge(Path::new("/s"), &Seen { unwritable: Some("/s/.cache".into()), ..seen() })[2];
        assert_eq!((cache.state, cache.found.as_str()), (State::Failed, "/s/.cache can't be written"));
    }

    #[test]
    fn a_disk_is_judged_by_how_many_kernels_it_has_room_for() {
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
