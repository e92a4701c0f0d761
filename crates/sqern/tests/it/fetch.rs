//! `sqern fetch` and `sqern store`: seen kernels become complete trees in which modules can be
//! built.

mod interrupted;
mod proof;
mod rpm;
mod sandbox;
mod store;
mod verify;

use std::path::{Path, PathBuf};

use sqern_testkit::clean_command;
use sqern_testkit::package::Headers;
use sqern_testkit::repo::{Deb, FakeRepo, FileServer, WrittenRepo, deb};

use crate::check::sources;
use crate::program::{Program, field};

/// Returns the headers packages of a kernel like those of Debian: one for the flavor, and one for
/// all flavors. Modules contain the version in their vermagic.
pub fn kernel(version: &str) -> [Deb; 2] {
    kernel_that_builds(version, &format!("{version}-amd64"))
}

/// Returns the headers packages of a kernel whose modules have this vermagic.
fn kernel_that_builds(version: &str, vermagic: &str) -> [Deb; 2] {
    let (flavor, common) = (
        format!("{version}-amd64"),
        format!("linux-headers-{version}-common"),
    );
    let headers = Headers::new(&flavor).vermagic(vermagic);
    [
        deb(&format!("linux-headers-{flavor}"))
            .version("6.1.1")
            .depends(&common)
            .payload(&headers.debian(&common)),
        deb(&common)
            .version("6.1.1")
            .architecture("all")
            .payload(&Headers::debian_common(&common)),
    ]
}

/// Returns the headers packages of a kernel with further files.
fn kernel_with(version: &str, files: &[(&str, &str)]) -> [Deb; 2] {
    let (flavor, common) = (
        format!("{version}-amd64"),
        format!("linux-headers-{version}-common"),
    );
    let headers = files
        .iter()
        .fold(Headers::new(&flavor), |headers, (name, content)| {
            headers.file(name, content)
        });
    [
        deb(&format!("linux-headers-{flavor}"))
            .version("6.1.1")
            .depends(&common)
            .payload(&headers.debian(&common)),
        deb(&common)
            .version("6.1.1")
            .architecture("all")
            .payload(&Headers::debian_common(&common)),
    ]
}

/// A signed archive on a server, and a database with its kernels.
pub struct Fixture {
    pub program: Program,
    server: FileServer,
    archive: PathBuf,
    pub sources: String,
    pub store: String,
}

impl Fixture {
    pub async fn new(packages: impl IntoIterator<Item = Deb>) -> Self {
        let program = Program::new().await;
        let home = program.home.path();
        let archive = home.join("archive");
        let written: WrittenRepo = packages
            .into_iter()
            .fold(FakeRepo::new("bookworm"), FakeRepo::package)
            .write(&archive)
            .unwrap();
        let server = FileServer::start(&archive).await.unwrap();
        sources(home, &[(&written, &server.url())]);
        Self::of("debian12", program, server, archive)
    }

    /// Checks a distribution with the sources in the home directory of the program.
    fn of(distro: &str, program: Program, server: FileServer, archive: PathBuf) -> Self {
        let home = program.home.path();
        let (sources, store) = (
            home.display().to_string(),
            home.join("store").display().to_string(),
        );
        let fixture = Self {
            program,
            server,
            archive,
            sources,
            store,
        };
        fixture
            .program
            .done(&["check", "--distro", distro, "--sources", &fixture.sources]);
        fixture
    }

    pub fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [
            &[
                "fetch",
                "--arch",
                "x86_64",
                "--sources",
                &self.sources,
                "--store",
                &self.store,
            ],
            more,
        ]
        .concat()
    }

    fn tree(&self, version: &str) -> PathBuf {
        self.tree_of("debian12", version)
    }

    fn tree_of(&self, distro: &str, version: &str) -> PathBuf {
        Path::new(&self.store).join(distro).join(version)
    }

    async fn fetched(&self) -> String {
        self.program
            .value(
                "SELECT coalesce(string_agg(version, ' ' ORDER BY version), '') FROM kver_fetched",
            )
            .await
    }
}

/// Builds a module in a tree with make, and returns its vermagic.
fn module_of(tree: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path();
    std::fs::write(module.join("Makefile"), "obj-m := mine.o\n").unwrap();
    std::fs::write(module.join("mine.c"), "MODULE_LICENSE(\"GPL\");\n").unwrap();
    let made = clean_command("make")
        .arg("-C")
        .arg(tree.join("build"))
        .arg(format!("M={}", module.display()))
        .arg("modules")
        .status();
    assert!(made.expect("make runs").success());
    let built = std::fs::read(module.join("mine.ko")).unwrap();
    let text = String::from_utf8_lossy(&built).into_owned();
    let begin = text.find("vermagic=").unwrap() + "vermagic=".len();
    text[begin..].split('\0').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seen_kernel_becomes_a_recorded_tree_that_builds() {
    let fixture = Fixture::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let planned = fixture.program.done(&fixture.arguments(&["--dry-run"]));
    assert!(
        planned.stdout.contains("planned") && planned.stderr.contains("would fetch 2 kernels"),
        "{planned:?}"
    );
    assert_eq!(fixture.fetched().await, "");

    let fetched = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(
        field(&fetched, "version"),
        ["6.1.0-2-amd64", "6.1.0-1-amd64"],
        "newest first"
    );
    assert_eq!(field(&fetched, "outcome"), ["fetched", "fetched"]);
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64 6.1.0-2-amd64");
    assert_eq!(
        fixture
            .program
            .value("SELECT count(DISTINCT generation) FROM event WHERE table_name = 'kver_fetched'")
            .await,
        "1"
    );

    let tree = fixture.tree("6.1.0-1-amd64");
    assert_eq!(module_of(&tree), "6.1.0-1-amd64 SMP mod_unload ");

    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(tree.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["vermagic"], "6.1.0-1-amd64 SMP mod_unload");
    assert_eq!(
        manifest["packages"][0]["name"],
        "linux-headers-6.1.0-1-amd64"
    );
    assert_eq!(
        manifest["packages"][0]["top_url"],
        format!("{}/dists/bookworm/InRelease", fixture.server.url())
    );

    let again = fixture.program.done(&fixture.arguments(&[]));
    assert!(again.stderr.contains("nothing to fetch"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unproven_and_unverified_trees_are_not_recorded() {
    let packages = kernel("6.1.0-1")
        .into_iter()
        .chain(kernel_that_builds("6.1.0-2", "6.1.0-9-amd64"))
        .chain(kernel("6.1.0-3"));
    let fixture = Fixture::new(packages).await;
    let altered = fixture.archive.join(kernel("6.1.0-3")[0].filename());
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&altered, bytes).unwrap();

    let ran = fixture.program.run(&fixture.arguments(&[]));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("the vermagic of the module is \"6.1.0-9-amd64 SMP mod_unload\" instead of 6.1.0-2-amd64"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("6.1.0-3-amd64 failed: expected")
            && ran.stderr.contains("as listed by the index"),
        "{ran:?}"
    );
    assert_eq!(
        fixture.fetched().await,
        "6.1.0-1-amd64",
        "the other kernel is recorded"
    );
    assert!(!fixture.tree("6.1.0-2-amd64").exists() && !fixture.tree("6.1.0-3-amd64").exists());

    let unproven =
        fixture
            .program
            .done(&fixture.arguments(&["--no-prove", "--kernel", "6.1.0-2-amd64"]));
    assert!(unproven.stdout.contains("fetched"), "{unproven:?}");
    let listed = fixture
        .program
        .json(&["store", "list", "--store", &fixture.store]);
    assert_eq!(
        field(&listed, "vermagic"),
        ["null", "6.1.0-1-amd64 SMP mod_unload"],
        "the newest kernel is first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_starts_with_kernels_that_customers_run() {
    let arm = deb("linux-headers-6.1.0-7-arm64").architecture("arm64");
    let fixture = Fixture::new(
        kernel("6.1.0-1")
            .into_iter()
            .chain(kernel("6.1.0-2"))
            .chain([arm]),
    )
    .await;
    let client = fixture.program.database.client().await;
    client
        .batch_execute(
            "INSERT INTO cust_cluster (name, cltype) VALUES ('acme', 1);
             INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
             VALUES ('acme', 'h1', 'debian12', '6.1.0-1-amd64', true)",
        )
        .await
        .unwrap();
    let first = fixture.program.json(&fixture.arguments(&["--limit", "1"]));
    assert_eq!(field(&first, "version"), ["6.1.0-1-amd64"]);
    let rest = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(field(&rest, "version"), ["6.1.0-2-amd64"]);
    let named = fixture
        .program
        .run(&fixture.arguments(&["--kernel", "6.1.0-7-amd64"]));
    assert_eq!(named.status, 1, "{named:?}");
    assert!(
        named
            .stderr
            .contains("kernel version \"6.1.0-7-amd64\" does not exist"),
        "{named:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_commands_inherit_no_open_files() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let file = fixture.program.home.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let _file = crate::program::open_inheritable(&file);
    // Without exec, dash has a copy of its standard output in a further descriptor.
    let command = "exec >descriptors; ls /proc/$$/fd; ln -s . build";
    fixture.program.done(&[
        "fetch",
        "--sources",
        &fixture.sources,
        "--store",
        &fixture.store,
        "--no-prove",
        "--command",
        command,
    ]);
    let descriptors = fixture.tree("6.1.0-1-amd64").join("descriptors");
    let descriptors = std::fs::read_to_string(descriptors).unwrap();
    assert_eq!(descriptors, "0\n1\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_of_an_external_command_are_proven() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let fetch = |command: &str| {
        let args = [
            "fetch",
            "--sources",
            &fixture.sources,
            "--store",
            &fixture.store,
            "--command",
            command,
        ];
        fixture.program.run(&args)
    };
    let failed = fetch("echo no such kernel; exit 3");
    assert_eq!(failed.status, 1, "{failed:?}");
    assert!(
        failed.stderr.contains("no such kernel") && failed.stderr.contains("exit status 3"),
        "{failed:?}"
    );
    let silent = fetch("exit 3");
    assert!(
        silent
            .stderr
            .contains("6.1.0-1-amd64 failed: fetch command returned exit status 3\n hint: "),
        "no output is announced: {silent:?}"
    );
    for (command, output) in [
        ("true", "\n"),
        (
            "echo done; mkdir -p build/include",
            "; last lines of the output:\n  done\n",
        ),
    ] {
        let args = [
            "fetch",
            "--sources",
            &fixture.sources,
            "--store",
            &fixture.store,
            "--no-prove",
            "--command",
            command,
        ];
        let empty = fixture.program.run(&args);
        let message = format!(
            "6.1.0-1-amd64 failed: fetch command wrote no file to SQERN_TREE{output} hint: "
        );
        assert!(
            empty.status == 1 && empty.stderr.contains(&message),
            "{empty:?}"
        );
    }
    let no_command = [
        &["fetch", "--command", ""][..],
        &["fetch", "--command", " "],
        &["build", "run", "--command", ""],
    ];
    let zero = [
        &["fetch", "--limit", "0"][..],
        &["fetch", "--command", "true", "--command-timeout", "0"],
    ];
    for args in no_command.into_iter().chain(zero) {
        let wrong = fixture.program.run(args);
        assert!(
            wrong.status == 2 && wrong.stderr.contains("error: invalid value"),
            "{args:?}: {wrong:?}"
        );
    }
    assert_eq!(fixture.fetched().await, "", "no tree is recorded");
    let archive = fixture.program.home.path().join("headers.tar");
    std::fs::write(
        &archive,
        Headers::new("6.1.0-1-amd64").kernel_devel().tar().unwrap(),
    )
    .unwrap();
    let done = fetch(&format!(
        "tar -xf {} && ln -s usr/src/kernels/$SQERN_VERSION build",
        archive.display()
    ));
    assert_eq!(done.status, 0, "{done:?}");
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_compiler_is_reported_once_before_any_proof() {
    let files = [
        (".config", "CONFIG_CC_IS_GCC=y\n"),
        (".kernelvariables", "CC = $(CROSS_COMPILE)gcc-99\n"),
    ];
    let packages = kernel_with("6.1.0-1", &files)
        .into_iter()
        .chain(kernel_with("6.1.0-2", &files))
        .chain(kernel("6.1.0-3"));
    let fixture = Fixture::new(packages).await;
    let ran = fixture.program.run(&fixture.arguments(&[]));
    assert_eq!(ran.status, 1, "{ran:?}");
    let count = |text: &str| ran.stderr.matches(text).count();
    assert_eq!(
        count("warning: gcc-99 is not installed; the headers of debian12 6.1.0-"),
        1,
        "{ran:?}"
    );
    assert_eq!(
        count("failed: cannot compile a module: gcc-99 is not installed"),
        2,
        "{ran:?}"
    );
    assert!(count(" install gcc-99") <= 1, "{ran:?}");
    assert_eq!(fixture.fetched().await, "6.1.0-3-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_fetches_kernels_without_known_packages() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let client = fixture.program.database.client().await;
    client
        .batch_execute(
            "INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-9-amd64');
             INSERT INTO kver_seen (distro, version) VALUES ('debian12', '6.1.0-9-amd64')",
        )
        .await
        .unwrap();
    let listed = fixture.program.done(&fixture.arguments(&["--dry-run"]));
    assert!(
        listed
            .stderr
            .contains("skipped 1 kernel without a headers package for x86_64"),
        "{listed:?}"
    );
    let archive = fixture.program.home.path().join("headers.tar");
    std::fs::write(
        &archive,
        Headers::new("6.1.0-9-amd64").kernel_devel().tar().unwrap(),
    )
    .unwrap();
    let command = format!(
        "tar -xf {} && ln -s usr/src/kernels/$SQERN_VERSION build",
        archive.display()
    );
    fixture.program.done(&[
        "fetch",
        "--store",
        &fixture.store,
        "--kernel",
        "6.1.0-9-amd64",
        "--command",
        &command,
    ]);
    assert_eq!(fixture.fetched().await, "6.1.0-9-amd64");
}
