//! Tests of TLS: authorities, client certificates and connections.

use std::path::Path;

use sqern_model::{Crawl, DistroDef};
use sqern_testkit::repo::{FileServer, ServerFault, TestAuthority, TlsOffer};

use crate::rpm_support::{KERNEL, distro, distro_with, repo};
use crate::support::{assert_complete, assert_failed, crawl_all, folder, options};

/// A repository on a server with TLS.
struct Secure {
    authority: TestAuthority,
    server: FileServer,
    _folder: tempfile::TempDir,
}

async fn secure(offer: TlsOffer) -> Secure {
    let folder = folder();
    repo().signed().write(folder.path()).expect("a repository");
    let authority = TestAuthority::new().expect("an authority");
    let server = FileServer::start_tls(folder.path(), &authority, &offer)
        .await
        .expect("a server");
    Secure {
        authority,
        server,
        _folder: folder,
    }
}

impl Secure {
    fn lines(&self, ca: &Path) -> String {
        format!(
            "base = [\"{}\"]\nsignature = \"off\"\nca = \"{}\"\n",
            self.server.url(),
            ca.display()
        )
    }

    async fn crawl(&self, more: &str) -> Crawl {
        let lines = self.lines(&self.authority.certificate()) + more;
        crawl_all(&distro(&lines), &options()).await.remove(0)
    }
}

/// Returns the lines of a source with a client certificate.
fn client_lines(authority: &TestAuthority) -> String {
    let (certificate, key) = authority.issue("consumer.example").expect("a certificate");
    format!(
        "client-certificate = \"{}\"\nclient-key = \"{}\"\n",
        certificate.display(),
        key.display()
    )
}

#[tokio::test]
async fn http2_uses_one_connection_for_all_requests() {
    for (http2, old) in [(true, false), (true, true), (false, false)] {
        let secure = secure(TlsOffer {
            http2,
            old,
            ..TlsOffer::default()
        })
        .await;
        assert_complete(&secure.crawl("").await, KERNEL);
        let requests = secure.server.received_requests();
        assert_eq!((requests.len(), secure.server.connections()), (2, 1));
        assert!(
            requests.iter().all(|request| request.http2 == http2),
            "{requests:?}"
        );
        assert!(
            requests
                .iter()
                .all(|request| request.header("accept-encoding") == Some("identity")),
            "{requests:?}"
        );
    }
}

#[tokio::test]
async fn connections_without_tls_are_reused() {
    let folder = folder();
    repo().write(folder.path()).expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    let lines = format!("base = [\"{}\"]\nsignature = \"off\"", server.url());
    assert_complete(&crawl_all(&distro(&lines), &options()).await[0], KERNEL);
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

/// Returns a distribution with several sources on the same host with the same files.
fn distro_with_sources(lines: &str) -> DistroDef {
    let names: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
    let sources: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), lines)).collect();
    distro_with(sqern_testkit::repo::EL_RULE, &sources)
}

#[tokio::test]
async fn sources_with_the_same_files_share_connections() {
    let secure = secure(TlsOffer {
        demands_certificate: true,
        ..TlsOffer::default()
    })
    .await;
    let lines = secure.lines(&secure.authority.certificate()) + &client_lines(&secure.authority);
    let crawls = crawl_all(&distro_with_sources(&lines), &options()).await;
    for crawl in &crawls {
        assert_complete(crawl, KERNEL);
    }
    let requests = secure.server.received_requests();
    let mut used: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    used.sort_unstable();
    used.dedup();
    // Simultaneous requests open several connections. The first established one is used for all.
    assert_eq!((requests.len(), used.len()), (16, 1), "{requests:?}");
}

#[tokio::test]
async fn broken_stream_continues_on_the_same_connection() {
    let secure = secure(TlsOffer::default()).await;
    secure.server.fail("primary", ServerFault::Cut, 1);
    let crawl = secure.crawl("").await;
    assert_complete(&crawl, KERNEL);
    assert_eq!(
        (secure.server.connections(), secure.server.body_bytes()),
        (1, crawl.bytes)
    );
    assert!(
        secure.server.received_requests()[2]
            .header("range")
            .is_some()
    );
}

#[tokio::test]
async fn untrusted_authority_fails_without_retry() {
    let secure = secure(TlsOffer::default()).await;
    let other = TestAuthority::new().expect("an authority");
    for ca in [Some(other.certificate()), None] {
        let before = secure.server.connections();
        let lines = format!(
            "base = [\"{}\"]\nsignature = \"off\"\n",
            secure.server.url()
        );
        let lines = lines
            + &ca
                .map(|ca| format!("ca = \"{}\"", ca.display()))
                .unwrap_or_default();
        let crawl = crawl_all(&distro(&lines), &options()).await.remove(0);
        assert_failed(&crawl, &["UnknownIssuer", "ca = \"FILE\"", "repomd.xml"]);
        assert_eq!(secure.server.connections() - before, 1);
    }
}

#[tokio::test]
async fn certificate_for_another_server_fails() {
    let secure = secure(TlsOffer {
        name: "other.example".to_owned(),
        ..TlsOffer::default()
    })
    .await;
    assert_failed(
        &secure.crawl("").await,
        &["not valid for name", "for another server"],
    );
}

#[tokio::test]
async fn required_client_certificate_is_sent() {
    for (http2, old) in [(true, false), (false, false), (true, true)] {
        let secure = secure(TlsOffer {
            demands_certificate: true,
            http2,
            old,
            ..TlsOffer::default()
        })
        .await;
        assert_complete(
            &secure.crawl(&client_lines(&secure.authority)).await,
            KERNEL,
        );
        assert_failed(
            &secure.crawl("").await,
            &[
                "received fatal alert",
                "Specify client-certificate and client-key",
            ],
        );
        let other = TestAuthority::new().expect("an authority");
        assert_failed(
            &secure.crawl(&client_lines(&other)).await,
            &["received fatal alert", "rejected the client certificate"],
        );
    }
}

#[tokio::test]
async fn redirects_to_other_hosts_receive_no_certificate() {
    let first = secure(TlsOffer {
        demands_certificate: true,
        ..TlsOffer::default()
    })
    .await;
    let folder = folder();
    repo().write(folder.path()).expect("a repository");
    let offer = TlsOffer {
        demands_certificate: true,
        ..TlsOffer::default()
    };
    let second = FileServer::start_tls(folder.path(), &first.authority, &offer)
        .await
        .expect("a server");
    first.server.fail(
        "repomd.xml",
        ServerFault::Redirect(format!("{}/repodata/repomd.xml", second.url())),
        9,
    );
    let crawl = first.crawl(&client_lines(&first.authority)).await;
    assert_failed(&crawl, &["received fatal alert", &second.url()]);
    assert_eq!(
        (first.server.count("repomd.xml"), second.requests().len()),
        (1, 0)
    );
}
