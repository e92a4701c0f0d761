//! A tree is proved by what it is for: a module is compiled in it.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqern_model::KernelVersion;

use super::{build_tools, hint, modinfo, run};
use crate::Failure;

/// The least that is a module: without a licence modpost fails, and with another one GPL symbols are out of reach.
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

/// How a proof is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveOptions {
    /// When make is killed, with all that it started.
    pub time_limit: Duration,
    /// Where make, the compiler and the shell's commands are looked for.
    pub path: String,
    /// Variables for make's command line (`CC=gcc-12`).
    pub variables: Vec<String>,
    /// The last lines of the output that are kept.
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

/// A module was compiled, and is of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What modules built here say they are for.
    pub vermagic: String,
    /// How long make took.
    pub took: Duration,
    /// The last lines that make and the compiler wrote; warnings are there.
    pub output: Vec<String>,
}

/// Why no module could be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveError {
    /// What went wrong.
    pub kind: ProveErrorKind,
    /// What was expected, got, and where.
    pub failure: Box<Failure>,
    /// The last lines that make and the compiler wrote.
    pub output: Vec<String>,
}

/// What went wrong with a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProveErrorKind {
    /// The machine: make is not there, or a folder can't be used.
    Machine,
    /// make failed.
    Build,
    /// make took longer than it may.
    Time,
    /// The module is not of the kernel.
    Vermagic,
}

impl fmt::Display for ProveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)?;
        self.output.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

impl std::error::Error for ProveError {}

/// Compiles a module of our own with `make -C build M=scratch modules`, and compares the first word of its vermagic with the
/// kernel's version.
///
/// `build` is the tree's link, `scratch` an empty folder of our own, that is left with what was built in it. This runs the
/// programs that the packages brought (fixdep, modpost, objtool): only for packages that were verified. make gets no more of the
/// environment than what `options` say, so that no flag or locale of the caller decides.
pub fn prove(build: &Path, kernel: &KernelVersion, scratch: &Path, options: &ProveOptions) -> Result<Proof, ProveError> {
    let fail = |kind, failure, output| ProveError { kind, failure: Box::new(failure), output };
    let machine = |failure| fail(ProveErrorKind::Machine, failure, Vec::new());
    let build = usable(build).map_err(machine)?;
    let scratch = usable(scratch).map_err(machine)?;
    write(&scratch).map_err(|error| machine(Failure::operation("could not prepare", error.to_string(), scratch.display())))?;
    let begun = Instant::now();
    let ran = run::run(make(&build, &scratch, options), options.time_limit, options.output_lines.saturating_mul(1024));
    let ran = ran.map_err(|error| machine(not_started(&error)))?;
    let output = last_lines(&ran.output, options.output_lines);
    let place = build.display();
    match ran.status {
        None => {
            let limit = options.time_limit.as_secs_f64();
            let failure = Failure::operation("could not build a module in", format!("make was killed after {limit} s"), place);
            return Err(fail(ProveErrorKind::Time, failure, output));
        }
        Some(status) if !status.success() => {
            let failure =
                Failure::operation("could not build a module in", format!("make for {kernel} failed with {status}"), place);
            let failure = match (hint::hint(&ran.output), build_tools::compiler_text(&build)) {
                (Some(hint), Some(compiler)) if hint.contains(".config names") => failure.hint(format!("{hint}: {compiler}")),
                (Some(hint), _) => failure.hint(hint),
                (None, _) => failure,
            };
            return Err(fail(ProveErrorKind::Build, failure, output));
        }
        Some(_) => {}
    }
    let took = begun.elapsed();
    let vermagic = match modinfo::vermagic(&scratch.join("sqern_proof.ko")) {
        Ok(vermagic) => vermagic,
        Err(failure) => return Err(fail(ProveErrorKind::Build, failure, output)),
    };
    if vermagic.split(' ').next() != Some(kernel.as_str()) {
        let failure = Failure::new(format!("vermagic {kernel} in the module"), format!("{vermagic:?}"), place);
        let failure = failure.hint("Unpack the headers of this kernel, not of another kernel or of a meta package.");
        return Err(fail(ProveErrorKind::Vermagic, failure, output));
    }
    Ok(Proof { vermagic, took, output })
}

/// The real path of a folder, if kbuild can take it: it splits what it is given at blanks, and make at colons.
fn usable(folder: &Path) -> Result<PathBuf, Failure> {
    let real =
        folder.canonicalize().map_err(|error| Failure::operation("could not resolve", error.to_string(), folder.display()))?;
    match real.to_str() {
        Some(text) if !text.contains([':', '#', '%', '$', '\'', '"']) && !text.contains(char::is_whitespace) => Ok(real),
        _ => {
            let failure = Failure::new("a path without blanks, colons and quotes for kbuild", "another path", real.display());
            Err(failure.hint("Use another directory for the store."))
        }
    }
}

/// Writes the module's source.
fn write(scratch: &Path) -> std::io::Result<()> {
    if fs::read_dir(scratch)?.next().is_some() {
        return Err(std::io::Error::new(ErrorKind::DirectoryNotEmpty, "directory not empty"));
    }
    fs::write(scratch.join("sqern_proof.c"), SOURCE)?;
    fs::write(scratch.join("Makefile"), MAKEFILE)
}

fn make(build: &Path, scratch: &Path, options: &ProveOptions) -> Command {
    // Looked for here, for the search of a command goes by the caller's environment.
    let program = options.path.split(':').map(|folder| Path::new(folder).join("make")).find(|program| program.is_file());
    let mut module = std::ffi::OsString::from("M=");
    module.push(scratch);
    let mut command = Command::new(program.unwrap_or_else(|| PathBuf::from("/nonexistent/make")));
    command.arg("-C").arg(build).arg(module).args(&options.variables).arg("modules").current_dir(scratch);
    command.env_clear().env("PATH", &options.path).env("LC_ALL", "C").env("HOME", scratch).env("TMPDIR", scratch);
    command
}

fn not_started(error: &std::io::Error) -> Failure {
    let failure = Failure::operation("could not run", error.to_string(), "make");
    if error.kind() == ErrorKind::NotFound {
        failure.hint("Install make and gcc (apt-get install make gcc, or dnf install make gcc).")
    } else {
        failure
    }
}

/// The last lines, without control characters: a terminal may be what shows them.
fn last_lines(output: &str, most: usize) -> Vec<String> {
    let plain = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let lines: Vec<String> = output.lines().map(plain).collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}
