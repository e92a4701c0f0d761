//! Tests of faulty servers, mirrors and redirects.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqern_testkit::repo::{Compression, FakeRepo, FileServer, ServerFault, deb};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, Silent, crawl_distro};

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];
const INDEX: &str = "binary-amd64/Packages";

#[tokio::test]
async fn suite_is_read_over_http_with_its_etag() {
    let served = Served::new(&bookworm()).await;
    let crawl = served.crawl().await;
    assert_complete(&crawl, KERNEL);
    assert!(crawl.etag.is_some());
    assert_eq!(
        crawl.url,
        format!("{}/dists/bookworm/InRelease", served.server.url())
    );
    assert_eq!(served.server.requests().len(), 2);
}

#[tokio::test]
async fn transient_errors_are_retried() {
    for fault in [
        ServerFault::Status(503),
        ServerFault::Status(429),
        ServerFault::Cut,
        ServerFault::RetryAfter(0),
    ] {
        let served = Served::new(&bookworm()).await;
        served.server.fail("InRelease", fault.clone(), 2);
        served.server.fail(INDEX, fault, 2);
        assert_complete(&served.crawl().await, KERNEL);
        assert_eq!(served.server.requests().len(), 6);
    }
}

#[tokio::test]
async fn number_of_attempts_is_limited() {
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", ServerFault::Status(500), 9);
    assert_failed(
        &served.crawl().await,
        &["HTTP status 500", "/dists/bookworm/InRelease"],
    );
    assert_eq!(served.server.requests().len(), 3);
}

#[tokio::test]
async fn retry_after_is_respected() {
    let served = Served::new(&bookworm()).await;
    served
        .server
        .fail("InRelease", ServerFault::RetryAfter(1), 1);
    let begun = Instant::now();
    assert_complete(&served.crawl().await, KERNEL);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn stalled_server_times_out() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Stall, 9);
    let begun = Instant::now();
    assert_failed(
        &served.crawl().await,
        &["no data received for 300ms", "Packages"],
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn endless_body_ends_at_the_listed_size() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Endless, 9);
    assert_failed(
        &served.crawl().await,
        &["a file of at most", "found a larger file"],
    );
}

#[tokio::test]
async fn too_large_content_length_is_rejected_before_the_body() {
    let served = Served::new(&bookworm()).await;
    served
        .server
        .fail(INDEX, ServerFault::Announced(1 << 40), 9);
    assert_failed(
        &served.crawl().await,
        &[
            "a file of at most",
            "found a file of 1099511627776 bytes (Content-Length)",
        ],
    );
    assert_eq!(served.server.count(INDEX), 1);
}

#[tokio::test]
async fn headers_are_limited() {
    for fault in [
        ServerFault::EndlessHeaders,
        ServerFault::HugeHeader(16 << 20),
    ] {
        let served = Served::new(&bookworm()).await;
        served.server.fail(INDEX, fault, 9);
        let begun = Instant::now();
        assert_failed(&served.crawl().await, &["could not download", "Packages"]);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn unexpected_content_coding_is_an_error() {
    let coded = |coding: &str| ServerFault::Headers(vec![("Content-Encoding", coding.to_owned())]);
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", coded("gzip"), 9);
    assert_failed(
        &served.crawl().await,
        &[
            "expected no content encoding, found Content-Encoding: gzip",
            "InRelease",
        ],
    );
    assert_eq!(served.server.count("InRelease"), 1);
    // AddEncoding of Apache declares a coding for compressed files, which are sent unchanged.
    let served = Served::new(&bookworm().compressions(&[Compression::Gzip])).await;
    served.server.fail("Packages.gz", coded("x-gzip"), 9);
    assert_complete(&served.crawl().await, KERNEL);
}

#[tokio::test]
async fn twenty_sources_of_one_host_are_read_concurrently() {
    let folder = folder();
    let keyring = crate::rpm_support::repo()
        .write(folder.path())
        .expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    // All requests are sent before the first response.
    server.delay(Duration::from_millis(300));
    let url = server.url();
    let lines = format!(
        "base = [\"{url}\"]\nkeyring = [\"{}\"]\nsignature = \"if-present\"",
        keyring.display()
    );
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let sources: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), lines.as_str()))
        .collect();
    let distro = crate::rpm_support::distro_with(sqern_testkit::repo::EL_RULE, &sources);
    let patient = ClientOptions {
        system_proxy: false,
        ..ClientOptions::default()
    };
    let client = Client::new(patient).expect("a client");
    for crawl in &crawl_distro(&client, &distro, &BTreeMap::new(), &options(), &Silent).await {
        assert_complete(crawl, crate::rpm_support::KERNEL);
    }
    assert_eq!((server.requests().len(), server.most_at_once()), (60, 20));
}

#[tokio::test]
async fn unverifiable_signature_is_not_requested() {
    let folder = folder();
    crate::rpm_support::repo()
        .signed()
        .write(folder.path())
        .expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    let lines = format!(
        "base = [\"{}\"]\nkeyring = [\"/nonexistent/keyring.gpg\"]\nsignature = \"if-present\"",
        server.url()
    );
    let crawl = crawl_all(&crate::rpm_support::distro(&lines), &options())
        .await
        .remove(0);
    assert_complete(&crawl, crate::rpm_support::KERNEL);
    assert!(
        crawl.warnings[0].contains("keyring /nonexistent/keyring.gpg does not exist"),
        "{:?}",
        crawl.warnings
    );
    assert_eq!(server.count(".asc"), 0);
}

#[tokio::test]
async fn truncated_body_is_reported() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Cut, 9);
    assert_failed(
        &served.crawl().await,
        &[
            "could not download",
            "the download was interrupted",
            "Packages",
        ],
    );
}

#[tokio::test]
async fn html_page_is_reported() {
    for part in ["InRelease", INDEX] {
        let served = Served::new(&bookworm()).await;
        served.server.fail(part, ServerFault::Html, 9);
        assert_failed(&served.crawl().await, &["an HTML page"]);
    }
}

#[tokio::test]
async fn connection_error_contains_no_credentials() {
    let served = Served::new(&bookworm()).await;
    let distro = distro(&[(&served.written, "http://user:secret@127.0.0.1:1/debian")]);
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_failed(
        &crawl,
        &[
            "http://127.0.0.1:1/debian/dists/bookworm/InRelease",
            "onnect",
        ],
    );
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn recorded_urls_contain_no_credentials() {
    let served = Served::new(&bookworm()).await;
    let distro = distro(&[(
        &served.written,
        &served.server.url().replace("://", "://user:secret@"),
    )]);
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn index_is_requested_by_hash_then_name_then_format() {
    let served = Served::new(&bookworm().by_hash()).await;
    assert_complete(&served.crawl().await, KERNEL);
    assert_eq!(
        (
            served.server.count("by-hash"),
            served.server.count("Packages")
        ),
        (1, 0)
    );

    for status in [404, 400, 405, 500, 501] {
        let served = Served::new(&bookworm().by_hash()).await;
        served
            .server
            .fail("by-hash", ServerFault::Status(status), 9);
        assert_complete(&served.crawl().await, KERNEL);
        assert!(served.server.count("by-hash") >= 1, "{status}");
        assert_eq!(served.server.count("Packages"), 1, "{status}");
    }

    let served = Served::new(&bookworm().compressions(&[Compression::Zstd, Compression::Xz])).await;
    served
        .server
        .fail("Packages.zst", ServerFault::Status(404), 9);
    assert_complete(&served.crawl().await, KERNEL);
    assert_eq!(
        (
            served.server.count("Packages.zst"),
            served.server.count("Packages.xz")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn mirror_that_was_updated_meanwhile_is_read_again() {
    let older = bookworm().package(deb("linux-headers-6.1.0-24-amd64"));
    for times in [1, 9] {
        let served = Served::new(&bookworm()).await;
        let old = folder();
        let written = older.write(old.path()).expect("a repository");
        let old = written.folder.join("dists/bookworm/InRelease");
        std::fs::copy(old, served.written.folder.join("old")).expect("copied");
        served
            .server
            .fail("InRelease", ServerFault::Redirect("/old".into()), times);
        let crawl = served.crawl().await;
        if times == 1 {
            assert_complete(&crawl, KERNEL);
            assert_eq!(served.server.count("InRelease"), 2);
        } else {
            assert_failed(&crawl, &["the mirror might be being updated"]);
        }
    }
}

#[tokio::test]
async fn listed_but_missing_index_fails() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Status(404), 9);
    assert_failed(&served.crawl().await, &["HTTP status 404", INDEX]);
}

#[tokio::test]
async fn redirects_are_limited_to_http_and_in_number() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(
        "InRelease",
        ServerFault::Redirect("/dists/bookworm/InRelease".into()),
        5,
    );
    assert_complete(&served.crawl().await, KERNEL);
    for (location, messages) in [
        (
            "file:///etc/passwd",
            "file:///etc/passwd is not an http or https URL",
        ),
        ("ftp://h/x", "ftp://h/x is not an http or https URL"),
        ("/dists/bookworm/InRelease", "more than 5 redirects"),
    ] {
        let served = Served::new(&bookworm()).await;
        served
            .server
            .fail("InRelease", ServerFault::Redirect(location.into()), 9);
        assert_failed(&served.crawl().await, &[messages]);
    }
}

#[tokio::test]
async fn mirror_base_replaces_hosts_but_not_recorded_urls() {
    let folder = folder();
    let host = folder.path().join("deb.example.test/debian");
    std::fs::create_dir_all(&host).expect("a directory");
    let written = bookworm().write(&host).expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    let distro = distro(&[(&written, "https://deb.example.test/debian")]);
    for base in [server.url(), format!("file://{}/", folder.path().display())] {
        let options = CrawlOptions {
            mirror_base: base.parse().ok(),
            ..options()
        };
        let crawl = crawl_all(&distro, &options).await.remove(0);
        assert_complete(&crawl, KERNEL);
        assert_eq!(
            crawl.url,
            "https://deb.example.test/debian/dists/bookworm/InRelease"
        );
        assert!(
            crawl.packages[0]
                .url
                .starts_with("https://deb.example.test/debian/pool/"),
            "{:?}",
            crawl.packages[0]
        );
    }
}

#[tokio::test]
async fn failed_mirror_is_a_warning_and_the_next_one_is_used() {
    let served = Served::new(&bookworm()).await;
    let mut distro = served.distro();
    for source in apt_sources(&mut distro) {
        source.base.insert(0, "http://127.0.0.1:1/debian".into());
    }
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    assert!(
        crawl.warnings[0].contains("skipped a mirror") && crawl.warnings[0].contains("127.0.0.1:1"),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn base_url_with_other_scheme_fails() {
    let served = Served::new(&FakeRepo::new("bookworm")).await;
    let distro = distro(&[(&served.written, "ftp://h/debian")]);
    assert_failed(
        &crawl_all(&distro, &options()).await[0],
        &["http, https or file", "scheme ftp"],
    );
}

#[tokio::test]
async fn crawl_is_send() {
    let distro = distro(&[]);
    let crawls = tokio::spawn(async move { crawl_all(&distro, &options()).await })
        .await
        .expect("no panic");
    assert!(crawls.is_empty());
}
