//! Tests of user names and passwords, and of the servers that receive them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sqern_model::Crawl;
use sqern_testkit::repo::{FileServer, ReceivedRequest, ServerFault, TestAuthority, TlsOffer};

use crate::rpm_support::{KERNEL, distro as rpm_distro, repo};
use crate::support::*;

/// `user:secret` in the form of RFC 7617.
const SENT: &str = "Basic dXNlcjpzZWNyZXQ=";

/// Writes a file with credentials that only its owner can read.
fn secret_file(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("credentials");
    write(&file, text.as_bytes());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    file
}

/// Crawls a suite of a server with a file of credentials.
async fn crawl_with(served: &Served, text: &str) -> Crawl {
    let folder = folder();
    let file = secret_file(folder.path(), text);
    let mut distro = served.distro();
    apt_sources(&mut distro)
        .for_each(|source| source.credentials = Some(file.display().to_string()));
    crawl_all(&distro, &options()).await.remove(0)
}

fn sent(requests: &[ReceivedRequest]) -> Vec<Option<&str>> {
    requests
        .iter()
        .map(|request| request.header("authorization"))
        .collect()
}

#[tokio::test]
async fn apt_sources_support_both_credential_formats() {
    for by_name in [false, true] {
        let served = Served::new(&bookworm()).await;
        let text = if by_name {
            format!(
                "# ours\nmachine {}\n login user\n password secret\n",
                served.server.url()
            )
        } else {
            "user:secret\n".to_owned()
        };
        let crawl = crawl_with(&served, &text).await;
        assert_complete(&crawl, &["6.1.0-25-amd64"]);
        assert_eq!(
            sent(&served.server.received_requests()),
            [Some(SENT), Some(SENT)],
            "{text}"
        );
        assert!(!format!("{crawl:?}").contains("secret"));
    }
}

#[tokio::test]
async fn entry_without_scheme_is_not_sent_over_http() {
    let served = Served::new(&bookworm()).await;
    let crawl = crawl_with(&served, "machine 127.0.0.1 login user password secret").await;
    assert_failed(
        &crawl,
        &[
            "contains no entry for a base URL of the source",
            "https only",
            "credentials",
        ],
    );
    assert_eq!(served.server.requests().len(), 0);
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn entry_with_path_applies_to_that_path() {
    let served = Served::new(&bookworm()).await;
    let machine = |path: &str| {
        format!(
            "machine {}{path} login user password secret\n",
            served.server.url()
        )
    };
    let crawl = crawl_with(&served, &(machine("/dists") + &machine("/"))).await;
    assert_complete(&crawl, &["6.1.0-25-amd64"]);
    assert_failed(
        &crawl_with(&served, &machine("/other")).await,
        &["no entry for a base URL"],
    );
}

#[tokio::test]
async fn file_readable_by_others_is_rejected() {
    let served = Served::new(&bookworm()).await;
    let folder = folder();
    let file = secret_file(folder.path(), "user:secret");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).expect("a mode");
    let mut distro = served.distro();
    apt_sources(&mut distro)
        .for_each(|source| source.credentials = Some(file.display().to_string()));
    assert_failed(
        &crawl_all(&distro, &options()).await[0],
        &["mode 0604", "chmod 600"],
    );
    assert_eq!(served.server.requests().len(), 0);
}

#[tokio::test]
async fn credentials_follow_redirects_only_to_the_same_host() {
    for in_url in [false, true] {
        let (first, second) = (
            Served::new(&bookworm()).await,
            Served::new(&bookworm()).await,
        );
        first.server.fail(
            "InRelease",
            ServerFault::Redirect("/dists/bookworm/../bookworm/InRelease".into()),
            1,
        );
        first.server.fail(
            "InRelease",
            ServerFault::Redirect(format!("{}/dists/bookworm/InRelease", second.server.url())),
            1,
        );
        let crawl = if in_url {
            let base = first.server.url().replace("://", "://user:secret@");
            crawl_all(&distro(&[(&first.written, &base)]), &options())
                .await
                .remove(0)
        } else {
            crawl_with(&first, "user:secret").await
        };
        // The other host sends the same InRelease, signed by the same key.
        assert_complete(&crawl, &["6.1.0-25-amd64"]);
        assert_eq!(
            sent(&first.server.received_requests()),
            [Some(SENT), Some(SENT), Some(SENT)]
        );
        assert_eq!(sent(&second.server.received_requests()), [None]);
    }
}

#[tokio::test]
async fn user_of_a_redirect_is_not_sent() {
    let (first, second) = (
        Served::new(&bookworm()).await,
        Served::new(&bookworm()).await,
    );
    let to = second.server.url().replace("://", "://eve:evil@");
    first.server.fail(
        "InRelease",
        ServerFault::Redirect(format!("{to}/dists/bookworm/InRelease")),
        1,
    );
    assert_complete(&first.crawl().await, &["6.1.0-25-amd64"]);
    assert_eq!(sent(&second.server.received_requests()), [None]);
}

#[tokio::test]
async fn listed_mirrors_and_mirror_base_receive_no_credentials() {
    let folder = folder();
    repo()
        .write(&folder.path().join("os"))
        .expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    write(
        &folder.path().join("list"),
        format!("{}/os\n", server.url()).as_bytes(),
    );
    let file = secret_file(folder.path(), "user:secret");
    let lines = format!(
        "base = [\"http://127.0.0.1:1/os\"]\nmirrorlist = [\"{}/list\"]\nsignature = \"off\"\ncredentials = \"{}\"",
        server.url(),
        file.display()
    );
    assert_complete(&crawl_all(&rpm_distro(&lines), &options()).await[0], KERNEL);
    assert!(
        sent(&server.received_requests())
            .iter()
            .all(Option::is_none),
        "{:?}",
        server.received_requests()
    );

    let based = sqern_upstream::CrawlOptions {
        mirror_base: server.url().parse().ok(),
        ..options()
    };
    std::fs::create_dir(folder.path().join("repo.example")).expect("a directory");
    std::fs::rename(
        folder.path().join("os"),
        folder.path().join("repo.example/os"),
    )
    .expect("moved");
    let lines = format!(
        "base = [\"https://repo.example/os\"]\nsignature = \"off\"\ncredentials = \"{}\"",
        file.display()
    );
    assert_complete(&crawl_all(&rpm_distro(&lines), &based).await[0], KERNEL);
    assert!(
        sent(&server.received_requests())
            .iter()
            .all(Option::is_none),
        "{:?}",
        server.received_requests()
    );
}

#[tokio::test]
async fn https_credentials_are_never_sent_over_http() {
    let folder = folder();
    repo().write(folder.path()).expect("a repository");
    let authority = TestAuthority::new().expect("an authority");
    let plain = FileServer::start(folder.path()).await.expect("a server");
    let server = FileServer::start_tls(folder.path(), &authority, &TlsOffer::default())
        .await
        .expect("a server");
    server.fail(
        "repomd.xml",
        ServerFault::Redirect(format!("{}/repodata/repomd.xml?token", plain.url())),
        9,
    );
    let file = secret_file(
        folder.path(),
        "machine 127.0.0.1 login user password secret",
    );
    let lines = format!(
        "base = [\"{}\"]\nsignature = \"off\"\nca = \"{}\"\ncredentials = \"{}\"",
        server.url(),
        authority.certificate().display(),
        file.display()
    );
    let crawl = crawl_all(&rpm_distro(&lines), &options()).await.remove(0);
    assert_failed(&crawl, &["redirect from https to http://", "repomd.xml?…"]);
    assert_eq!(
        (sent(&server.received_requests()), plain.requests().len()),
        (vec![Some(SENT)], 0)
    );
    assert!(!format!("{crawl:?}").contains("token"));
}

#[tokio::test]
async fn missing_and_wrong_passwords_have_different_hints() {
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", ServerFault::Status(401), 9);
    assert_failed(
        &served.crawl().await,
        &["HTTP status 401", "credentials = \"FILE\""],
    );
    assert_failed(
        &crawl_with(&served, "user:secret").await,
        &["HTTP status 401", "rejected the user name or password"],
    );
}

#[tokio::test]
async fn query_of_the_base_is_sent_but_not_displayed() {
    let served = Served::new(&bookworm()).await;
    let base = format!("{}/?SECRET&x=SECRET", served.server.url());
    let tokened = distro(&[(&served.written, &base)]);
    let crawl = crawl_all(&tokened, &options()).await.remove(0);
    assert_complete(&crawl, &["6.1.0-25-amd64"]);
    assert!(
        served
            .server
            .requests()
            .iter()
            .all(|path| path.ends_with("?SECRET&x=SECRET")),
        "{:?}",
        served.server.requests()
    );
    assert!(
        !format!("{crawl:?}").contains("SECRET") && crawl.url.ends_with("/InRelease?…"),
        "{crawl:?}"
    );
    assert!(
        !crawl.packages[0].url.contains('?'),
        "{:?}",
        crawl.packages[0]
    );

    for fault in [
        ServerFault::Status(404),
        ServerFault::Status(500),
        ServerFault::Cut,
        ServerFault::Endless,
        ServerFault::EndlessHeaders,
        ServerFault::Redirect("https://[?SECRET".into()),
        ServerFault::Redirect("ftp://user:SECRET@h/?SECRET".into()),
        ServerFault::Html,
    ] {
        let served = Served::new(&bookworm()).await;
        served.server.fail("Release", fault, 99);
        let base = format!(
            "{}?SECRET",
            served.server.url().replace("://", "://SECRET:SECRET@")
        );
        let failed = crawl_all(&distro(&[(&served.written, &base)]), &options())
            .await
            .remove(0);
        assert_failed(&failed, &["Release?…"]);
        assert!(!format!("{failed:?}").contains("SECRET"), "{failed:?}");
    }
    let nowhere = distro(&[(&served.written, "http://SECRET:SECRET@127.0.0.1:1/?SECRET")]);
    assert!(!format!("{:?}", crawl_all(&nowhere, &options()).await).contains("SECRET"));
}
