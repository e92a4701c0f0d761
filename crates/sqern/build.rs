//! Sets `SQERN_COMMIT` to the short id of the commit that the program is built from, with `+` if its sources were changed since.
//!
//! A packager who builds without git says it by an environment variable of the same name. A build without either is of an `unknown`
//! commit: a tree inside of another repository is not taken for a part of it. No time is built in, so that the same sources give the
//! same program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the program, relative to the root of the workspace. The version contains the last commit that changed them.
const SOURCES: [&str; 16] = [
    "crates/sqern/src",
    "crates/sqern/Cargo.toml",
    "crates/sqern/build.rs",
    "crates/pg-connect",
    "crates/pg-local",
    "crates/sqern-archive",
    "crates/sqern-core",
    "crates/sqern-db",
    "crates/sqern-model",
    "crates/sqern-process",
    "crates/sqern-store",
    "crates/sqern-upstream",
    "schema",
    "distros",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() {
    println!("cargo::rerun-if-env-changed=SQERN_COMMIT");
    let said = std::env::var("SQERN_COMMIT").ok().filter(|commit| !commit.is_empty());
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let commit = said.or_else(|| commit(&root)).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=SQERN_COMMIT={commit}");
}

/// The commit that is checked out at `root`, if that is the top of a repository.
fn commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    watch(root);
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(root, &[&["status", "--porcelain", "--"][..], &SOURCES].concat())?;
    Some(if changed.is_empty() { commit } else { format!("{commit}+") })
}

/// Has this run again when another commit is checked out or made, or when what goes into the program changes; what changes on the
/// documentation or on tests alone builds nothing.
fn watch(root: &Path) {
    // In a worktree these lie elsewhere, so git says where. `logs/HEAD` gets a line by every commit and checkout.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        // A path that is not there would have this run each time.
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let program = SOURCES.iter().flat_map(|source| {
        let path = root.join(source);
        let is_crate = path.join("Cargo.toml").exists();
        // Of a crate, not its tests.
        if is_crate { ["src", "queries", "Cargo.toml"].map(|part| path.join(part)).to_vec() } else { vec![path] }
    });
    for path in program.filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// What git says; nothing where there is none, or where it refuses.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim_end().to_owned())
}
