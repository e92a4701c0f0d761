//! Tests of single requests: conditions, limits and time limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqern_testkit::repo::{FileServer, ServerFault, Validators};
use url::Url;

use super::address::{ConfiguredHosts, Scope};
use super::{Client, ClientOptions, FetchError, Fetched, Request, Sink};

fn fast_options() -> ClientOptions {
    let (idle_timeout, backoff) = (Duration::from_secs(5), Duration::from_millis(1));
    ClientOptions {
        idle_timeout,
        backoff,
        system_proxy: false,
        ..ClientOptions::default()
    }
}

/// Starts a server with a file `f` that contains `hello`.
async fn server() -> (FileServer, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("f"), "hello").expect("written");
    (
        FileServer::start(folder.path()).await.expect("a server"),
        folder,
    )
}

async fn fetch(
    client: &Client,
    server: &FileServer,
    etag: Option<&str>,
) -> (Result<Fetched, FetchError>, Vec<u8>) {
    let url = Url::parse(&format!("{}/f", server.url())).expect("a URL");
    let now: Timestamp = "2026-01-11T00:00:00Z".parse().expect("a time");
    let request = Request {
        url: &url,
        mirror_base: None,
        now,
        received: &|_| {},
        etag,
    };
    let mut sink = Sink::memory(100);
    let fetched = client.fetch(&request, &mut sink).await;
    (fetched, sink.into_bytes())
}

fn error_message(failed: Result<Fetched, FetchError>) -> String {
    failed.expect_err("a failure").into_error().to_string()
}

#[tokio::test]
async fn unchanged_file_is_not_transferred_again() {
    let client = Client::new(fast_options()).expect("a client");
    for validators in [Validators::Strong, Validators::Weak] {
        let (server, folder) = server().await;
        server.validators(validators);
        let (Ok(Fetched::Whole(Some(etag))), bytes) = fetch(&client, &server, None).await else {
            panic!("no file")
        };
        assert_eq!(
            (bytes.as_slice(), etag.starts_with("W/")),
            (&b"hello"[..], validators == Validators::Weak)
        );
        let (fetched, bytes) = fetch(&client, &server, Some(&etag)).await;
        assert_eq!(
            (fetched.expect("an answer"), bytes.len()),
            (Fetched::NotModified, 0)
        );
        // The `ETag` is sent unchanged.
        assert_eq!(
            server.received_requests()[1].header("if-none-match"),
            Some(etag.as_str())
        );
        // Another text of the same length has another `ETag`.
        std::fs::write(folder.path().join("f"), "world").expect("written");
        let (fetched, bytes) = fetch(&client, &server, Some(&etag)).await;
        assert!(matches!(fetched, Ok(Fetched::Whole(Some(new))) if new != etag));
        assert_eq!(bytes, b"world");
    }
}

#[tokio::test]
async fn invalid_etags_are_neither_sent_nor_returned() {
    let client = Client::new(fast_options()).expect("a client");
    for etag in ["\"a\r\nX-Evil: 1\"", "unquoted", "\"a\"b\"", ""] {
        let (server, _folder) = server().await;
        assert!(
            matches!(
                fetch(&client, &server, Some(etag)).await.0,
                Ok(Fetched::Whole(Some(_)))
            ),
            "{etag:?}"
        );
        let request = server.received_requests().remove(0);
        assert_eq!(
            (request.header("if-none-match"), request.header("x-evil")),
            (None, None),
            "{etag:?}"
        );
    }
    for etag in ["unquoted", "\"a\tb\"", "\"\u{e4}\""] {
        let (server, _folder) = server().await;
        server.fail(
            "f",
            ServerFault::Headers(vec![("ETag", etag.to_owned())]),
            1,
        );
        assert_eq!(
            fetch(&client, &server, None).await.0.expect("a file"),
            Fetched::Whole(None),
            "{etag:?}"
        );
    }
}

#[tokio::test]
async fn unexpected_status_304_is_an_error() {
    let client = Client::new(fast_options()).expect("a client");
    for etag in [None, Some("no etag")] {
        let (server, _folder) = server().await;
        server.fail("f", ServerFault::Status(304), 9);
        let (failed, _) = fetch(&client, &server, etag).await;
        assert!(matches!(failed, Err(FetchError::Fatal(_))));
        let message = error_message(failed);
        assert!(
            message.contains(": unexpected HTTP status 304 Not Modified"),
            "{message}"
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn conditions_are_kept_through_redirects() {
    let client = Client::new(fast_options()).expect("a client");
    let (server, _folder) = server().await;
    let (Ok(Fetched::Whole(Some(etag))), _) = fetch(&client, &server, None).await else {
        panic!("no file")
    };
    server.fail("f", ServerFault::Redirect("/f?signed".into()), 1);
    assert_eq!(
        fetch(&client, &server, Some(&etag))
            .await
            .0
            .expect("an answer"),
        Fetched::NotModified
    );
}

#[tokio::test]
async fn waiting_for_other_requests_does_not_count() {
    let total_timeout = Duration::from_millis(400);
    let client = Client::new(ClientOptions {
        total_timeout,
        jobs_per_host: 1,
        ..fast_options()
    })
    .expect("a client");
    let (server, _folder) = server().await;
    server.delay(Duration::from_millis(100));
    let all = futures_util::future::join_all((0..8).map(|_| fetch(&client, &server, None))).await;
    assert!(all.iter().all(|(fetched, _)| fetched.is_ok()), "{all:?}");
    assert_eq!(server.most_at_once(), 1);
}

#[tokio::test]
async fn attempts_and_waits_count_towards_the_time_limit() {
    let (server, _folder) = server().await;
    server.fail("f", ServerFault::Status(500), usize::MAX);
    let total_timeout = Duration::from_millis(300);
    let patient = ClientOptions {
        total_timeout,
        tries: 30,
        ..fast_options()
    };
    let begun = Instant::now();
    let failed = fetch(&Client::new(patient).expect("a client"), &server, None)
        .await
        .0;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(error_message(failed).contains(": not complete after 300ms"));
    assert!(server.requests().len() > 1);
    // The time of a body counts, too.
    let (server, _folder) = self::server().await;
    server.fail("f", ServerFault::Slow(Duration::from_millis(200)), 9);
    let failed = fetch(
        &Client::new(ClientOptions {
            total_timeout,
            ..fast_options()
        })
        .expect("a client"),
        &server,
        None,
    )
    .await
    .0;
    assert!(error_message(failed).contains("not complete after 300ms"));
}

#[tokio::test]
async fn too_long_retry_after_is_an_error() {
    let client = Client::new(fast_options()).expect("a client");
    for (seconds, hint) in [
        (3600, "after 2026-01-11T01:00:00Z"),
        (u64::MAX, "Exclude the source."),
    ] {
        let (server, _folder) = server().await;
        server.fail("f", ServerFault::RetryAfter(seconds), 9);
        let (failed, _) = fetch(&client, &server, None).await;
        let message = error_message(failed);
        let actual = format!("HTTP status 503 Service Unavailable, Retry-After: {seconds} s");
        assert!(
            message.contains(&actual) && message.contains(hint),
            "{message}"
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn busy_server_receives_fewer_concurrent_requests() {
    let client = Client::new(ClientOptions {
        jobs_per_host: 8,
        ..fast_options()
    })
    .expect("a client");
    let (busy, _folder) = server().await;
    busy.delay(Duration::from_millis(20));
    let twenty =
        async || futures_util::future::join_all((0..20).map(|_| fetch(&client, &busy, None))).await;
    assert!(twenty().await.iter().all(|(fetched, _)| fetched.is_ok()));
    assert_eq!(busy.most_at_once(), 8);
    // Requests that started earlier do not reduce the limit again.
    busy.fail("f", ServerFault::Status(429), 4);
    assert!(twenty().await.iter().all(|(fetched, _)| fetched.is_ok()));
    let (later, _folder) = server().await;
    later.delay(Duration::from_millis(20));
    futures_util::future::join_all((0..20).map(|_| fetch(&client, &later, None))).await;
    // The limit applies to the host, regardless of the port.
    assert!(
        (1..=4).contains(&later.most_at_once()),
        "{}",
        later.most_at_once()
    );
}

#[tokio::test]
async fn interrupted_download_reports_each_chunk_once() {
    let client = Client::new(fast_options()).expect("a client");
    let (server, folder) = server().await;
    let url = Url::parse(&format!("{}/f", server.url())).expect("a URL");
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.path().join("f"), &content).expect("written");
    server.fail("f", ServerFault::Cut, 2);
    let reported = Arc::new(AtomicU64::new(0));
    let received = |count| {
        reported.fetch_add(count, Ordering::SeqCst);
    };
    let request = Request {
        url: &url,
        mirror_base: None,
        now: Timestamp::UNIX_EPOCH,
        received: &received,
        etag: None,
    };
    let file = tempfile::tempfile().expect("a file");
    let mut kept = file.try_clone().expect("the file");
    let mut sink = Sink::file(
        1 << 20,
        sqern_archive::Algorithm::Sha256,
        tokio::fs::File::from_std(file),
    );
    // The modification date of a new file is too recent for a validator, but its ETag is one.
    assert!(matches!(
        client.fetch(&request, &mut sink).await,
        Ok(Fetched::Whole(Some(_)))
    ));
    assert_eq!(
        (reported.load(Ordering::SeqCst), server.body_bytes()),
        (400_000, 400_000)
    );
    let mut whole = sqern_archive::Hasher::new(sqern_archive::Algorithm::Sha256);
    whole.update(&content);
    assert_eq!(sink.received().checksum, whole.finish());
    let mut written = Vec::new();
    std::io::Seek::rewind(&mut kept).expect("rewound");
    std::io::Read::read_to_end(&mut kept, &mut written).expect("read");
    assert!(written == content);
}

/// Returns a client whose source names a server of the test as if it had a global address.
fn client_of_global(server: &FileServer) -> Client {
    let url = Url::parse(&server.url()).expect("a URL");
    let mut client = Client::new(fast_options()).expect("a client");
    client.configured = Some(Arc::new(ConfiguredHosts::with_scope(
        vec![url],
        Scope::Global,
    )));
    client
}

#[tokio::test]
async fn redirects_to_internal_addresses_are_rejected() {
    let (server, _folder) = server().await;
    let client = client_of_global(&server);
    let port = Url::parse(&server.url()).expect("a URL").port();
    let port = port.expect("a port");
    for target in [
        format!("http://127.0.0.2:{port}/f"),
        format!("http://[::ffff:7f00:1]:{port}/f"),
        format!("http://localhost:{port}/f"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ] {
        server.fail("f", ServerFault::Redirect(target.clone()), 1);
        let before = server.requests().len();
        let (failed, _) = fetch(&client, &server, None).await;
        assert!(matches!(failed, Err(FetchError::Fatal(_))), "{target}");
        let message = error_message(failed);
        assert!(
            message.contains(&format!("cannot request {target}"))
                && message.contains("is not global"),
            "{message}"
        );
        assert_eq!(server.requests().len(), before + 1, "{target}");
    }
    // The source names this host.
    server.fail(
        "f",
        ServerFault::Redirect(format!("{}/f?x", server.url())),
        1,
    );
    assert!(fetch(&client, &server, None).await.0.is_ok());
}

#[tokio::test]
async fn mirrors_of_a_list_cannot_be_internal() {
    let (mirror, _folder) = server().await;
    let source = vec![Url::parse("https://203.0.113.1/mirrorlist").expect("a URL")];
    let client = Client::new(fast_options()).expect("a client");
    let (failed, _) = fetch(&client.with_configured(source), &mirror, None).await;
    let message = error_message(failed);
    assert!(
        message.contains("address 127.0.0.1 is not global"),
        "{message}"
    );
    assert_eq!(mirror.requests().len(), 0);
    // A list in a network of an organization can contain mirrors of this network, but not this machine.
    let source = vec![Url::parse("https://10.0.0.1/mirrorlist").expect("a URL")];
    let (failed, _) = fetch(&client.with_configured(source), &mirror, None).await;
    assert!(error_message(failed).contains("is not global"));
    let source = vec![Url::parse("http://localhost/mirrorlist").expect("a URL")];
    let (fetched, _) = fetch(&client.with_configured(source), &mirror, None).await;
    assert!(fetched.is_ok());
}
