//! `sqern fetch` and `sqern store`: from kernels that were seen to trees that build, whole or not at all.

mod interrupted;
mod rpm;

use std::path::{Path, PathBuf};

use sqern_testkit::clean_command;
use sqern_testkit::package::Headers;
use sqern_testkit::repo::{Deb, FakeRepo, FileServer, WrittenRepo, deb};

use crate::check::sources;
use crate::program::{Program, field};

/// A kernel whose headers build a module that says which kernel it is for: as Debian packs them, a flavour and the shared half.
pub fn kernel(version: &str) -> [Deb; 2] {
    kernel_that_builds(version, &format!("{version}-amd64"))
}

/// The same, with modules for another kernel.
fn kernel_that_builds(version: &str, vermagic: &str) -> [Deb; 2] {
    let (flavour, common) = (format!("{version}-amd64"), format!("linux-headers-{version}-common"));
    let headers = Headers::new(&flavour).vermagic(vermagic);
    [
        deb(&format!("linux-headers-{flavour}")).version("6.1.1").depends(&common).payload(&headers.debian(&common)),
        deb(&common).version("6.1.1").architecture("all").payload(&Headers::debian_common(&common)),
    ]
}

/// A kernel whose folder of headers has these files besides.
fn kernel_with(version: &str, files: &[(&str, &str)]) -> [Deb; 2] {
    let (flavour, common) = (format!("{version}-amd64"), format!("linux-headers-{version}-common"));
    let headers = files.iter().fold(Headers::new(&flavour), |headers, (name, content)| headers.file(name, content));
    [
        deb(&format!("linux-headers-{flavour}")).version("6.1.1").depends(&common).payload(&headers.debian(&common)),
        deb(&common).version("6.1.1").architecture("all").payload(&Headers::debian_common(&common)),
    ]
}

/// A signed archive behind a server, and a database that has seen its kernels.
pub struct World {
    pub program: Program,
    server: FileServer,
    archive: PathBuf,
    pub sources: String,
    pub store: String,
}

impl World {
    pub async fn new(packages: impl IntoIterator<Item = Deb>) -> Self {
        let program = Program::new().await;
        let home = program.home.path();
        let archive = home.join("archive");
        let written: WrittenRepo =
            packages.into_iter().fold(FakeRepo::new("bookworm"), FakeRepo::package).write(&archive).unwrap();
        let server = FileServer::start(&archive).await.unwrap();
        sources(home, &[(&written, &server.url())]);
        Self::of("debian12", program, server, archive)
    }

    /// What the sources in the program's home list of a distribution, as a check sees it.
    fn of(distro: &str, program: Program, server: FileServer, archive: PathBuf) -> Self {
        let home = program.home.path();
        let (sources, store) = (home.display().to_string(), home.join("store").display().to_string());
        let world = Self { program, server, archive, sources, store };
        world.program.done(&["check", "--distro", distro, "--sources", &world.sources]);
        world
    }

    fn words<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["fetch", "--arch", "x86_64", "--sources", &self.sources, "--store", &self.store], more].concat()
    }

    fn tree(&self, version: &str) -> PathBuf {
        self.tree_of("debian12", version)
    }

    fn tree_of(&self, distro: &str, version: &str) -> PathBuf {
        Path::new(&self.store).join(distro).join(version)
    }

    async fn fetched(&self) -> String {
        self.program.value("SELECT coalesce(string_agg(version, ' ' ORDER BY version), '') FROM kver_fetched").await
    }
}

/// Builds a module of the test's own in a tree where it lies, by make alone; gives its vermagic.
fn module_of(tree: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path();
    std::fs::write(module.join("Makefile"), "obj-m := mine.o\n").unwrap();
    std::fs::write(module.join("mine.c"), "MODULE_LICENSE(\"GPL\");\n").unwrap();
    let made =
        clean_command("make").arg("-C").arg(tree.join("build")).arg(format!("M={}", module.display())).arg("modules").status();
    assert!(made.expect("make runs").success());
    let built = std::fs::read(module.join("mine.ko")).unwrap();
    let text = String::from_utf8_lossy(&built).into_owned();
    let begin = text.find("vermagic=").unwrap() + "vermagic=".len();
    text[begin..].split('\0').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seen_kernel_becomes_a_recorded_tree_that_builds() {
    let world = World::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let planned = world.program.done(&world.words(&["--dry-run"]));
    assert!(planned.stdout.contains("planned") && planned.stderr.contains("would fetch 2 kernels"), "{planned:?}");
    assert_eq!(world.fetched().await, "");

    let fetched = world.program.json(&world.words(&[]));
    assert_eq!(field(&fetched, "version"), ["6.1.0-2-amd64", "6.1.0-1-amd64"], "the newest first");
    assert_eq!(field(&fetched, "outcome"), ["fetched", "fetched"]);
    assert_eq!(world.fetched().await, "6.1.0-1-amd64 6.1.0-2-amd64");
    assert_eq!(world.program.value("SELECT count(DISTINCT generation) FROM event WHERE table_name = 'kver_fetched'").await, "1");

    let tree = world.tree("6.1.0-1-amd64");
    assert_eq!(module_of(&tree), "6.1.0-1-amd64 SMP mod_unload ");

    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(tree.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["vermagic"], "6.1.0-1-amd64 SMP mod_unload");
    assert_eq!(manifest["packages"][0]["name"], "linux-headers-6.1.0-1-amd64");
    assert_eq!(manifest["packages"][0]["top_url"], format!("{}/dists/bookworm/InRelease", world.server.url()));

    let again = world.program.done(&world.words(&[]));
    assert!(again.stderr.contains("nothing to fetch"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unproven_and_unverified_trees_are_not_recorded() {
    let packages = kernel("6.1.0-1").into_iter().chain(kernel_that_builds("6.1.0-2", "6.1.0-9-amd64")).chain(kernel("6.1.0-3"));
    let world = World::new(packages).await;
    let altered = world.archive.join(kernel("6.1.0-3")[0].filename());
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&altered, bytes).unwrap();

    let ran = world.program.run(&world.words(&[]));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("the vermagic of the module is \"6.1.0-9-amd64 SMP mod_unload\" instead of 6.1.0-2-amd64"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("6.1.0-3-amd64 failed: expected") && ran.stderr.contains("as listed by the index"), "{ran:?}");
    assert_eq!(world.fetched().await, "6.1.0-1-amd64", "the others are recorded");
    assert!(!world.tree("6.1.0-2-amd64").exists() && !world.tree("6.1.0-3-amd64").exists());

    let unproven = world.program.done(&world.words(&["--no-prove", "--kernel", "6.1.0-2-amd64"]));
    assert!(unproven.stdout.contains("fetched"), "{unproven:?}");
    let listed = world.program.json(&["store", "list", "--store", &world.store]);
    assert_eq!(field(&listed, "vermagic"), ["6.1.0-1-amd64 SMP mod_unload", "null"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_starts_with_kernels_that_customers_run() {
    let arm = deb("linux-headers-6.1.0-7-arm64").architecture("arm64");
    let world = World::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2")).chain([arm])).await;
    let client = world.program.database.client().await;
    client
        .batch_execute(
            "INSERT INTO cust_cluster (name, cltype) VALUES ('acme', 1);
             INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
             VALUES ('acme', 'h1', 'debian12', '6.1.0-1-amd64', true)",
        )
        .await
        .unwrap();
    let first = world.program.json(&world.words(&["--limit", "1"]));
    assert_eq!(field(&first, "version"), ["6.1.0-1-amd64"]);
    let rest = world.program.json(&world.words(&[]));
    assert_eq!(field(&rest, "version"), ["6.1.0-2-amd64"]);
    let named = world.program.run(&world.words(&["--kernel", "6.1.0-7-amd64"]));
    assert_eq!(named.status, 1, "{named:?}");
    assert!(named.stderr.contains("kernel version \"6.1.0-7-amd64\" does not exist"), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_tree_is_reported_pruned_and_fetched_again() {
    let world = World::new(kernel("6.1.0-1")).await;
    world.program.done(&world.words(&[]));
    let makefile = world.tree("6.1.0-1-amd64").join("usr/src/linux-headers-6.1.0-1-common/Makefile");
    std::fs::write(&makefile, "modules:\n").unwrap();
    let told = world.program.run(&["store", "verify", "--store", &world.store]);
    assert_eq!(told.status, 1, "{told:?}");
    assert!(told.stdout.contains("could not verify tree"), "{told:?}");
    let rehearsed = world.program.done(&["store", "prune", "--dry-run", "--store", &world.store]);
    assert!(rehearsed.stdout.contains("tree removed") && makefile.exists(), "{rehearsed:?}");
    world.program.done(&["store", "prune", "--store", &world.store]);
    assert_eq!((world.fetched().await.as_str(), makefile.exists()), ("", false));
    world.program.done(&world.words(&[]));
    world.program.done(&["store", "verify", "--store", &world.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_of_an_external_command_are_proven() {
    let world = World::new(kernel("6.1.0-1")).await;
    let fetch = |command: &str| {
        let words = ["fetch", "--sources", &world.sources, "--store", &world.store, "--command", command];
        world.program.run(&words)
    };
    let failed = fetch("echo no such kernel; exit 3");
    assert_eq!(failed.status, 1, "{failed:?}");
    assert!(failed.stderr.contains("no such kernel") && failed.stderr.contains("exit status 3"), "{failed:?}");
    let silent = fetch("exit 3");
    assert!(
        silent.stderr.contains("6.1.0-1-amd64 failed: fetch command returned exit status 3\n hint: "),
        "no output is announced: {silent:?}"
    );
    for (command, output) in [("true", "\n"), ("echo done; mkdir -p build/include", "; last lines of the output:\n  done\n")] {
        let words = ["fetch", "--sources", &world.sources, "--store", &world.store, "--no-prove", "--command", command];
        let empty = world.program.run(&words);
        let message = format!("6.1.0-1-amd64 failed: fetch command wrote no file to SQERN_TREE{output} hint: ");
        assert!(empty.status == 1 && empty.stderr.contains(&message), "{empty:?}");
    }
    let no_command = [&["fetch", "--command", ""][..], &["fetch", "--command", " "], &["build", "run", "--command", ""]];
    let zero = [&["fetch", "--limit", "0"][..], &["fetch", "--command", "true", "--command-timeout", "0"]];
    for words in no_command.into_iter().chain(zero) {
        let wrong = world.program.run(words);
        assert!(wrong.status == 2 && wrong.stderr.contains("error: invalid value"), "{words:?}: {wrong:?}");
    }
    assert_eq!(world.fetched().await, "", "no tree is recorded");
    let archive = world.program.home.path().join("headers.tar");
    std::fs::write(&archive, Headers::new("6.1.0-1-amd64").kernel_devel().tar().unwrap()).unwrap();
    let done = fetch(&format!("tar -xf {} && ln -s usr/src/kernels/$SQERN_VERSION build", archive.display()));
    assert_eq!(done.status, 0, "{done:?}");
    assert_eq!(world.fetched().await, "6.1.0-1-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_compiler_is_reported_once_before_any_proof() {
    let files = [(".config", "CONFIG_CC_IS_GCC=y\n"), (".kernelvariables", "CC = $(CROSS_COMPILE)gcc-99\n")];
    let packages = kernel_with("6.1.0-1", &files).into_iter().chain(kernel_with("6.1.0-2", &files)).chain(kernel("6.1.0-3"));
    let world = World::new(packages).await;
    let ran = world.program.run(&world.words(&[]));
    assert_eq!(ran.status, 1, "{ran:?}");
    let count = |text: &str| ran.stderr.matches(text).count();
    assert_eq!(count("warning: gcc-99 is not installed; the headers of debian12 6.1.0-"), 1, "{ran:?}");
    assert_eq!(count("failed: cannot compile a module: gcc-99 is not installed"), 2, "{ran:?}");
    assert!(count(" install gcc-99") <= 1, "{ran:?}");
    assert_eq!(world.fetched().await, "6.1.0-3-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pahole_a_kernel_with_btf_is_proven_without_it() {
    let files = [(".config", "CONFIG_CC_IS_GCC=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n"), ("vmlinux", "x")];
    let world = World::new(kernel_with("6.1.0-1", &files)).await;
    let ran = world.program.done(&world.words(&[]));
    let warned = ran.stderr.contains(
        "pahole is not installed; test modules for debian12 6.1.0-1-amd64 are compiled without BTF, which other builds require",
    );
    let is_installed = ["/usr/bin/pahole", "/usr/local/bin/pahole", "/bin/pahole"].iter().any(|file| Path::new(file).exists());
    assert_eq!(warned, !is_installed, "{ran:?}");
    assert_eq!(world.fetched().await, "6.1.0-1-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_fetches_kernels_without_known_packages() {
    let world = World::new(kernel("6.1.0-1")).await;
    let client = world.program.database.client().await;
    client
        .batch_execute(
            "INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-9-amd64');
             INSERT INTO kver_seen (distro, version) VALUES ('debian12', '6.1.0-9-amd64')",
        )
        .await
        .unwrap();
    let listed = world.program.done(&world.words(&["--dry-run"]));
    assert!(listed.stderr.contains("skipped 1 kernel without a headers package for x86_64"), "{listed:?}");
    let archive = world.program.home.path().join("headers.tar");
    std::fs::write(&archive, Headers::new("6.1.0-9-amd64").kernel_devel().tar().unwrap()).unwrap();
    let command = format!("tar -xf {} && ln -s usr/src/kernels/$SQERN_VERSION build", archive.display());
    world.program.done(&["fetch", "--store", &world.store, "--kernel", "6.1.0-9-amd64", "--command", &command]);
    assert_eq!(world.fetched().await, "6.1.0-9-amd64");
}
