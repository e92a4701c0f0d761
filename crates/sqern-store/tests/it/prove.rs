//! A module is compiled in the tree. The tree here is a small one of our own: a Makefile that has the compiler write
//! `.modinfo` as a kernel's would be.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqern_model::KernelVersion;
use sqern_store::tree::{Proof, ProveError, ProveErrorKind, ProveOptions, prove};
use tempfile::TempDir;

/// What kbuild does with our source, in a line each.
const RULE: &str = "modules:
\t@grep -q 'obj-m := sqern_proof.o' $(M)/Makefile && grep -q MODULE_LICENSE $(M)/sqern_proof.c
\t@echo 'static const char v[] __attribute__((section(\".modinfo\"), used)) = \"vermagic=6.1.0-25-amd64 SMP mod_unload \";' > $(M)/x.c
\t@$(CC) -c -o $(M)/sqern_proof.ko $(M)/x.c
";

struct Tree {
    build: PathBuf,
    scratch: PathBuf,
    _folder: TempDir,
}

impl Tree {
    fn new(makefile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let (build, scratch) = (folder.path().join("build"), folder.path().join("scratch"));
        fs::create_dir(&build).expect("a directory");
        fs::create_dir(&scratch).expect("a directory");
        fs::write(build.join("Makefile"), makefile).expect("a file");
        Self { build, scratch, _folder: folder }
    }

    fn prove(&self, options: &ProveOptions) -> Result<Proof, ProveError> {
        prove(&self.build, &KernelVersion::new("6.1.0-25-amd64").expect("a version"), &self.scratch, options)
    }
}

fn failed(makefile: &str) -> ProveError {
    Tree::new(makefile).prove(&ProveOptions::default()).expect_err("a failure")
}

#[test]
fn a_module_of_the_kernel_is_the_proof() {
    let proof = Tree::new(RULE).prove(&ProveOptions::default()).unwrap();
    assert_eq!(proof.vermagic, "6.1.0-25-amd64 SMP mod_unload");
}

#[test]
fn a_module_of_a_kernel_whose_name_only_begins_alike_is_refused() {
    let error = failed(&RULE.replace("6.1.0-25-amd64", "6.1.0-25-amd64+"));
    assert_eq!(error.kind, ProveErrorKind::Vermagic);
    assert_eq!(error.failure.got, "\"6.1.0-25-amd64+ SMP mod_unload\"");
}

#[test]
fn a_make_that_fails_is_told_with_its_last_lines_and_a_hint() {
    let error = failed("modules:\n\t@echo one; echo two >&2; echo 'gcc-12: not found'; exit 3\n");
    assert_eq!(error.kind, ProveErrorKind::Build);
    let text = error.to_string();
    assert!(
        text.starts_with("could not build a module in ") && text.contains(": make for 6.1.0-25-amd64 failed with exit status: 2"),
        "{text}"
    );
    assert!(text.contains("; hint: Install the compiler in the message"), "{text}");
    assert!(text.contains("\n  | one\n  | two\n  | gcc-12: not found\n"), "{text}");
}

#[test]
fn only_the_last_lines_are_kept() {
    let tree = Tree::new("modules:\n\t@seq 1000; printf 'a\\033[31mb\\n'; exit 1\n");
    let error = tree.prove(&ProveOptions { output_lines: 3, ..ProveOptions::default() }).unwrap_err();
    assert_eq!(error.output.len(), 3);
    assert_eq!(error.output[0], "a [31mb");
}

#[test]
fn a_make_that_takes_too_long_is_killed() {
    let tree = Tree::new("modules:\n\t@echo begun; sleep 600\n");
    let begun = Instant::now();
    let error = tree.prove(&ProveOptions { time_limit: Duration::from_millis(500), ..ProveOptions::default() }).unwrap_err();
    assert_eq!(error.kind, ProveErrorKind::Time);
    assert!(error.failure.to_string().contains(": make was killed after 0.5 s"));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_make_that_leaves_no_module_is_told() {
    let error = failed("modules:\n\t@true\n");
    assert_eq!((error.kind, error.failure.expected.as_str()), (ProveErrorKind::Build, "a kernel module with vermagic"));
    let error = failed("modules:\n\t@echo text > $(M)/sqern_proof.ko\n");
    assert_eq!(error.failure.got, "a truncated ELF file");
}

#[test]
fn a_machine_without_make_is_told_what_to_install() {
    let tree = Tree::new(RULE);
    let path = tree.build.display().to_string();
    let error = tree.prove(&ProveOptions { path, ..ProveOptions::default() }).unwrap_err();
    assert_eq!(error.kind, ProveErrorKind::Machine);
    assert_eq!(error.failure.hint.as_deref(), Some("Install make and gcc (apt-get install make gcc, or dnf install make gcc)."));
}

#[test]
fn make_gets_no_environment_but_its_own() {
    let error = failed("modules:\n\t@env | sort; exit 1\n");
    let names: Vec<&str> = error.output.iter().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for name in names {
        let known = [
            "HOME",
            "LC_ALL",
            "MAKEFLAGS",
            "MAKELEVEL",
            "MAKE_TERMERR",
            "MAKE_TERMOUT",
            "MFLAGS",
            "M",
            "MAKEOVERRIDES",
            "OLDPWD",
            "PATH",
            "PWD",
            "SHLVL",
            "TMPDIR",
            "_",
            "-*-command-variables-*-",
        ];
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn a_scratch_that_holds_something_is_left_alone() {
    let tree = Tree::new(RULE);
    fs::write(tree.scratch.join("mine"), "mine").unwrap();
    let error = tree.prove(&ProveOptions::default()).unwrap_err();
    assert_eq!(error.failure.got, "directory not empty");
    assert!(!tree.scratch.join("Makefile").exists());
}

#[test]
fn a_path_that_kbuild_can_not_take_is_told_before() {
    let tree = Tree::new(RULE);
    let odd = tree.build.parent().map(|folder| folder.join("a b")).unwrap();
    fs::rename(&tree.build, &odd).unwrap();
    let kernel = KernelVersion::new("6.1.0-25-amd64").unwrap();
    let error = prove(&odd, &kernel, &tree.scratch, &ProveOptions::default()).unwrap_err();
    assert_eq!(error.failure.expected, "a path without blanks, colons and quotes for kbuild");
    assert!(prove(Path::new("/nonexistent"), &kernel, &tree.scratch, &ProveOptions::default()).is_err());
}
