//! Sets `SQERN_COMMIT` to the short ID of the commit of the sources, with `+` if the sources have
//! changes that are not committed.
//!
//! Builds without Git can specify the commit with an environment variable of the same name.
//! Otherwise, the commit is `unknown`, also for a copy of the sources within another repository.
//! The program contains no build time, so that builds are reproducible.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the program, relative to the root of the workspace. The version contains the last
/// commit that changed them.
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
    let specified = std::env::var("SQERN_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty());
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let commit = specified
        .or_else(|| commit(&root))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=SQERN_COMMIT={commit}");
}

/// Returns the current commit of `root` if that is the top of a repository.
fn commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    watch(root);
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(
        root,
        &[&["status", "--porcelain", "--"][..], &SOURCES].concat(),
    )?;
    Some(if changed.is_empty() {
        commit
    } else {
        format!("{commit}+")
    })
}

/// Requests another run of this script after a commit, a checkout, or a change of the sources.
/// Changes of documentation and tests require no build.
fn watch(root: &Path) {
    // Git returns the paths, because a worktree has them in another directory. Each commit and
    // checkout adds a line to `logs/HEAD`.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        // A missing path would run the script in each build.
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let program = SOURCES.iter().flat_map(|source| {
        let path = root.join(source);
        let is_crate = path.join("Cargo.toml").exists();
        // The tests of a crate are not part of the program.
        if is_crate {
            ["src", "queries", "Cargo.toml"]
                .map(|part| path.join(part))
                .to_vec()
        } else {
            vec![path]
        }
    });
    for path in program.filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Returns the output of Git, or `None` if it is not installed or fails.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout)
        .ok()
        .filter(|_| output.status.success())?;
    Some(text.trim_end().to_owned())
}
