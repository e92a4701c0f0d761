//! The restrictions that a process sets for itself and the command.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::fs::{Access, Mode};
use rustix::process::{Gid, Resource, Rlimit, Uid, setrlimit, setsid, umask};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::system_calls;
use crate::message::{Identity, Request};
use crate::{Method, Policy, bubblewrap};

/// The newest version of Landlock whose restrictions are used. Older kernels have fewer.
const LANDLOCK: ABI = ABI::V6;

/// The devices that a command can use.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Files in /proc that describe the machine, and not processes.
const MACHINE: [&str; 6] = [
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
];

/// Restricts this process, which must have a single thread. Returns the names of the restrictions.
pub(super) fn restrict(request: &Request) -> Result<Vec<String>, String> {
    let policy = &request.policy;
    let mut restrictions = Vec::new();
    let mut add = |name: &str| restrictions.push(name.to_owned());
    setsid().map_err(|error| format!("could not create a session: {error}"))?;
    umask(Mode::from_raw_mode(0o022));
    if request.method == Method::Bubblewrap {
        if request.identity.is_none() {
            add("user-namespace");
        }
        for kind in ["mount", "pid", "ipc", "uts"] {
            add(&format!("{kind}-namespace"));
        }
        if !policy.network {
            add("network-namespace");
        }
        add("scratch-size");
    }
    if let Some(identity) = request.identity {
        change_user(identity)?;
        add("unprivileged-user");
    }
    for path in &policy.read_only {
        let access = if path.is_dir() {
            Access::READ_OK | Access::EXEC_OK
        } else {
            Access::READ_OK
        };
        rustix::fs::access(path, access).map_err(|error| unreadable(path, request, error))?;
    }
    drop_capabilities().map_err(|error| format!("could not drop capabilities: {error}"))?;
    limit_resources(request).map_err(|error| format!("could not set a resource limit: {error}"))?;
    add("resource-limits");
    set_no_new_privs(true).map_err(|error| format!("could not set no_new_privs: {error}"))?;
    add("no-new-privileges");
    if request.method == Method::Landlock {
        restrictions.extend(restrict_files(policy)?);
    }
    system_calls::restrict(request.method, policy.network)?;
    restrictions.push("seccomp".to_owned());
    Ok(restrictions)
}

fn unreadable(path: &Path, request: &Request, error: rustix::io::Errno) -> String {
    let user = request.identity.map_or(String::new(), |identity| {
        format!(" as user ID {}, which runs the command", identity.uid)
    });
    format!("could not read {}{user}: {error}", path.display())
}

/// Sets the user of this process, which is root.
fn change_user(identity: Identity) -> Result<(), String> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let change = || {
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)
    };
    change().map_err(|error| format!("could not change to user ID {}: {error}", identity.uid))
}

/// Drops the capabilities that the caller might have.
fn drop_capabilities() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    // A systemd unit can reject capset(2), with which nothing would change.
    let held = capabilities(None)?;
    if (held.permitted | held.effective | held.inheritable).is_empty() {
        return Ok(());
    }
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}

fn limit_resources(request: &Request) -> rustix::io::Result<()> {
    let limits = &request.policy.limits;
    let processes = limits
        .processes
        .map(|processes| processes.saturating_add(request.other_processes));
    for (resource, limit) in [
        (Resource::Core, Some(0)),
        (Resource::As, limits.address_space_bytes),
        (Resource::Fsize, Some(request.policy.scratch.size_bytes)),
        (Resource::Nproc, processes),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Nofile, limits.open_files),
    ] {
        let Some(limit) = limit else { continue };
        // An ordinary user cannot raise a limit.
        let maximum = rustix::process::getrlimit(resource).maximum;
        let limit = Some(maximum.map_or(limit, |maximum| limit.min(maximum)));
        setrlimit(
            resource,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )?;
    }
    Ok(())
}

/// Restricts access to files, TCP and signals with Landlock. Returns the names of the restrictions.
fn restrict_files(policy: &Policy) -> Result<Vec<String>, String> {
    let failed = |error: landlock::RulesetError| format!("could not use Landlock: {error}");
    let (read, all) = (AccessFs::from_read(LANDLOCK), AccessFs::from_all(LANDLOCK));
    let mut ruleset = Ruleset::default()
        .handle_access(all)
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK)))
        .map_err(failed)?;
    if !policy.network {
        ruleset = ruleset
            .handle_access(AccessNet::from_all(LANDLOCK))
            .map_err(failed)?;
    }
    let readable = bubblewrap::system_paths(policy.network).chain(MACHINE);
    let writable = policy.writable.iter().chain([&policy.scratch.path]);
    let status = ruleset
        .create()
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(readable, read)))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(&policy.read_only, read)))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(writable, all)))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(DEVICES, all)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(failed)?;
    let LandlockStatus::Available { effective_abi, .. } = status.landlock else {
        return Err("Landlock is not enabled in this kernel".to_owned());
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock did not restrict the process".to_owned());
    }
    let mut restrictions = vec![format!("landlock-abi-{}", effective_abi as i32)];
    if effective_abi >= ABI::V4 && !policy.network {
        restrictions.push("landlock-network".to_owned());
    }
    if effective_abi >= ABI::V6 {
        restrictions.push("landlock-signals".to_owned());
    }
    Ok(restrictions)
}
