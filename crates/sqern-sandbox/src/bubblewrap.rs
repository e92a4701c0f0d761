//! The command line of bwrap(1).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::launcher::ARGUMENT;
use crate::message::Identity;
use crate::{Launcher, Policy};

/// The directories in which bwrap is searched. The `PATH` of the caller might contain directories
/// of other users.
const DIRECTORIES: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/bin"];
/// The path of the launcher in the sandbox.
const LAUNCHER: &str = "/run/sandbox-launcher";

/// Directories with programs and libraries, which are links to directories in `/usr` on merged-usr
/// systems.
const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// Files that the dynamic linker, the C library and compilers read.
const CONFIGURATION: [&str; 12] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/group",
    "/etc/host.conf",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/services",
];

/// Files that a command with network access requires.
const NETWORK: [&str; 6] = [
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
];

/// Returns the paths of the system that a command can read.
pub(crate) fn system_paths(network: bool) -> impl Iterator<Item = &'static str> {
    let network = network.then_some(NETWORK).into_iter().flatten();
    SYSTEM.into_iter().chain(CONFIGURATION).chain(network)
}

/// Returns the path of bwrap, if it is installed.
pub(crate) fn find() -> Option<PathBuf> {
    DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join("bwrap"))
        .find(|program| program.is_file())
}

/// Returns the command that runs the launcher in namespaces. With an identity, bwrap runs as root
/// and requires no user namespace. The launcher then has the capabilities to change the user and to
/// send signals to its processes.
pub(crate) fn command(
    bwrap: &Path,
    launcher: &Launcher,
    policy: &Policy,
    identity: Option<Identity>,
) -> Command {
    let mut command = Command::new(bwrap);
    command.env_clear().args([
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-uts",
        "--die-with-parent",
        "--new-session",
        // The kernel kills all other processes when process 1 exits.
        "--as-pid-1",
        "--cap-drop",
        "ALL",
    ]);
    if identity.is_some() {
        for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"] {
            command.args(["--cap-add", capability]);
        }
    } else {
        command.arg("--unshare-user");
    }
    if !policy.network {
        command.arg("--unshare-net");
    }
    create_parents(&mut command, Path::new("/etc/file"));
    for path in system_paths(policy.network) {
        match fs::read_link(path) {
            Ok(target) if SYSTEM.contains(&path) => {
                command.arg("--symlink").arg(target).arg(path);
            }
            _ => {
                command.args(["--ro-bind-try", path, path]);
            }
        }
    }
    command.args(["--proc", "/proc", "--dev", "/dev"]);
    let size = policy.scratch.size_bytes.to_string();
    let tmpfs = ["--perms", "1777", "--size", &size, "--tmpfs"];
    command.args(tmpfs).arg("/tmp");
    for (option, paths) in [
        ("--ro-bind", &policy.read_only),
        ("--bind", &policy.writable),
    ] {
        for path in paths {
            create_parents(&mut command, path);
            command.arg(option).args([path, path]);
        }
    }
    create_parents(&mut command, &policy.scratch.path);
    command.args(tmpfs).arg(&policy.scratch.path);
    create_parents(&mut command, Path::new(LAUNCHER));
    command
        .arg("--ro-bind")
        .args([&launcher.program, Path::new(LAUNCHER)])
        // These directories are in memory, without a size limit.
        .args(["--remount-ro", "/dev", "--remount-ro", "/"])
        .args(["--chdir", "/", "--", LAUNCHER, ARGUMENT]);
    command
}

/// Creates the directories above a path. bwrap would create them without access for other users.
fn create_parents(command: &mut Command, path: &Path) {
    let mut parents: Vec<&Path> = path.ancestors().skip(1).collect();
    // The last one is the root directory.
    parents.pop();
    for parent in parents.into_iter().rev() {
        command.args(["--perms", "0755", "--dir"]).arg(parent);
    }
}
