//! The proof that a module can be built for a kernel, here and now: one is.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sqern_model::KernelVersion;

use crate::Failure;

/// The module: nothing but what every module must have.
const SOURCE: &str = "#include <linux/init.h>\n#include <linux/module.h>\n\nstatic int __init sqern_prove_init(void)\n{\n\treturn 0;\n}\n\n\
static void __exit sqern_prove_exit(void)\n{\n}\n\nmodule_init(sqern_prove_init);\nmodule_exit(sqern_prove_exit);\n\
MODULE_LICENSE(\"GPL\");\nMODULE_DESCRIPTION(\"Proves that a module can be built\");\n";
const NAME: &str = "sqern_prove";
/// How many of make's last lines are told.
const TOLD_LINES: usize = 8;
/// More than the module has in any kernel, debugging information and all.
const MODULE_BYTES: u64 = 64 * 1024 * 1024;

/// How a proof is made.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// How long make may take.
    pub time_limit: Duration,
    /// Where programs are looked for, as `PATH` has it.
    pub path: String,
}

impl Default for ProveOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(300),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        }
    }
}

/// A module was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What it says of its kernel: `6.1.0-25-amd64 SMP preempt mod_unload modversions`.
    pub vermagic: String,
}

/// Compiles a small module against `build`, through modpost, in the empty folder `scratch`, and reads which kernel it is for.
///
/// Fails, with the last lines of make, where it can't be compiled, and where the module is for another kernel than `kernel`.
pub fn prove(build: &Path, kernel: &KernelVersion, scratch: &Path, options: &ProveOptions) -> Result<Proof, Failure> {
    let here = |error: io::Error| Failure::new("a folder to compile in", error.to_string(), scratch.display());
    fs::write(scratch.join(format!("{NAME}.c")), SOURCE).map_err(here)?;
    fs::write(scratch.join("Makefile"), format!("obj-m := {NAME}.o\n")).map_err(here)?;
    let log = scratch.join("make.log");
    let output = File::create(&log).map_err(here)?;
    let mut make = Command::new("make");
    make.arg("-C").arg(build).arg(format!("M={}", scratch.display())).arg("modules").current_dir(scratch);
    // Nothing of ours decides how it is built: CFLAGS, ARCH and the like may be set for other work.
    make.env_clear().env("PATH", &options.path).env("LC_ALL", "C.UTF-8").env("HOME", scratch);
    make.stdin(Stdio::null()).stdout(output.try_clone().map_err(here)?).stderr(output).process_group(0);
    let expected = || format!("a module that compiles for {kernel}");
    let place = &build.display().to_string();
    let child = make
        .spawn()
        .map_err(|error| Failure::new(expected(), format!("make: {error}"), place).hint("apt-get install make gcc"))?;
    let status = wait(child, options.time_limit).map_err(here)?;
    match status {
        None => Err(Failure::new(expected(), format!("no end of make within {:?}", options.time_limit), place)),
        Some(status) if !status.success() => Err(failed(&log, expected(), place)),
        Some(_) => vermagic(&scratch.join(format!("{NAME}.ko")), kernel),
    }
}

/// Waits for a process; none where it took too long, and was killed with all that it started.
fn wait(mut child: Child, time_limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + time_limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What make said at its end, with what helps against the usual reasons.
fn failed(log: &Path, expected: String, place: impl std::fmt::Display) -> Failure {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n  ");
    let failure = Failure::new(expected, format!("an error of make, whose last lines are:\n  {last}\n"), place);
    let hints = [
        ("gcc: not found", "apt-get install gcc"),
        ("No such file or directory: 'gcc", "apt-get install gcc"),
        ("pahole: not found", "apt-get install pahole"),
        ("libelf.h", "apt-get install libelf-dev"),
        ("error while loading shared libraries: libelf", "apt-get install libelf1"),
        ("unrecognized command-line option", "the kernel was built by a newer compiler: install that gcc"),
        ("gcc-plugin", "apt-get install gcc-plugin-dev  # of the gcc that built the kernel"),
    ];
    match hints.iter().find(|(sign, _)| text.contains(sign)) {
        Some((_, hint)) => failure.hint(*hint),
        None => failure,
    }
}

/// Which kernel a module says that it is for, in its section `.modinfo` (`vermagic=6.1.0-25-amd64 SMP …`, ended by a zero byte).
fn vermagic(module: &Path, kernel: &KernelVersion) -> Result<Proof, Failure> {
    let unreadable = |got: String| Failure::new("a module with vermagic", got, module.display());
    let size = fs::metadata(module).map_err(|error| unreadable(error.to_string()))?.len();
    if size > MODULE_BYTES {
        return Err(unreadable(format!("{size} bytes")));
    }
    let bytes = fs::read(module).map_err(|error| unreadable(error.to_string()))?;
    let vermagic = stated(&bytes).ok_or_else(|| unreadable("none in it".to_owned()))?;
    let said = vermagic.split(' ').next().unwrap_or_default();
    if said == kernel.as_str() {
        return Ok(Proof { vermagic });
    }
    Err(Failure::new(
        format!("a module for {kernel}"),
        format!("one for {said}: the headers are of another kernel"),
        module.display(),
    ))
}

fn stated(module: &[u8]) -> Option<String> {
    let key = b"\0vermagic=";
    let begin = module.windows(key.len()).position(|window| window == key)? + key.len();
    let end = begin + module[begin..].iter().position(|byte| *byte == 0)?;
    String::from_utf8(module[begin..end].to_vec()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]
mod tests {
    use super::*;

    /// A `build` whose Makefile does this for `modules`.
    fn proven(recipe: &str, time_limit: Duration) -> Result<Proof, String> {
        let folder = tempfile::tempdir().unwrap();
        let (build, scratch) = (folder.path().join("build"), folder.path().join("scratch"));
        fs::create_dir(&build).unwrap();
        fs::create_dir(&scratch).unwrap();
        fs::write(build.join("Makefile"), format!("modules:\n\t{recipe}\n")).unwrap();
        let options = ProveOptions { time_limit, ..ProveOptions::default() };
        prove(&build, &"6.1.0-25-amd64".parse().unwrap(), &scratch, &options).map_err(|failure| failure.to_string())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_module_for_the_kernel_is_a_proof_and_one_for_another_is_none() {
        let module = |version: &str| format!("@printf 'x\\000vermagic={version} SMP mod_unload \\000y' > $(M)/sqern_prove.ko");
        assert_eq!(proven(&module("6.1.0-25-amd64"), LONG).unwrap().vermagic, "6.1.0-25-amd64 SMP mod_unload ");
        let told = proven(&module("6.1.0-26-amd64"), LONG).unwrap_err();
        assert!(told.contains("expected a module for 6.1.0-25-amd64, got one for 6.1.0-26-amd64"), "{told}");
        assert!(proven("@true", LONG).unwrap_err().contains("sqern_prove.ko"));
    }

    #[test]
    fn an_error_of_make_is_told_with_its_last_lines() {
        let told = proven("@echo first; echo 'fatal error: libelf.h: No such file'; exit 1", LONG).unwrap_err();
        assert!(told.contains("libelf.h: No such file") && told.contains("apt-get install libelf-dev"), "{told}");
    }

    #[test]
    fn a_make_without_end_is_killed_with_all_that_it_started() {
        let begun = Instant::now();
        let told = proven("@sleep 600 & sleep 600; wait", Duration::from_millis(200)).unwrap_err();
        assert!(told.contains("no end of make within 200ms"), "{told}");
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn the_environment_does_not_decide_how_a_module_is_built() {
        let told = proven("@test -z \"$$CARGO_MANIFEST_DIR\" || { echo leaked; exit 1; }; echo clean; exit 1", LONG).unwrap_err();
        assert!(told.contains("clean"), "{told}");
    }
}
