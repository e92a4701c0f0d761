//! Compiles a test module with the headers of a tree.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqern_model::KernelVersion;
use sqern_process::printable_lines;
use sqern_sandbox::{Applied, Finished, Limits, Policy, Program, Sandbox, Scratch};

use super::{build_tools, hint, modinfo};
use crate::{Error, ErrorKind};

/// The smallest module. modpost rejects a module without a license, and symbols for GPL modules
/// with another one.
const SOURCE: &str = "#include <linux/init.h>
#include <linux/module.h>

static int __init sqern_proof_init(void)
{
\treturn 0;
}

static void __exit sqern_proof_exit(void)
{
}

module_init(sqern_proof_init);
module_exit(sqern_proof_exit);
MODULE_LICENSE(\"GPL\");
MODULE_DESCRIPTION(\"proves that modules can be built\");
";
const MAKEFILE: &str = "obj-m := sqern_proof.o\n";
/// The name of the compiled module.
const MODULE: &str = "sqern_proof.ko";
/// The maximum average length of a line of output that is kept.
const LINE_BYTES: usize = 1024;
/// The maximum size of the compiled module. With the debug information of the kernel headers, it has
/// less than 1 MB.
const MAX_MODULE_BYTES: u64 = 64 << 20;

/// Options of [`prove`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveOptions {
    /// The time limit. make and its child processes are killed if they exceed it.
    pub time_limit: Duration,
    /// The value of `PATH` for make, the compiler and the commands of the shell.
    pub path: String,
    /// Variables for the command line of make: `CC=gcc-12`.
    pub variables: Vec<String>,
    /// The number of last lines of the output that are kept.
    pub output_lines: usize,
    /// The sandbox of make.
    pub sandbox: Sandbox,
    /// The maximum size of the results in bytes.
    pub scratch_bytes: u64,
}

impl Default for ProveOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(120),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            variables: Vec::new(),
            output_lines: 20,
            sandbox: Sandbox::off(),
            scratch_bytes: 512 << 20,
        }
    }
}

/// A module that was compiled for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The vermagic of the module.
    pub vermagic: String,
    /// The duration of the compilation.
    pub took: Duration,
    /// The last lines of the output of make and the compiler, which include warnings.
    pub output: Vec<String>,
    /// The restrictions of make; `None` without a sandbox.
    pub sandbox: Option<Applied>,
    /// The compiler of the kernel, as its `.config` describes it: `gcc-12 (Debian 12.2.0-14) 12.2.0`.
    pub kernel_compiler: Option<String>,
    /// The compiler of the module, as it describes itself: `GCC: (Debian 12.2.0-14) 12.2.0`.
    pub module_compiler: Option<String>,
    /// Whether the kernel has symbol versions (`CONFIG_MODVERSIONS`), but the module does not. The
    /// headers then contain no `Module.symvers`, and the kernel does not check whether it is
    /// compatible with the module.
    pub lacks_symbol_versions: bool,
}

/// Compiles a test module with `make -C tree/build M=scratch modules`, and compares the release in
/// its vermagic with `kernel`.
///
/// `tree` contains the headers, and the link or directory `build`. `scratch` is an empty directory
/// for the results. With bubblewrap, its content is in memory and is lost. The environment of make
/// contains only the values of `options`, so that variables of the caller have no effect.
///
/// The compilation runs Makefiles and programs of the packages (fixdep, modpost, objtool). In a
/// sandbox, they can read only the tree and the files of the system, and write only to `scratch`.
///
/// # Errors
///
/// Returns an error if the sandbox cannot be created, if make cannot be run, fails or exceeds its
/// time limit, or if the vermagic is that of another kernel.
pub fn prove(
    tree: &Path,
    kernel: &KernelVersion,
    scratch: &Path,
    options: &ProveOptions,
) -> Result<Proof, Error> {
    let build = supported_path(&tree.join("build"))?;
    let tree = supported_path(tree)?;
    let scratch = supported_path(scratch)?;
    require_empty(&scratch)
        .map_err(|error| Error::io("could not prepare", error, scratch.display()))?;
    let make = make(&build, &scratch, options)?;
    let mut read_only = vec![tree];
    // A fetch command can create a link to headers outside the tree.
    if !build.starts_with(&read_only[0]) {
        read_only.push(build.clone());
    }
    let policy = policy(read_only, &scratch, options);
    let max_bytes = options.output_lines.saturating_mul(LINE_BYTES);
    let start = Instant::now();
    let finished = options
        .sandbox
        .run(&policy, &make, options.time_limit, max_bytes)
        .map_err(|error| not_started(error, &build))?;
    let took = start.elapsed();
    let output = printable_lines(&finished.output, options.output_lines);
    let vermagic = check(&finished, &build, kernel, &scratch, options)
        .map_err(|error| error.with_output(&output))?;
    let module = finished.results.first().and_then(Option::as_deref);
    let lacks_symbol_versions = build_tools::has_symbol_versions(&build)
        && !module.is_some_and(modinfo::has_symbol_versions);
    Ok(Proof {
        vermagic,
        kernel_compiler: build_tools::compiler_text(&build),
        module_compiler: module.and_then(modinfo::compiler),
        lacks_symbol_versions,
        took,
        output,
        sandbox: finished.applied,
    })
}

/// Returns the access of make.
fn policy(read_only: Vec<PathBuf>, scratch: &Path, options: &ProveOptions) -> Policy {
    let file = |name: &str, content: &str| (name.to_owned(), content.to_owned());
    let variable =
        |name: &str, value: &dyn AsRef<std::ffi::OsStr>| (name.into(), value.as_ref().to_owned());
    Policy {
        read_only,
        writable: vec![],
        scratch: Scratch {
            path: scratch.to_owned(),
            size_bytes: options.scratch_bytes,
            files: vec![file("sqern_proof.c", SOURCE), file("Makefile", MAKEFILE)],
            results: vec![MODULE.to_owned()],
            max_result_bytes: MAX_MODULE_BYTES,
        },
        network: false,
        environment: vec![
            variable("PATH", &options.path),
            variable("LC_ALL", &"C"),
            variable("HOME", &scratch),
            variable("TMPDIR", &scratch),
        ],
        limits: Limits {
            cpu_seconds: Some(options.time_limit.as_secs() + 1),
            ..Limits::default()
        },
    }
}

/// Returns the vermagic of the module, if make succeeded and the module is that of the kernel.
fn check(
    finished: &Finished,
    build: &Path,
    kernel: &KernelVersion,
    scratch: &Path,
    options: &ProveOptions,
) -> Result<String, Error> {
    let failed = |kind, reason: String| {
        Error::failed(kind, "could not build a module in", reason, build.display())
    };
    match finished.status {
        None => {
            let limit = options.time_limit.as_secs_f64();
            return Err(failed(
                ErrorKind::TimeLimit,
                format!("make was killed after {limit} s"),
            ));
        }
        Some(status) if !status.success() => {
            let error = failed(
                ErrorKind::BuildFailed,
                format!("make for {kernel} failed with {status}"),
            );
            return Err(
                match (
                    hint::hint(&finished.output),
                    build_tools::compiler_text(build),
                ) {
                    (Some(hint), Some(compiler)) if hint.names_compiler => {
                        error.with_hint(format!("{}: {compiler}", hint.text))
                    }
                    (Some(hint), _) => error.with_hint(hint.text),
                    (None, _) => error,
                },
            );
        }
        Some(_) => {}
    }
    let module = finished.results.first().and_then(Option::as_deref);
    let vermagic = modinfo::vermagic(module, &scratch.join(MODULE))?;
    if vermagic.split(' ').next() != Some(kernel.as_str()) {
        let reason = format!("the vermagic of the module is {vermagic:?} instead of {kernel}");
        let error = Error::failed(
            ErrorKind::WrongVermagic,
            "cannot use the headers in",
            reason,
            build.display(),
        );
        return Err(error.with_hint(
            "Unpack the headers of this kernel, not of another kernel or of a meta package.",
        ));
    }
    Ok(vermagic)
}

/// Returns the real path of a directory if kbuild supports it. kbuild splits paths at blanks, and
/// make splits them at colons.
fn supported_path(directory: &Path) -> Result<PathBuf, Error> {
    let real = directory
        .canonicalize()
        .map_err(|error| Error::io("could not resolve", error, directory.display()))?;
    match real.to_str() {
        Some(text)
            if !text.contains([':', '#', '%', '$', '\'', '"'])
                && !text.contains(char::is_whitespace) =>
        {
            Ok(real)
        }
        _ => {
            let reason =
                "kbuild does not support blanks, quotes and the characters : # % $ in paths";
            let error = Error::failed(
                ErrorKind::UnsupportedPath,
                "cannot build in",
                reason,
                real.display(),
            );
            Err(error.with_hint("Use another directory for the store."))
        }
    }
}

/// Returns an error if a directory contains a file.
fn require_empty(directory: &Path) -> std::io::Result<()> {
    if fs::read_dir(directory)?.next().is_some() {
        return Err(std::io::Error::new(
            IoErrorKind::DirectoryNotEmpty,
            "directory not empty",
        ));
    }
    Ok(())
}

fn make(build: &Path, scratch: &Path, options: &ProveOptions) -> Result<Program, Error> {
    let mut directories = options.path.split(':');
    let path = directories
        .find_map(|directory| {
            Some(Path::new(directory).join("make")).filter(|program| program.is_file())
        })
        .ok_or_else(|| missing_make("not found in PATH"))?;
    let mut module = std::ffi::OsString::from("M=");
    module.push(scratch);
    let variables = options.variables.iter().map(Into::into);
    Ok(Program {
        path,
        arguments: ["-C".into(), build.into(), module]
            .into_iter()
            .chain(variables)
            .chain(["modules".into()])
            .collect(),
        directory: Some(scratch.to_owned()),
    })
}

fn missing_make(reason: &str) -> Error {
    Error::failed(ErrorKind::MissingTool, "could not run", reason, "make")
        .with_hint("Install make and gcc (apt-get install make gcc, or dnf install make gcc).")
}

fn not_started(error: sqern_sandbox::Error, build: &Path) -> Error {
    match error {
        sqern_sandbox::Error::Start { error, .. } if error.kind() == IoErrorKind::NotFound => {
            missing_make(&error.to_string())
        }
        sqern_sandbox::Error::Start { error, .. } => Error::io("could not run", error, "make"),
        sqern_sandbox::Error::Scratch { path, error } => {
            Error::io("could not prepare", error, path.display())
        }
        error => Error::failed(
            ErrorKind::Sandbox,
            "could not compile a module in",
            error.to_string(),
            build.display(),
        )
        .with_hint("sqern fetch --sandbox off  # compiles without a sandbox"),
    }
}
