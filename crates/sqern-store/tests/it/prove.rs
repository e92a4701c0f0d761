//! Compiles modules in trees that only consist of a Makefile. It writes `.modinfo` like kbuild.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqern_model::{Diagnostic as _, KernelVersion};
use sqern_store::tree::{Proof, ProveOptions, prove};
use sqern_store::{Error, ErrorKind};
use tempfile::TempDir;

/// A replacement of kbuild.
const RULE: &str = "modules:
\t@grep -q 'obj-m := sqern_proof.o' $(M)/Makefile && grep -q MODULE_LICENSE $(M)/sqern_proof.c
\t@echo 'static const char v[] __attribute__((section(\".modinfo\"), used)) = \"vermagic=6.1.0-25-amd64 SMP mod_unload \";' > $(M)/x.c
\t@$(CC) -c -o $(M)/sqern_proof.ko $(M)/x.c
";

struct Tree {
    build: PathBuf,
    scratch: PathBuf,
    directory: TempDir,
}

impl Tree {
    fn new(makefile: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (build, scratch) = (
            directory.path().join("build"),
            directory.path().join("scratch"),
        );
        fs::create_dir(&build).expect("a directory");
        fs::create_dir(&scratch).expect("a directory");
        fs::write(build.join("Makefile"), makefile).expect("a file");
        Self {
            build,
            scratch,
            directory,
        }
    }

    fn prove(&self, options: &ProveOptions) -> Result<Proof, Error> {
        prove(
            self.build.parent().expect("a directory"),
            &KernelVersion::new("6.1.0-25-amd64").expect("a version"),
            &self.scratch,
            options,
        )
    }
}

fn failed(makefile: &str) -> Error {
    Tree::new(makefile)
        .prove(&ProveOptions::default())
        .expect_err("a failure")
}

#[test]
fn module_of_the_kernel_is_accepted() {
    let proof = Tree::new(RULE).prove(&ProveOptions::default()).unwrap();
    assert_eq!(proof.vermagic, "6.1.0-25-amd64 SMP mod_unload");
}

#[test]
fn release_in_vermagic_must_match_completely() {
    let error = failed(&RULE.replace("6.1.0-25-amd64", "6.1.0-25-amd64+"));
    assert_eq!(error.kind(), ErrorKind::WrongVermagic);
    assert!(
        error.message().ends_with(": the vermagic of the module is \"6.1.0-25-amd64+ SMP mod_unload\" instead of 6.1.0-25-amd64"),
        "{error}"
    );
}

#[test]
fn vermagic_of_a_module_is_limited_printable_text() {
    let vermagic = |options: &str| {
        let makefile = RULE.replace("SMP mod_unload", options);
        Tree::new(&makefile).prove(&ProveOptions::default())
    };
    let release = "6.1.0-25-amd64 ".len();
    let longest = vermagic(&"x".repeat(256 - release)).unwrap();
    assert_eq!(longest.vermagic.len(), 256);
    for (options, expected) in [
        (
            "x".repeat(257 - release),
            "it has 257 bytes, more than the limit of 256",
        ),
        (r"\33[2J".to_owned(), "it is not printable ASCII text"),
        ("\u{e9}".to_owned(), "it is not printable ASCII text"),
        ("\u{202e}".to_owned(), "it is not printable ASCII text"),
    ] {
        let error = vermagic(&options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        assert!(error.message().ends_with(expected), "{error}");
    }
}

#[test]
fn failed_make_is_reported_with_output_and_hint() {
    let error = failed("modules:\n\t@echo one; echo two >&2; echo 'gcc-12: not found'; exit 3\n");
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    let text = error.to_string();
    assert!(
        text.starts_with("could not build a module in ")
            && text.contains(": make for 6.1.0-25-amd64 failed with exit status: 2"),
        "{text}"
    );
    assert!(
        text.contains("; hint: Install the compiler in the message"),
        "{text}"
    );
    assert!(
        text.contains("\n  | one\n  | two\n  | gcc-12: not found\n"),
        "{text}"
    );
}

#[test]
fn only_last_lines_of_the_output_are_kept() {
    let tree = Tree::new("modules:\n\t@seq 1000; printf 'a\\033[31mb\\n'; exit 1\n");
    let error = tree
        .prove(&ProveOptions {
            output_lines: 3,
            ..ProveOptions::default()
        })
        .unwrap_err();
    let lines: Vec<&str> = error.detail().unwrap().lines().skip(1).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "  | a [31mb");
}

#[test]
fn make_is_killed_after_its_time_limit() {
    let tree = Tree::new("modules:\n\t@echo begun; sleep 600\n");
    let start = Instant::now();
    let error = tree
        .prove(&ProveOptions {
            time_limit: Duration::from_millis(500),
            ..ProveOptions::default()
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimeLimit);
    assert!(error.to_string().contains(": make was killed after 0.5 s"));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn missing_module_is_an_error() {
    let error = failed("modules:\n\t@true\n");
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(
        error
            .message()
            .starts_with("could not read the vermagic of "),
        "{error}"
    );
    let error = failed("modules:\n\t@echo text > $(M)/sqern_proof.ko\n");
    assert!(error.message().ends_with(": truncated ELF file"), "{error}");
}

#[test]
fn missing_make_has_an_installation_hint() {
    let tree = Tree::new(RULE);
    let path = tree.build.display().to_string();
    let error = tree
        .prove(&ProveOptions {
            path,
            ..ProveOptions::default()
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingTool);
    assert_eq!(
        error.hint(),
        Some("Install make and gcc (apt-get install make gcc, or dnf install make gcc).")
    );
}

#[test]
fn make_inherits_no_environment() {
    let error = failed("modules:\n\t@env | sort; exit 1\n");
    let lines = error.detail().unwrap().lines();
    let names: Vec<&str> = lines
        .filter_map(|line| Some(line.strip_prefix("  | ")?.split_once('=')?.0))
        .collect();
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
fn scratch_directory_must_be_empty() {
    let tree = Tree::new(RULE);
    fs::write(tree.scratch.join("mine"), "mine").unwrap();
    let error = tree.prove(&ProveOptions::default()).unwrap_err();
    assert!(
        error.message().ends_with(": directory not empty"),
        "{error}"
    );
    assert!(!tree.scratch.join("Makefile").exists());
}

#[test]
fn unsupported_paths_are_detected_before_the_build() {
    let tree = Tree::new(RULE);
    let odd = tree.directory.path().join("a b");
    fs::create_dir(&odd).unwrap();
    fs::rename(&tree.build, odd.join("build")).unwrap();
    let kernel = KernelVersion::new("6.1.0-25-amd64").unwrap();
    let error = prove(&odd, &kernel, &tree.scratch, &ProveOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedPath);
    assert!(
        prove(
            Path::new("/nonexistent"),
            &kernel,
            &tree.scratch,
            &ProveOptions::default()
        )
        .is_err()
    );
}
