//! `sqern check`: finds, records and reports kernels.

use std::path::Path;

use serde_json::Value;
use sqern_testkit::repo::{
    DEBIAN_RULE, Deb, FakeRepo, FileServer, RepoFault, ServerFault, WrittenRepo, deb, distro_toml,
};

use crate::program::{Program, field};

/// Returns the headers package of a kernel and its dependency.
pub fn kernel(version: &str) -> [Deb; 2] {
    let common = format!("linux-headers-{version}-common");
    [
        deb(&format!("linux-headers-{version}-amd64"))
            .version("6.1.1")
            .depends(&common),
        deb(&common).version("6.1.1").architecture("all"),
    ]
}

/// Returns a suite with the kernels of these versions.
pub fn suite(name: &str, versions: &[&str]) -> FakeRepo {
    versions
        .iter()
        .flat_map(|version| kernel(version))
        .fold(FakeRepo::new(name), FakeRepo::package)
}

/// Writes `debian12.toml` with these suites as its sources, each at a base URL.
pub fn sources(directory: &Path, suites: &[(&WrittenRepo, &str)]) {
    std::fs::write(
        directory.join("debian12.toml"),
        distro_toml("debian12", DEBIAN_RULE, suites),
    )
    .expect("the directory is writable");
}

#[tokio::test]
async fn new_kernels_are_recorded_once_with_packages_and_sources() {
    let program = Program::new().await;
    let home = program.home.path();
    let repo = suite("bookworm", &["6.1.0-1", "6.1.0-2"]).package(
        deb("linux-headers-amd64")
            .version("6.1.2")
            .depends("linux-headers-6.1.0-2-amd64"),
    );
    let written = repo.write(&home.join("archive")).unwrap();
    sources(home, &[(&written, &written.file_url())]);
    let check = ["check", "--sources", home.to_str().unwrap()];

    let dry_run = program.run(&[&check[..], &["--dry-run"]].concat());
    assert_eq!(dry_run.status, 0, "{dry_run:?}");
    assert!(
        dry_run
            .stdout
            .contains("2 new kernels in debian12:\n  6.1.0-2-amd64\n  6.1.0-1-amd64"),
        "{dry_run:?}"
    );
    assert_eq!(
        program.value("SELECT count(*) FROM crawl").await,
        "0",
        "a dry run records nothing"
    );

    let found = program.json(&check);
    assert_eq!(
        found["item"]["distros"][0]["new"],
        serde_json::json!(["6.1.0-2-amd64", "6.1.0-1-amd64"])
    );
    assert_eq!(found["item"]["sources"][0]["state"], "complete");
    assert_eq!(
        program
            .value("SELECT string_agg(version, ' ' ORDER BY version) FROM kver_seen")
            .await,
        "6.1.0-1-amd64 6.1.0-2-amd64"
    );
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE role = 'support'")
            .await,
        "2"
    );
    assert_eq!(
        program
            .value("SELECT comment FROM generation ORDER BY id DESC LIMIT 1")
            .await,
        format!("sqern {} --json", check.join(" "))
    );

    let journal = program.journal().await;
    let again = program.done(&check);
    assert!(again.stderr.contains("no changes"), "{again:?}");
    assert_eq!(program.journal().await, journal, "no event, no generation");
    assert_eq!(
        program
            .value("SELECT string_agg(state, ' ' ORDER BY id) FROM crawl")
            .await,
        "complete unchanged"
    );
    let shown = program.json(&["kver", "show", "6.1.0-1-amd64"]);
    assert_eq!(
        shown["item"][0]["packages"][0]["name"],
        "linux-headers-6.1.0-1-amd64"
    );
}

#[tokio::test]
async fn lists_warn_about_distributions_with_failed_sources() {
    let program = Program::new().await;
    let home = program.home.path();
    let good = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("good"))
        .unwrap();
    let bad = suite("bookworm-updates", &["6.1.0-2"])
        .fault(RepoFault::AlteredIndex)
        .write(&home.join("bad"))
        .unwrap();
    sources(home, &[(&good, &good.file_url()), (&bad, &bad.file_url())]);
    let check = ["check", "--sources", home.to_str().unwrap()];
    assert_eq!(program.run(&check).status, 1);

    for list in [
        &["kver", "list"][..],
        &["kver", "list", "--distro", "debian12"],
        &["kver", "show", "6.1.0-1-amd64"],
        &["distro", "list"],
    ] {
        let reported = program.done(list);
        assert!(
            reported
                .stderr
                .contains("debian12 is incomplete: source bookworm-updates (failed at 2"),
            "{list:?}: {reported:?}"
        );
    }
    let listed = program.json(&["kver", "list"]);
    assert_eq!(
        (
            &listed["incomplete"][0]["source"],
            &listed["incomplete"][0]["state"]
        ),
        (&"bookworm-updates".into(), &"failed".into())
    );
    assert!(
        program
            .done(&["distro", "list"])
            .stdout
            .contains("incomplete")
    );
    let other = program.done(&["kver", "list", "--distro", "debian13"]);
    assert!(
        !other.stderr.contains("incomplete"),
        "other distributions are not reported"
    );

    let mended = suite("bookworm-updates", &["6.1.0-2"])
        .write(&home.join("bad"))
        .unwrap();
    sources(
        home,
        &[(&good, &good.file_url()), (&mended, &mended.file_url())],
    );
    program.done(&check);
    let listed = program.done(&["kver", "list"]);
    assert!(listed.stderr.is_empty(), "{listed:?}");
    let then = program.done(&["kver", "list", "--at", "1"]);
    assert!(
        !then.stderr.contains("incomplete"),
        "before the first check: {then:?}"
    );
    let then = program.done(&["kver", "list", "--at", "2"]);
    assert!(
        then.stderr.contains("debian12 is incomplete"),
        "as it was after the first check: {then:?}"
    );
}

#[tokio::test]
async fn other_sources_are_recorded_if_one_fails() {
    let program = Program::new().await;
    let home = program.home.path();
    let good = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("good"))
        .unwrap();
    let bad = suite("bookworm-updates", &["6.1.0-2"])
        .fault(RepoFault::AlteredIndex)
        .write(&home.join("bad"))
        .unwrap();
    sources(home, &[(&good, &good.file_url()), (&bad, &bad.file_url())]);
    let ran = program.run(&["check", "--sources", home.to_str().unwrap()]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("debian12 bookworm-updates failed: expected"),
        "{ran:?}"
    );
    assert_eq!(
        program
            .value("SELECT string_agg(version, ' ') FROM kver_seen")
            .await,
        "6.1.0-1-amd64"
    );
    assert_eq!(
        program
            .value("SELECT string_agg(source || ' ' || state, ', ' ORDER BY source) FROM crawl")
            .await,
        "bookworm complete, bookworm-updates failed"
    );
}

#[tokio::test]
async fn a_shrunken_source_removes_nothing_until_it_is_accepted() {
    let program = Program::new().await;
    let home = program.home.path();
    let many: Vec<String> = (1..=12).map(|abi| format!("6.1.0-{abi}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let check = ["check", "--sources", home.to_str().unwrap()];
    let written = suite("bookworm", &many)
        .write(&home.join("archive"))
        .unwrap();
    sources(home, &[(&written, &written.file_url())]);
    program.done(&check);

    suite("bookworm", &many[..3])
        .write(&home.join("archive"))
        .unwrap();
    let held = program.run(&check);
    assert_eq!(held.status, 1, "{held:?}");
    for text in [
        "number of kernels decreased from 12 to 3, without 6.1.0-10-amd64, ",
        " and 4 more; removals require --accept-shrink",
    ] {
        assert!(held.stderr.contains(text), "{held:?}");
    }
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE gone_at IS NOT NULL")
            .await,
        "0"
    );

    let accepted = program.done(&[&check[..], &["--accept-shrink"]].concat());
    assert!(
        accepted
            .stdout
            .contains("9 kernels no longer listed in debian12"),
        "{accepted:?}"
    );
    assert_eq!(
        program
            .value("SELECT count(DISTINCT version) FROM kver_package WHERE gone_at IS NOT NULL")
            .await,
        "9"
    );
    assert_eq!(
        program.value("SELECT count(*) FROM kver_seen").await,
        "12",
        "seen kernels remain seen"
    );
}

#[tokio::test]
async fn a_kernel_without_common_headers_is_recorded_as_incomplete() {
    let program = Program::new().await;
    let home = program.home.path();
    let lonely = deb("linux-headers-6.1.0-7-amd64")
        .version("6.1.7")
        .depends("linux-headers-6.1.0-7-common");
    let written = suite("bookworm", &["6.1.0-1"])
        .package(lonely)
        .write(&home.join("archive"))
        .unwrap();
    sources(home, &[(&written, &written.file_url())]);
    let ran = program.done(&["check", "--sources", home.to_str().unwrap()]);
    assert!(
        ran.stderr
            .contains("6.1.0-7-amd64 is incomplete: it requires linux-headers-6.1.0-7-common"),
        "{ran:?}"
    );
    assert_eq!(
        field(&program.json(&["kver", "list"]), "version"),
        ["6.1.0-7-amd64", "6.1.0-1-amd64"]
    );
}

#[tokio::test]
async fn mirror_base_receives_all_requests_and_one_if_unchanged() {
    let program = Program::new().await;
    let home = program.home.path();
    let written = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("www/archive.example.test/debian"))
        .unwrap();
    sources(home, &[(&written, "https://archive.example.test/debian")]);
    let server = FileServer::start(&home.join("www")).await.unwrap();
    let url = server.url();
    let check = [
        "check",
        "--sources",
        home.to_str().unwrap(),
        "--mirror-base",
        &url,
    ];
    // The server runs on the threads of this test, so waiting for the program must not block them.
    let run = async || {
        let mut command = program.command(&check);
        tokio::task::spawn_blocking(move || crate::program::Ran::from(command.output().unwrap()))
            .await
            .unwrap()
    };
    let first = run().await;
    assert_eq!(first.status, 0, "{first:?}");
    assert!(
        server
            .requests()
            .iter()
            .all(|path| path.starts_with("/archive.example.test/debian/dists/bookworm/")),
        "{:?}",
        server.requests()
    );
    let url_recorded = program
        .value("SELECT url FROM kver_package WHERE role = 'headers'")
        .await;
    assert!(
        url_recorded.starts_with("https://archive.example.test/debian/pool/"),
        "{url_recorded}: the recorded URL is not that of the mirror"
    );

    let before = server.requests().len();
    assert_eq!(run().await.status, 0);
    assert_eq!(server.requests().len() - before, 1, "only the InRelease");

    server.fail("InRelease", ServerFault::Status(503), 100);
    let down = run().await;
    assert_eq!(down.status, 1, "{down:?}");
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE gone_at IS NOT NULL")
            .await,
        "0"
    );
}

#[tokio::test]
async fn json_output_contains_each_source_with_its_reason() {
    let program = Program::new().await;
    let home = program.home.path();
    let written = suite("bookworm", &["6.1.0-1"])
        .fault(RepoFault::Unsigned)
        .write(&home.join("archive"))
        .unwrap();
    sources(home, &[(&written, &written.file_url())]);
    let ran = program.run(&["check", "--sources", home.to_str().unwrap(), "--json"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["item"]["sources"][0]["state"], "failed");
    assert!(
        report["item"]["sources"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("could not verify "),
        "{report}"
    );
    let csv = program.run(&["check", "--sources", home.to_str().unwrap(), "--csv"]);
    assert_eq!((csv.status, csv.stdout.lines().count()), (1, 2), "{csv:?}");
    assert!(
        csv.stderr.contains("bookworm failed: could not verify "),
        "{csv:?}"
    );
}
