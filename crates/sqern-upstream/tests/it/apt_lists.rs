//! Tests of apt lists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sqern_model::{Crawl, CrawlState, DistroDef};
use sqern_testkit::clean_command;
use sqern_testkit::repo::{Compression, FakeRepo, RepoFault, deb};
use sqern_upstream::{CrawlOptions, Error, crawl_apt_lists};

use crate::support::*;

const SITE: &str = "archive.example.test_debian%5fx";

async fn crawl_lists(folder: &Path) -> Result<Vec<Crawl>, Error> {
    crawl_apt_lists(folder, &debian(), &BTreeMap::new(), &options()).await
}

/// Returns a distribution with the rule of Debian, and a source for amd64 that is not read.
fn debian() -> DistroDef {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    distro(&[(&written, "http://127.0.0.1:1/")])
}

#[tokio::test]
async fn lists_are_read_in_all_compression_formats() {
    for compression in [
        Compression::Plain,
        Compression::Lz4,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
    ] {
        let folder = folder();
        bookworm()
            .write_apt_lists(folder.path(), SITE, compression)
            .expect("lists");
        let crawl = crawl_lists(folder.path()).await.expect("lists").remove(0);
        assert_complete(&crawl, &["6.1.0-25-amd64"]);
        assert_eq!(
            crawl.source,
            "apt:archive.example.test/debian_x/dists/bookworm"
        );
        assert_eq!(
            crawl.packages[0].url,
            "apt:linux-headers-6.1.0-25-amd64=6.1.106-3"
        );
        assert!(crawl.warnings.is_empty() && crawl.bytes > 0, "{crawl:?}");
    }
}

#[tokio::test]
async fn expired_lists_are_a_warning_with_their_age() {
    let folder = folder();
    let repo = bookworm().valid_until(time("2026-01-05T00:00:00Z"));
    repo.write_apt_lists(folder.path(), SITE, Compression::Lz4)
        .expect("lists");
    let crawl = crawl_lists(folder.path()).await.expect("lists").remove(0);
    assert_complete(&crawl, &["6.1.0-25-amd64"]);
    assert!(
        crawl.warnings[0].contains("6 days ago") && crawl.warnings[0].contains("apt-get update"),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn index_that_differs_from_its_checksum_fails() {
    for fault in [
        RepoFault::AlteredIndex,
        RepoFault::CutIndex,
        RepoFault::EmptyIndex,
    ] {
        let folder = folder();
        bookworm()
            .fault(fault)
            .write_apt_lists(folder.path(), SITE, Compression::Lz4)
            .expect("lists");
        let crawl = crawl_lists(folder.path()).await.expect("lists").remove(0);
        assert_failed(&crawl, &["Packages.lz4", "apt-get update"]);
    }
}

#[tokio::test]
async fn missing_lists_are_an_error_with_a_hint() {
    let folder = folder();
    for (path, messages) in [
        (folder.path().join("absent"), "No such file"),
        (folder.path().to_owned(), "the apt lists contain no Release"),
    ] {
        let error = crawl_lists(&path)
            .await
            .expect_err("nothing there")
            .to_string();
        assert!(
            error.contains(messages) && error.ends_with("hint: apt-get update"),
            "{error}"
        );
    }
    bookworm()
        .write_apt_lists(folder.path(), SITE, Compression::Lz4)
        .expect("lists");
    let list = format!("{SITE}_dists_bookworm_main_binary-amd64_Packages.lz4");
    std::fs::remove_file(folder.path().join(list)).expect("removed");
    let error = crawl_lists(folder.path())
        .await
        .expect_err("no index")
        .to_string();
    assert!(
        error.contains("contain no index (*_Packages)") && error.ends_with("hint: apt-get update"),
        "{error}"
    );
}

#[tokio::test]
async fn irrelevant_suites_and_indexes_are_ignored() {
    let folder = folder();
    let list = |repo: FakeRepo, site: &str| {
        repo.write_apt_lists(folder.path(), site, Compression::Lz4)
            .expect("lists");
    };
    list(bookworm(), SITE);
    list(
        FakeRepo::new("nodistro").package(deb("nodejs")),
        "deb.nodesource.com_node%5f20.x",
    );
    list(bookworm().holds("main", "i386"), "i386.example.test");
    write(&folder.path().join("lock"), b"");
    let crawls = crawl_lists(folder.path()).await.expect("lists");
    let found: Vec<(&str, usize)> = crawls
        .iter()
        .map(|crawl| (crawl.source.as_str(), crawl.packages.len()))
        .collect();
    assert_eq!(
        found,
        [
            ("apt:archive.example.test/debian_x/dists/bookworm", 1),
            ("apt:deb.nodesource.com/node_20.x/dists/nodistro", 0),
            ("apt:i386.example.test/dists/bookworm", 0),
        ]
    );
}

#[tokio::test]
async fn unchanged_lists_are_not_read_again() {
    let folder = folder();
    bookworm()
        .write_apt_lists(folder.path(), SITE, Compression::Lz4)
        .expect("lists");
    let distro = debian();
    let first = crawl_apt_lists(folder.path(), &distro, &BTreeMap::new(), &options())
        .await
        .expect("lists")
        .remove(0);
    let memory = remembered(std::slice::from_ref(&first));
    let again = crawl_apt_lists(folder.path(), &distro, &memory, &options())
        .await
        .expect("lists")
        .remove(0);
    assert_eq!(
        (again.state, &again.checksum, &again.packages),
        (CrawlState::Unchanged, &first.checksum, &first.packages)
    );
    assert!(again.bytes < first.bytes, "the Release alone was read");
}

/// Reads the lists of this machine, or created ones if there are none. The result is compared with
/// that of a Python script, which decompresses by a helper of apt.
#[tokio::test]
async fn lists_of_this_machine_contain_the_same_as_in_python() {
    let made = folder();
    let machine = Path::new("/var/lib/apt/lists");
    let mut folder = machine.to_owned();
    let mut crawls = crawl_real(machine).await;
    if crawls.is_err() {
        let repo = FakeRepo::new("bookworm")
            .package(headers())
            .package(deb("linux-headers-amd64"));
        repo.write_apt_lists(made.path(), SITE, Compression::Plain)
            .expect("lists");
        folder = made.path().to_owned();
        crawls = crawl_real(&folder).await;
    }
    let crawls = crawls.expect("lists");
    assert!(
        crawls
            .iter()
            .all(|crawl| crawl.state == CrawlState::Complete),
        "{crawls:?}"
    );
    let found: BTreeSet<String> = crawls.iter().flat_map(kernels).collect();
    assert_eq!(found, python_finds(&folder));
}

async fn crawl_real(folder: &Path) -> Result<Vec<Crawl>, Error> {
    // The time is later than that of any list.
    let options = CrawlOptions {
        now: time("2100-01-01T00:00:00Z"),
        ..options()
    };
    crawl_apt_lists(folder, &debian(), &BTreeMap::new(), &options).await
}

fn python_finds(folder: &Path) -> BTreeSet<String> {
    const SCRIPT: &str = r#"
import glob, re, subprocess, sys
for path in glob.glob(sys.argv[1] + "/*_binary-amd64_Packages*"):
    plain = open(path, "rb").read() if path.endswith("Packages") else subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout
    for name in re.findall(r"^Package: linux-headers-([0-9].*-amd64)$", plain.decode(), re.M):
        print(name)
"#;
    let output = clean_command("python3")
        .args(["-c", SCRIPT])
        .arg(folder)
        .output()
        .expect("python3 runs (apt-get install python3)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn lists_that_apt_did_not_verify_are_reported() {
    let folder = folder();
    bookworm()
        .write_apt_lists(folder.path(), SITE, Compression::Plain)
        .expect("lists");
    let signed = crawl_lists(folder.path()).await.expect("lists").remove(0);
    assert_eq!(signed.verified_by.as_deref(), Some("apt"));
    let prefix = folder.path().join(format!("{SITE}_dists_bookworm_"));
    let file = |name: &str| format!("{}{name}", prefix.display());
    // apt stores the signed file of a repository without InRelease with its signature.
    std::fs::rename(file("InRelease"), file("Release")).expect("renamed");
    let unsigned = crawl_lists(folder.path()).await.expect("lists").remove(0);
    assert_eq!(unsigned.verified_by, None);
    assert!(
        unsigned.warnings[0].starts_with("NOT VERIFIED: apt has no signature of"),
        "{unsigned:?}"
    );
    std::fs::write(file("Release.gpg"), "verified by apt").expect("written");
    let detached = crawl_lists(folder.path()).await.expect("lists").remove(0);
    assert_eq!(detached.verified_by.as_deref(), Some("apt"));
}
