//! The user of a command that root starts.

use std::fs;

use nix::unistd::User;
use rustix::process::geteuid;

use crate::message::Identity;

/// The user of a command if the first user does not exist.
const UNPRIVILEGED: &str = "nobody";

/// Returns the user of a command: for root, the named user or `nobody`. Returns `None` if the
/// caller is not root.
pub(crate) fn identity(user: &str) -> Option<Identity> {
    if !geteuid().is_root() {
        return None;
    }
    let found = [user, UNPRIVILEGED].into_iter().find_map(|name| {
        let user = User::from_name(name).ok().flatten()?;
        (!user.uid.is_root()).then_some(Identity {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    });
    // The overflow user of the kernel (/proc/sys/kernel/overflowuid) has no name in some containers.
    Some(found.unwrap_or(Identity {
        uid: 65534,
        gid: 65534,
    }))
}

/// Returns the number of processes and threads of a user, which `RLIMIT_NPROC` counts.
pub(crate) fn processes_of(uid: u32) -> u64 {
    let threads = |status: &str| -> Option<u64> {
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        (value("Uid:")? == u64::from(uid)).then(|| value("Threads:").unwrap_or(1))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
        .filter_map(|status| threads(&status))
        .sum()
}
