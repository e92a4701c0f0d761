//! Servers that misbehave, mirrors, redirects.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqern_testkit::repo::{Compression, FakeRepo, FileServer, ServerFault};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, Silent, crawl_distro};

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];
const INDEX: &str = "binary-amd64/Packages";

#[tokio::test]
async fn a_suite_is_read_over_http_with_its_etag() {
    let served = Served::new(&bookworm()).await;
    let crawl = served.crawl().await;
    assert_complete(&crawl, KERNEL);
    assert!(crawl.etag.is_some());
    assert_eq!(crawl.url, format!("{}/dists/bookworm/InRelease", served.server.url()));
    assert_eq!(served.server.requests().len(), 2);
}

#[tokio::test]
async fn faults_in_passing_are_tried_again() {
    for fault in [ServerFault::Status(503), ServerFault::Status(429), ServerFault::Cut, ServerFault::RetryAfter(0)] {
        let served = Served::new(&bookworm()).await;
        served.server.fail("InRelease", fault.clone(), 2);
        served.server.fail(INDEX, fault, 2);
        assert_complete(&served.crawl().await, KERNEL);
        assert_eq!(served.server.requests().len(), 6);
    }
}

#[tokio::test]
async fn three_tries_are_all() {
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", ServerFault::Status(500), 9);
    assert_failed(&served.crawl().await, &["HTTP status 500", "/dists/bookworm/InRelease"]);
    assert_eq!(served.server.requests().len(), 3);
}

#[tokio::test]
async fn a_retry_after_is_obeyed() {
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", ServerFault::RetryAfter(1), 1);
    let begun = Instant::now();
    assert_complete(&served.crawl().await, KERNEL);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Stall, 9);
    let begun = Instant::now();
    assert_failed(&served.crawl().await, &["no data received for 300ms", "Packages"]);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_at_the_stated_size() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Endless, 9);
    assert_failed(&served.crawl().await, &["a file of at most", "found a larger file"]);
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_before_the_body() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Announced(1 << 40), 9);
    assert_failed(&served.crawl().await, &["a file of at most", "found a file of 1099511627776 bytes (Content-Length)"]);
    assert_eq!(served.server.count(INDEX), 1);
}

#[tokio::test]
async fn headers_without_end_or_measure_are_cut_off() {
    for fault in [ServerFault::EndlessHeaders, ServerFault::HugeHeader(16 << 20)] {
        let served = Served::new(&bookworm()).await;
        served.server.fail(INDEX, fault, 9);
        let begun = Instant::now();
        assert_failed(&served.crawl().await, &["could not download", "Packages"]);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_coding_that_was_not_asked_for_is_refused_unless_the_files_name_tells_it() {
    let coded = |coding: &str| ServerFault::Headers(vec![("Content-Encoding", coding.to_owned())]);
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", coded("gzip"), 9);
    assert_failed(&served.crawl().await, &["expected no content encoding, found Content-Encoding: gzip", "InRelease"]);
    assert_eq!(served.server.count("InRelease"), 1);
    // As Apache's AddEncoding has it: what lies there compressed comes as it is.
    let served = Served::new(&bookworm().compressions(&[Compression::Gzip])).await;
    served.server.fail("Packages.gz", coded("x-gzip"), 9);
    assert_complete(&served.crawl().await, KERNEL);
}

#[tokio::test]
async fn twenty_sources_at_one_host_are_read_side_by_side() {
    let folder = folder();
    let keyring = crate::rpm_support::repo().write(folder.path()).expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    // Long enough for all to be waiting at once.
    server.delay(Duration::from_millis(300));
    let url = server.url();
    let lines = format!("base = [\"{url}\"]\nkeyring = [\"{}\"]\nsignature = \"if-present\"", keyring.display());
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let sources: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), lines.as_str())).collect();
    let distro = crate::rpm_support::distro_with(sqern_testkit::repo::EL_RULE, &sources);
    let patient = ClientOptions { system_proxy: false, ..ClientOptions::default() };
    let client = Client::new(patient).expect("a client");
    for crawl in &crawl_distro(&client, &distro, &BTreeMap::new(), &options(), &Silent).await {
        assert_complete(crawl, crate::rpm_support::KERNEL);
    }
    assert_eq!((server.requests().len(), server.most_at_once()), (60, 20));
}

#[tokio::test]
async fn a_signature_that_nothing_here_can_judge_is_not_asked_for() {
    let folder = folder();
    crate::rpm_support::repo().signed().write(folder.path()).expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    let lines = format!("base = [\"{}\"]\nkeyring = [\"/nonexistent/keyring.gpg\"]\nsignature = \"if-present\"", server.url());
    let crawl = crawl_all(&crate::rpm_support::distro(&lines), &options()).await.remove(0);
    assert_complete(&crawl, crate::rpm_support::KERNEL);
    assert!(crawl.warnings[0].contains("expected keyring /nonexistent/keyring.gpg, found none"), "{:?}", crawl.warnings);
    assert_eq!(server.count(".asc"), 0);
}

#[tokio::test]
async fn a_cut_body_says_so() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Cut, 9);
    assert_failed(&served.crawl().await, &["could not download", "the download was interrupted", "Packages"]);
}

#[tokio::test]
async fn an_html_page_is_named_as_such() {
    for part in ["InRelease", INDEX] {
        let served = Served::new(&bookworm()).await;
        served.server.fail(part, ServerFault::Html, 9);
        assert_failed(&served.crawl().await, &["an HTML page"]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_without_credentials() {
    let served = Served::new(&bookworm()).await;
    let distro = distro(&[(&served.written, "http://user:secret@127.0.0.1:1/debian")]);
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_failed(&crawl, &["http://127.0.0.1:1/debian/dists/bookworm/InRelease", "onnect"]);
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn credentials_of_a_base_do_not_reach_what_is_recorded() {
    let served = Served::new(&bookworm()).await;
    let distro = distro(&[(&served.written, &served.server.url().replace("://", "://user:secret@"))]);
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    assert!(!format!("{crawl:?}").contains("secret"));
}

#[tokio::test]
async fn an_index_is_asked_for_by_hash_then_by_name_then_in_another_compression() {
    let served = Served::new(&bookworm().by_hash()).await;
    assert_complete(&served.crawl().await, KERNEL);
    assert_eq!((served.server.count("by-hash"), served.server.count("Packages")), (1, 0));

    let served = Served::new(&bookworm().by_hash()).await;
    served.server.fail("by-hash", ServerFault::Status(404), 9);
    assert_complete(&served.crawl().await, KERNEL);
    assert_eq!((served.server.count("by-hash"), served.server.count("Packages")), (1, 1));

    let served = Served::new(&bookworm().compressions(&[Compression::Zstd, Compression::Xz])).await;
    served.server.fail("Packages.zst", ServerFault::Status(404), 9);
    assert_complete(&served.crawl().await, KERNEL);
    assert_eq!((served.server.count("Packages.zst"), served.server.count("Packages.xz")), (1, 1));
}

#[tokio::test]
async fn an_index_that_is_listed_and_not_there_fails() {
    let served = Served::new(&bookworm()).await;
    served.server.fail(INDEX, ServerFault::Status(404), 9);
    assert_failed(&served.crawl().await, &["HTTP status 404", INDEX]);
}

#[tokio::test]
async fn redirects_are_followed_to_http_only_and_not_for_ever() {
    let served = Served::new(&bookworm()).await;
    served.server.fail("InRelease", ServerFault::Redirect("/dists/bookworm/InRelease".into()), 5);
    assert_complete(&served.crawl().await, KERNEL);
    for (location, says) in [
        ("file:///etc/passwd", "a redirect to file:///etc/passwd"),
        ("ftp://h/x", "a redirect to ftp://h/x"),
        ("/dists/bookworm/InRelease", "more than 5 redirects"),
    ] {
        let served = Served::new(&bookworm()).await;
        served.server.fail("InRelease", ServerFault::Redirect(location.into()), 9);
        assert_failed(&served.crawl().await, &[says]);
    }
}

#[tokio::test]
async fn a_mirror_base_serves_every_host_and_urls_stay_the_publishers() {
    let folder = folder();
    let host = folder.path().join("deb.example.test/debian");
    std::fs::create_dir_all(&host).expect("a directory");
    let written = bookworm().write(&host).expect("a repository");
    let server = FileServer::start(folder.path()).await.expect("a server");
    let distro = distro(&[(&written, "https://deb.example.test/debian")]);
    for base in [server.url(), format!("file://{}/", folder.path().display())] {
        let options = CrawlOptions { mirror_base: base.parse().ok(), ..options() };
        let crawl = crawl_all(&distro, &options).await.remove(0);
        assert_complete(&crawl, KERNEL);
        assert_eq!(crawl.url, "https://deb.example.test/debian/dists/bookworm/InRelease");
        assert!(crawl.packages[0].url.starts_with("https://deb.example.test/debian/pool/"), "{:?}", crawl.packages[0]);
    }
}

#[tokio::test]
async fn the_next_mirror_is_asked_when_one_fails_and_the_failure_is_told() {
    let served = Served::new(&bookworm()).await;
    let mut distro = served.distro();
    for source in apt_sources(&mut distro) {
        source.base.insert(0, "http://127.0.0.1:1/debian".into());
    }
    let crawl = crawl_all(&distro, &options()).await.remove(0);
    assert_complete(&crawl, KERNEL);
    assert!(crawl.warnings[0].contains("skipped a mirror") && crawl.warnings[0].contains("127.0.0.1:1"), "{:?}", crawl.warnings);
}

#[tokio::test]
async fn a_base_of_another_scheme_is_refused() {
    let served = Served::new(&FakeRepo::new("bookworm")).await;
    let distro = distro(&[(&served.written, "ftp://h/debian")]);
    assert_failed(&crawl_all(&distro, &options()).await[0], &["http, https or file", "scheme ftp"]);
}

#[tokio::test]
async fn a_crawl_can_run_on_any_thread() {
    let distro = distro(&[]);
    let crawls = tokio::spawn(async move { crawl_all(&distro, &options()).await }).await.expect("no panic");
    assert!(crawls.is_empty());
}
