//! Tests of signatures and mirrors of `repomd.xml`.

use sqern_model::CrawlState;
use sqern_testkit::repo::{
    EL_RULE, FakeRpmRepo, FileServer, RepoFault, ServerFault, SigningKey, rpm, rpm_distro_toml,
};
use sqern_upstream::CrawlOptions;

use crate::rpm_support::*;
use crate::support::{
    assert_complete, assert_failed, crawl_again, crawl_all, folder, kernels, options,
};

#[tokio::test]
async fn signature_policies_are_enforced() {
    let require = "require";
    for (policy, signed, fault, state, warned) in [
        (require, true, None, CrawlState::Complete, false),
        (require, false, None, CrawlState::Failed, false),
        (
            require,
            true,
            Some(RepoFault::AlteredRelease),
            CrawlState::Failed,
            false,
        ),
        (
            require,
            true,
            Some(RepoFault::SignedByAnotherKey),
            CrawlState::Failed,
            false,
        ),
        ("if-present", true, None, CrawlState::Complete, false),
        ("if-present", false, None, CrawlState::Complete, true),
        (
            "if-present",
            true,
            Some(RepoFault::AlteredRelease),
            CrawlState::Failed,
            false,
        ),
        (
            "if-present",
            true,
            Some(RepoFault::SignedByAnotherKey),
            CrawlState::Failed,
            false,
        ),
        ("off", false, None, CrawlState::Complete, true),
        (
            "off",
            true,
            Some(RepoFault::AlteredRelease),
            CrawlState::Complete,
            true,
        ),
    ] {
        let folder = folder();
        let repo = fault.into_iter().fold(repo(), FakeRpmRepo::fault);
        let keyring = if signed { repo.signed() } else { repo }
            .write(folder.path())
            .expect("a repository");
        let base = folder.path().display();
        let lines = format!(
            "base = [\"file://{base}\"]\nsignature = \"{policy}\"\nkeyring = [\"{}\"]\n",
            keyring.display()
        );
        let crawl = crawl_all(&distro(&lines), &options()).await.remove(0);
        let loud = crawl
            .warnings
            .iter()
            .any(|warning| warning.contains("NOT VERIFIED"));
        assert_eq!(
            (crawl.state, loud),
            (state, warned),
            "{policy} {signed} {fault:?} {crawl:?}"
        );
    }
}

#[tokio::test]
async fn missing_keyring_is_an_error_or_a_warning() {
    let folder = folder();
    repo().signed().write(folder.path()).expect("a repository");
    let lines = |policy: &str| {
        let base = folder.path().display();
        format!(
            "base = [\"file://{base}\"]\nsignature = \"{policy}\"\nkeyring = [\"/nonexistent/key\"]\n"
        )
    };
    let strict = crawl_all(&distro(&lines("require")), &options())
        .await
        .remove(0);
    assert_failed(&strict, &["/nonexistent/key", "--allow-unsigned"]);
    let allowed = CrawlOptions {
        allow_unsigned: true,
        ..options()
    };
    assert_complete(
        &crawl_all(&distro(&lines("require")), &allowed).await[0],
        KERNEL,
    );
    let lenient = crawl_all(&distro(&lines("if-present")), &options())
        .await
        .remove(0);
    assert_complete(&lenient, KERNEL);
    assert!(
        lenient.warnings[0].contains("NOT VERIFIED"),
        "{:?}",
        lenient.warnings
    );
}

/// Starts a server with a repository in `os/`, and returns its directory.
async fn served() -> (FileServer, tempfile::TempDir) {
    let folder = folder();
    repo()
        .write(&folder.path().join("os"))
        .expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    (server, folder)
}

#[tokio::test]
async fn failed_mirror_is_a_warning_and_the_next_one_is_used() {
    let (server, _folder) = served().await;
    let lines = format!(
        "base = [\"http://127.0.0.1:1/os\", \"{}/os\"]\nsignature = \"off\"",
        server.url()
    );
    let crawl = crawl_all(&distro(&lines), &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    let reported = crawl
        .warnings
        .iter()
        .any(|warning| warning.contains("skipped a mirror") && warning.contains("127.0.0.1:1"));
    assert!(reported, "{:?}", crawl.warnings);
}

#[tokio::test]
async fn missing_list_is_downloaded_from_the_next_mirror() {
    let (server, folder) = served().await;
    repo()
        .write(&folder.path().join("two"))
        .expect("a repository");
    server.fail("/os/repodata/primary", ServerFault::Status(404), 10);
    let lines = format!(
        "base = [\"{0}/os\", \"{0}/two\"]\nsignature = \"off\"",
        server.url()
    );
    assert_complete(&crawl_all(&distro(&lines), &options()).await[0], KERNEL);
    assert_eq!(server.count("/two/repodata/primary"), 1);
}

#[tokio::test]
async fn mirrors_of_mirrorlists_and_metalinks_are_used() {
    let (server, folder) = served().await;
    let base = format!("{}/os", server.url());
    std::fs::write(
        folder.path().join("mirror.list"),
        format!("# one\nhttp://127.0.0.1:1/os\n{base}\n"),
    )
    .expect("written");
    let metalink = |hash: &str| {
        format!(
            "<metalink version=\"3.0\"><files><file name=\"repomd.xml\"><verification><hash type=\"sha256\">{hash}</hash>\
             </verification><resources><url protocol=\"http\" preference=\"1\">{base}/repodata/repomd.xml</url></resources>\
             </file></files></metalink>"
        )
    };
    let repomd = std::fs::read(folder.path().join("os/repodata/repomd.xml")).expect("a repomd.xml");
    std::fs::write(folder.path().join("metalink"), metalink(&sha256(&repomd))).expect("written");
    std::fs::write(folder.path().join("stale"), metalink(&"0".repeat(64))).expect("written");
    std::fs::write(folder.path().join("empty"), "# nothing\n").expect("written");
    let crawl = async |lines: String| {
        crawl_all(&distro(&(lines + "\nsignature = \"off\"")), &options())
            .await
            .remove(0)
    };
    let url = server.url();
    assert_complete(
        &crawl(format!("mirrorlist = [\"{url}/mirror.list\"]")).await,
        KERNEL,
    );
    assert_complete(
        &crawl(format!(
            "mirrorlist = [\"{url}/gone\", \"{url}/mirror.list\"]"
        ))
        .await,
        KERNEL,
    );
    assert_complete(
        &crawl(format!("metalink = \"{url}/metalink\"")).await,
        KERNEL,
    );
    let last = crawl(format!(
        "base = [\"http://127.0.0.1:1/\"]\nmetalink = \"{url}/metalink\""
    ))
    .await;
    assert_complete(&last, KERNEL);
    assert!(
        last.warnings
            .iter()
            .any(|warning| warning.contains("127.0.0.1:1")),
        "{:?}",
        last.warnings
    );
    assert_failed(
        &crawl(format!("metalink = \"{url}/stale\"")).await,
        &["the metalink does not list its checksum"],
    );
    assert_failed(
        &crawl(format!("mirrorlist = [\"{url}/empty\"]")).await,
        &["one URL per line"],
    );
    assert_failed(
        &crawl(format!("mirrorlist = [\"{url}/gone\"]")).await,
        &["404", "/gone"],
    );
}

fn sha256(bytes: &[u8]) -> String {
    let mut hasher = sqern_archive::Hasher::new(sqern_archive::Algorithm::Sha256);
    hasher.update(bytes);
    hasher.finish()
}

#[tokio::test]
async fn architectures_in_urls_are_separate_sources() {
    let folder = folder();
    repo()
        .write(&folder.path().join("x86_64"))
        .expect("a repository");
    let arm = rpm("kernel-devel", "4.18.0", "553.el8_10").architecture("aarch64");
    FakeRpmRepo::new()
        .package(arm)
        .write(&folder.path().join("aarch64"))
        .expect("a repository");
    let lines = format!(
        "base = [\"file://{}/{{arch}}\"]\nsignature = \"off\"",
        folder.path().display()
    );
    let text = rpm_distro_toml("fake", EL_RULE, &[("baseos-{arch}", &lines)])
        .replace("[\"x86_64\"]", "[\"x86_64\", \"aarch64\"]");
    let def = sqern_upstream::sources::parse("fake.toml", &text).expect("a distribution");
    let crawls = crawl_all(&def, &options()).await;
    let found: Vec<(&str, Vec<String>)> = crawls
        .iter()
        .map(|crawl| (crawl.source.as_str(), kernels(crawl).into_iter().collect()))
        .collect();
    assert_eq!(
        found,
        [
            ("baseos-x86_64", vec!["4.18.0-553.el8_10.x86_64".to_owned()]),
            (
                "baseos-aarch64",
                vec!["4.18.0-553.el8_10.aarch64".to_owned()]
            )
        ]
    );
}

#[tokio::test]
async fn credentials_are_sent_but_not_recorded() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, folder) = served().await;
    let file = folder.path().join("credentials");
    std::fs::write(&file, "user:secret\n").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let lines = format!(
        "base = [\"{}/os\"]\nsignature = \"off\"\ncredentials = \"{}\"",
        server.url(),
        file.display()
    );
    let crawl = crawl_all(&distro(&lines), &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn missing_client_certificate_fails_with_a_hint() {
    let folder = folder();
    repo().write(folder.path()).expect("a repository");
    let lines = unsigned(folder.path())
        + "\nclient-certificate = \"/nonexistent/*.pem\"\nclient-key = \"/nonexistent/*-key.pem\"";
    let crawl = crawl_all(&distro(&lines), &options()).await.remove(0);
    assert_failed(&crawl, &["/nonexistent/*.pem", "subscription-manager"]);
}

#[tokio::test]
async fn a_source_that_was_signed_must_stay_signed() {
    let folder = folder();
    let keyring = repo().signed().write(folder.path()).expect("a repository");
    let distro = distro(&format!(
        "base = [\"file://{}\"]\nsignature = \"if-present\"\nkeyring = [\"{}\"]\n",
        folder.path().display(),
        keyring.display()
    ));
    let first = crawl_all(&distro, &options()).await;
    assert_complete(&first[0], KERNEL);
    assert_eq!(
        first[0].verified_by,
        Some(SigningKey::shared().fingerprint())
    );
    std::fs::remove_file(folder.path().join("repodata/repomd.xml.asc")).expect("removed");
    assert_complete(&crawl_all(&distro, &options()).await[0], KERNEL);
    assert_failed(
        &crawl_again(&distro, &first, &options()).await[0],
        &["earlier crawls of this source were verified"],
    );
}
