//! Hostile packages: their Makefiles run in a sandbox.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sqern_sandbox::{Launcher, Method, Sandbox, availability};
use sqern_store::tree::{ProveOptions, prove};

use super::{Fixture, kernel_that_builds};

const SECRET: &str = "SECRET_OF_THE_CALLER=hunter2";

fn launcher() -> Launcher {
    Launcher {
        program: PathBuf::from(env!("CARGO_BIN_EXE_sqern")),
        user: "sqern".to_owned(),
    }
}

/// Returns whether a method is available, and prints the reason otherwise.
#[allow(clippy::print_stderr, reason = "a skipped method must be visible")]
fn is_available(method: Method) -> bool {
    let found = availability(method, &launcher());
    if let Err(obstacle) = found {
        eprintln!("SKIPPED with {method}: {}", obstacle.reason);
    }
    found.is_ok()
}

/// Returns lines of a Makefile that fail with the names of the accesses that succeeded. They also
/// leave a process in another session, which creates the file `survived` after a second.
fn hostile(output: &Path, port: u16) -> String {
    let output = output.display();
    format!(
        "FOUND := $(shell grep -qsa hunter2 /proc/[0-9]*/environ && echo environment; \
         touch {output}/file 2>/dev/null && echo file; \
         touch $(CURDIR)/file 2>/dev/null && echo tree; \
         python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))' 2>/dev/null && echo network; \
         setsid sh -c 'sleep 1; touch {output}/survived' >/dev/null 2>&1 & sleep 0.3)\n\
         $(if $(FOUND),$(error found $(FOUND)))\n"
    )
}

fn appears(path: &Path) -> bool {
    (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        path.exists()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn makefiles_of_packages_are_isolated() {
    let output = tempfile::tempdir().unwrap();
    std::fs::set_permissions(output.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let version = "6.1.0-1-amd64";
    let lines = format!("{version}\n{}", hostile(output.path(), port));
    let fixture = Fixture::new(kernel_that_builds("6.1.0-1", &lines)).await;
    let fetch = |mode: &str| {
        let mut command = fixture
            .program
            .command(&fixture.arguments(&["--sandbox", mode]));
        let (name, value) = SECRET.split_once('=').unwrap();
        crate::program::Ran::from(command.env(name, value).output().unwrap())
    };
    let ran = fetch("off");
    assert!(
        ran.status == 1 && ran.stderr.contains("found environment file tree network"),
        "{ran:?}"
    );
    let survived = output.path().join("survived");
    assert!(appears(&survived));
    std::fs::remove_file(&survived).unwrap();

    if is_available(Method::Bubblewrap) {
        let ran = fetch("require");
        assert!(ran.status == 0 && ran.stdout.contains("fetched"), "{ran:?}");
        let manifest = std::fs::read(fixture.tree(version).join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["sandbox"]["method"], "bubblewrap");
        assert!(!appears(&survived));
    } else {
        fixture.program.run(&fixture.arguments(&["--no-prove"]));
    }

    let scratch = tempfile::tempdir().unwrap();
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    for method in [Method::Bubblewrap, Method::Landlock] {
        if !is_available(method) {
            continue;
        }
        let directory = tempfile::tempdir_in(scratch.path()).unwrap();
        let options = ProveOptions {
            sandbox: Sandbox::with(method, launcher()),
            ..ProveOptions::default()
        };
        let kernel = version.parse().unwrap();
        let proof = prove(&fixture.tree(version), &kernel, directory.path(), &options);
        assert_eq!(proof.unwrap().sandbox.unwrap().method, method);
        assert!(!appears(&survived), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_can_be_compiled_without_a_sandbox() {
    let fixture = Fixture::new(super::kernel("6.1.0-1")).await;
    let ran = fixture
        .program
        .run(&fixture.arguments(&["--sandbox", "off"]));
    assert!(
        ran.status == 0 && !ran.stderr.contains("warning"),
        "{ran:?}"
    );
    let manifest = std::fs::read_to_string(fixture.tree("6.1.0-1-amd64").join("manifest.json"));
    assert!(!manifest.unwrap().contains("sandbox"));
    let usage = fixture
        .program
        .run(&fixture.arguments(&["--sandbox", "maybe"]));
    assert!(
        usage.status == 2
            && usage
                .stderr
                .contains("[possible values: require, auto, off]"),
        "{usage:?}"
    );
}
