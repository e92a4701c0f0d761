//! Checks the store: directory, owner, cache and disk space.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pg_local::OsUser;
use rustix::fs::{Access, access, statvfs};
use sqern_model::{counted, grouped, size};
use sqern_store::Store;
use sqern_store::store::Pruned;

use super::{Finding, Problem};
use crate::Error;

const STORE: &str = "store";
const CACHE: &str = "cache";
const DISK: &str = "disk";

const MIB: u64 = 1024 * 1024;
/// The space for one kernel: headers of up to 150 MiB in 30,000 files, their packages, and the
/// staging directory.
const ONE_KERNEL: FreeSpace = FreeSpace {
    bytes: 512 * MIB,
    files: 50_000,
};
/// Below this space, the check warns.
const TEN_KERNELS: FreeSpace = FreeSpace {
    bytes: 10 * ONE_KERNEL.bytes,
    files: 10 * ONE_KERNEL.files,
};

/// The free space of a disk for this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FreeSpace {
    /// Free bytes.
    bytes: u64,
    /// Free inodes; the maximum if the file system has no limit (btrfs).
    files: u64,
}

/// The observed state of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoreState {
    /// The directory; if it does not exist, the nearest existing parent.
    directory: PathBuf,
    /// Whether the directory does not exist yet.
    is_missing: bool,
    /// Whether this process can create files in it.
    is_writable: bool,
    /// The reason why root cannot use the directory.
    unsafe_directory: Option<Problem>,
    /// The uid of the owner, and the uid of this process.
    owner: (u32, u32),
    /// The free space.
    free: FreeSpace,
    /// Whether a fetch is running.
    is_busy: bool,
    /// The packages in the cache.
    cached: Pruned,
    /// A directory of the store that is not writable.
    unwritable: Option<PathBuf>,
}

/// Checks the store in a directory, or returns the reason why the directory is unknown.
pub(super) fn check(root: &Result<PathBuf, Problem>) -> Vec<Finding> {
    let findings = match root {
        Ok(root) => inspect(root)
            .map(|state| findings(root, &state))
            .map_err(|error| Problem::from(&error)),
        Err(problem) => Err(problem.clone()),
    };
    findings.unwrap_or_else(|problem| {
        vec![Finding::problem(
            STORE,
            &problem,
            "sqern doctor --store DIR",
        )]
    })
}

/// Inspects the directory of a store, without changes.
fn inspect(root: &Path) -> Result<StoreState, Error> {
    let existing = root
        .ancestors()
        .find(|directory| directory.exists())
        .unwrap_or(Path::new("/"));
    // The last ancestor of a relative path is empty: the working directory.
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    let failed = |error: io::Error| {
        Error::io(format!(
            "could not inspect directory {}",
            existing.display()
        ))(error)
    };
    let disk = statvfs(existing).map_err(|error| failed(error.into()))?;
    let owner = (
        std::fs::metadata(existing).map_err(failed)?.uid(),
        rustix::process::geteuid().as_raw(),
    );
    let can_write = |directory: &Path| {
        directory.is_dir() && access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    };
    let store = Store::open_read_only(root).ok();
    let directories = [".cache", ".staging"].map(|name| root.join(name));
    Ok(StoreState {
        directory: existing.to_owned(),
        is_missing: existing != root,
        is_writable: can_write(existing),
        unsafe_directory: Store::check(root)
            .err()
            .map(|error| Problem::from(&Error::from(error))),
        owner,
        free: FreeSpace {
            bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            files: if disk.f_files == 0 {
                u64::MAX
            } else {
                disk.f_favail
            },
        },
        is_busy: store
            .as_ref()
            .is_some_and(|store| store.is_busy().unwrap_or(false)),
        cached: store
            .and_then(|store| store.prune_cache(&[].into(), true).ok())
            .unwrap_or_default(),
        unwritable: directories
            .into_iter()
            .find(|directory| directory.exists() && !can_write(directory)),
    })
}

/// Returns the findings for the store at `root`.
fn findings(root: &Path, state: &StoreState) -> Vec<Finding> {
    let cached = format!(
        "{}, {}",
        counted(state.cached.files, "package"),
        size(state.cached.bytes)
    );
    let cache = match &state.unwritable {
        Some(directory) => Finding::failed(
            CACHE,
            format!("{} is not writable", directory.display()),
            change_owner(root, state.owner),
        ),
        None if state.is_missing => Finding::skipped(CACHE, "the store does not exist yet"),
        None => Finding::ok(CACHE, cached),
    };
    vec![
        check_directory(root, state),
        check_disk(state.free).about(state.directory.display().to_string()),
        cache,
    ]
}

/// Checks the directory.
fn check_directory(root: &Path, state: &StoreState) -> Finding {
    let (owner, user) = state.owner;
    let shown = root.display();
    let use_other = format!(
        "Run sqern as user {}, or use another directory with --store DIR.",
        account(owner)
    );
    if let Some(problem) = &state.unsafe_directory {
        Finding::problem(STORE, problem, &use_other)
    } else if state.is_missing && !state.is_writable {
        let found = format!(
            "{shown} does not exist, and {} cannot create it in {}",
            name(user),
            state.directory.display()
        );
        Finding::failed(STORE, found, change_owner(root, state.owner))
    } else if state.is_missing {
        Finding::ok(
            STORE,
            format!("{shown} does not exist yet (created by the first sqern fetch)"),
        )
    } else if !state.is_writable {
        Finding::failed(
            STORE,
            format!(
                "{shown} is owned by {} and not writable by {}",
                name(owner),
                name(user)
            ),
            use_other,
        )
    } else if owner != user {
        let found = format!(
            "{shown} is owned by {}, who could not replace files of {}",
            name(owner),
            name(user)
        );
        Finding::warning(STORE, found, use_other)
    } else {
        let activity = if state.is_busy {
            " (a sqern fetch is running)"
        } else {
            ""
        };
        Finding::ok(
            STORE,
            format!("{shown} is owned by {} and writable{activity}", name(owner)),
        )
    }
}

/// Checks the free space.
fn check_disk(free: FreeSpace) -> Finding {
    let files = if free.files == u64::MAX {
        String::new()
    } else {
        format!(", {} files", grouped(free.files))
    };
    let found = format!("{} free{files}", size(free.bytes));
    let is_below = |least: FreeSpace| free.bytes < least.bytes || free.files < least.files;
    let hint =
        "df -h; df -i; sqern store prune --cache --dry-run  # shows disk usage and removable files";
    if is_below(ONE_KERNEL) {
        Finding::failed(
            DISK,
            format!("{found}: not enough for the headers of 1 kernel"),
            hint,
        )
    } else if is_below(TEN_KERNELS) {
        Finding::warning(
            DISK,
            format!("{found}: not enough for the headers of 10 kernels"),
            hint,
        )
    } else {
        Finding::ok(DISK, found)
    }
}

/// Returns the command that makes this user the owner.
fn change_owner(root: &Path, (_, user): (u32, u32)) -> String {
    format!(
        "sudo install -d -o {0} {1} && sudo chown -R {0} {1}  # or --store DIR",
        account(user),
        root.display()
    )
}

fn name(uid: u32) -> String {
    OsUser::from_uid(uid).map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// Returns the name of a user, or the number, as commands accept them.
fn account(uid: u32) -> String {
    OsUser::from_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn writable_store() -> StoreState {
        StoreState {
            directory: "/s".into(),
            is_missing: false,
            is_writable: true,
            unsafe_directory: None,
            owner: (4_000_000, 4_000_000),
            free: FreeSpace {
                bytes: u64::MAX,
                files: u64::MAX,
            },
            is_busy: false,
            cached: Pruned::default(),
            unwritable: None,
        }
    }

    #[test]
    fn unusable_stores_fail() {
        for (observed, state, found) in [
            (
                writable_store(),
                State::Ok,
                "/s is owned by user 4000000 and writable",
            ),
            (
                StoreState {
                    is_busy: true,
                    ..writable_store()
                },
                State::Ok,
                "/s is owned by user 4000000 and writable (a sqern fetch is running)",
            ),
            (
                StoreState {
                    is_missing: true,
                    directory: "/".into(),
                    ..writable_store()
                },
                State::Ok,
                "/s does not exist yet (created by the first sqern fetch)",
            ),
            (
                StoreState {
                    is_missing: true,
                    is_writable: false,
                    directory: "/".into(),
                    ..writable_store()
                },
                State::Failed,
                "/s does not exist, and user 4000000 cannot create it in /",
            ),
            (
                StoreState {
                    is_writable: false,
                    owner: (4_000_001, 4_000_000),
                    ..writable_store()
                },
                State::Failed,
                "/s is owned by user 4000001 and not writable by user 4000000",
            ),
            (
                StoreState {
                    owner: (4_000_001, 4_000_000),
                    ..writable_store()
                },
                State::Warning,
                "/s is owned by user 4000001, who could not replace files of user 4000000",
            ),
        ] {
            let finding = &findings(Path::new("/s"), &observed)[0];
            assert_eq!((finding.state, finding.found.as_str()), (state, found));
        }
        let cache = &findings(
            Path::new("/s"),
            &StoreState {
                unwritable: Some("/s/.cache".into()),
                ..writable_store()
            },
        )[2];
        assert_eq!(
            (cache.state, cache.found.as_str()),
            (State::Failed, "/s/.cache is not writable")
        );
    }

    #[test]
    fn disk_space_for_few_kernels_warns_or_fails() {
        for (free, state) in [
            (
                FreeSpace {
                    bytes: u64::MAX,
                    files: u64::MAX,
                },
                State::Ok,
            ),
            (TEN_KERNELS, State::Ok),
            (
                FreeSpace {
                    bytes: TEN_KERNELS.bytes - 1,
                    files: u64::MAX,
                },
                State::Warning,
            ),
            (
                FreeSpace {
                    bytes: u64::MAX,
                    files: TEN_KERNELS.files - 1,
                },
                State::Warning,
            ),
            (
                FreeSpace {
                    bytes: ONE_KERNEL.bytes - 1,
                    files: u64::MAX,
                },
                State::Failed,
            ),
            (
                FreeSpace {
                    bytes: u64::MAX,
                    files: 0,
                },
                State::Failed,
            ),
        ] {
            assert_eq!(check_disk(free).state, state, "{free:?}");
        }
    }

    #[test]
    fn an_inspection_creates_no_directory() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("a/store");
        let state = inspect(&root).unwrap();
        assert!(
            state.is_missing
                && state.is_writable
                && state.directory == home.path()
                && !home.path().join("a").exists()
        );
        std::fs::create_dir_all(&root).unwrap();
        assert!(!inspect(&root).unwrap().is_missing);
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    }
}
