//! Compiles a test module with the headers of a tree.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqern_model::KernelVersion;
use sqern_process::{Finished, printable_lines};

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
/// The maximum average length of a line of output that is kept.
const LINE_BYTES: usize = 1024;

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
}

impl Default for ProveOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(120),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            variables: Vec::new(),
            output_lines: 20,
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
}

/// Compiles a test module with `make -C build M=scratch modules`, and compares the release in its
/// vermagic with `kernel`.
///
/// `build` is the link or directory of the headers. `scratch` is an empty directory, in which the
/// results remain. The environment of make contains only the values of `options`, so that variables
/// of the caller have no effect.
///
/// The compilation runs programs of the packages (fixdep, modpost, objtool), which must therefore
/// be verified.
///
/// # Errors
///
/// Returns an error if make cannot be run, fails or exceeds its time limit, or if the vermagic is
/// that of another kernel.
pub fn prove(
    build: &Path,
    kernel: &KernelVersion,
    scratch: &Path,
    options: &ProveOptions,
) -> Result<Proof, Error> {
    let build = supported_path(build)?;
    let scratch = supported_path(scratch)?;
    write_module(&scratch)
        .map_err(|error| Error::io("could not prepare", error, scratch.display()))?;
    let start = Instant::now();
    let command = make(&build, &scratch, options);
    let finished = sqern_process::run(
        command,
        options.time_limit,
        options.output_lines.saturating_mul(LINE_BYTES),
    );
    let finished = finished.map_err(not_started)?;
    let took = start.elapsed();
    let output = printable_lines(&finished.output, options.output_lines);
    let vermagic = check(&finished, &build, kernel, &scratch, options)
        .map_err(|error| error.with_output(&output))?;
    Ok(Proof {
        vermagic,
        took,
        output,
    })
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
    let vermagic = modinfo::vermagic(&scratch.join("sqern_proof.ko"))?;
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

/// Writes the source of the module into an empty directory.
fn write_module(scratch: &Path) -> std::io::Result<()> {
    if fs::read_dir(scratch)?.next().is_some() {
        return Err(std::io::Error::new(
            IoErrorKind::DirectoryNotEmpty,
            "directory not empty",
        ));
    }
    fs::write(scratch.join("sqern_proof.c"), SOURCE)?;
    fs::write(scratch.join("Makefile"), MAKEFILE)
}

fn make(build: &Path, scratch: &Path, options: &ProveOptions) -> Command {
    // `Command` would search the PATH of the caller.
    let mut directories = options.path.split(':');
    let program = directories.find_map(|directory| {
        Some(Path::new(directory).join("make")).filter(|program| program.is_file())
    });
    let mut module = std::ffi::OsString::from("M=");
    module.push(scratch);
    let mut command = Command::new(program.unwrap_or_else(|| PathBuf::from("/nonexistent/make")));
    command
        .arg("-C")
        .arg(build)
        .arg(module)
        .args(&options.variables)
        .arg("modules")
        .current_dir(scratch);
    command
        .env_clear()
        .env("PATH", &options.path)
        .env("LC_ALL", "C")
        .env("HOME", scratch)
        .env("TMPDIR", scratch);
    command
}

fn not_started(error: std::io::Error) -> Error {
    if error.kind() == IoErrorKind::NotFound {
        Error::failed(
            ErrorKind::MissingTool,
            "could not run",
            error.to_string(),
            "make",
        )
        .with_hint("Install make and gcc (apt-get install make gcc, or dnf install make gcc).")
    } else {
        Error::io("could not run", error, "make")
    }
}
