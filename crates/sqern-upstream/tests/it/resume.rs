//! Tests of interrupted and continued downloads.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use sqern_testkit::repo::{FakeRpmRepo, FileServer, ReceivedRequest, ServerFault, Validators};
use sqern_upstream::{Client, ClientOptions, Silent, crawl_distro};

use crate::rpm_support::{KERNEL, distro, repo};
use crate::support::*;

const PRIMARY: &str = "/primary";

/// An rpm-md repository on a server.
struct Os {
    server: FileServer,
    primary_bytes: u64,
    folder: tempfile::TempDir,
}

async fn os(repo: &FakeRpmRepo) -> Os {
    let folder = folder();
    repo.write(folder.path()).expect("a repository");
    let mut primary_bytes = 0;
    for entry in std::fs::read_dir(folder.path().join("repodata")).expect("a directory") {
        let path = entry.expect("a file").path();
        // A modification date is only a validator if it is at least 1 second old.
        let file = std::fs::File::options()
            .write(true)
            .open(&path)
            .expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(3600))
            .expect("a time");
        if path.to_string_lossy().contains(PRIMARY) {
            primary_bytes = file.metadata().expect("a size").len();
        }
    }
    Os {
        server: FileServer::start(folder.path()).await.expect("a server"),
        primary_bytes,
        folder,
    }
}

impl Os {
    async fn crawl(&self) -> sqern_model::Crawl {
        let lines = format!("base = [\"{}\"]\nsignature = \"off\"", self.server.url());
        crawl_all(&distro(&lines), &options()).await.remove(0)
    }

    /// Returns the requests for the package list.
    fn received_requests(&self) -> Vec<ReceivedRequest> {
        self.server
            .received_requests()
            .into_iter()
            .filter(|request| request.path.contains(PRIMARY))
            .collect()
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.received_requests()
            .iter()
            .map(|request| request.header("range").map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn interrupted_download_is_continued() {
    for validators in [Validators::Strong, Validators::Date] {
        let os = os(&repo()).await;
        os.server.validators(validators);
        os.server.fail(PRIMARY, ServerFault::Cut, 2);
        let crawl = os.crawl().await;
        assert_complete(&crawl, KERNEL);
        let half = os.primary_bytes / 2;
        let second = half + (os.primary_bytes - half) / 2;
        assert_eq!(
            os.ranges(),
            [
                None,
                Some(format!("bytes={half}-")),
                Some(format!("bytes={second}-"))
            ]
        );
        // No byte was transferred twice.
        assert_eq!(
            (os.server.body_bytes(), crawl.bytes),
            (crawl.bytes, crawl.bytes),
            "{crawl:?}"
        );
        let requests = os.received_requests();
        let (tag, first) = (
            requests[1].header("if-range").expect("a condition"),
            &requests[0],
        );
        assert_eq!(
            tag.starts_with('"'),
            validators == Validators::Strong,
            "{tag}"
        );
        assert_eq!(first.header("if-range"), None);
    }
}

#[tokio::test]
async fn small_files_and_stalled_downloads_are_continued() {
    let os = os(&repo()).await;
    os.server.fail("repomd.xml", ServerFault::Stall, 1);
    let crawl = os.crawl().await;
    assert_complete(&crawl, KERNEL);
    assert_eq!(os.server.body_bytes(), crawl.bytes);
    assert!(os.server.received_requests()[1].header("range").is_some());
}

#[tokio::test]
async fn download_without_strong_validator_restarts() {
    for validators in [Validators::Weak, Validators::None] {
        let os = os(&repo()).await;
        os.server.validators(validators);
        os.server.fail(PRIMARY, ServerFault::Cut, 1);
        assert_complete(&os.crawl().await, KERNEL);
        assert_eq!(os.ranges(), [None, None], "{validators:?}");
    }
}

#[tokio::test]
async fn changed_file_is_downloaded_completely() {
    let os = os(&repo()).await;
    let spoilt = ServerFault::Reply(
        200,
        vec![("ETag", "\"older\"".into()), ("Content-Length", "9".into())],
        b"old".to_vec(),
    );
    os.server.fail(PRIMARY, spoilt, 1);
    assert_complete(&os.crawl().await, KERNEL);
    assert_eq!(os.ranges(), [None, Some("bytes=3-".into())]);
    assert_eq!(
        os.received_requests()[1].header("if-range"),
        Some("\"older\"")
    );
}

#[tokio::test]
async fn wrong_range_restarts_immediately() {
    for (status, header) in [
        (416, ("Content-Range", "bytes */1")),
        (206, ("Content-Range", "bytes 0-9/10")),
        (206, ("Content-Range", "nonsense")),
        (206, ("X-None", "")),
        (206, ("Content-Encoding", "gzip")),
    ] {
        let os = os(&repo()).await;
        os.server.fail(PRIMARY, ServerFault::Cut, 1);
        let headers = vec![(header.0, header.1.to_owned())];
        os.server.fail(
            PRIMARY,
            ServerFault::Reply(status, headers, b"0123456789".to_vec()),
            1,
        );
        assert_complete(&os.crawl().await, KERNEL);
        let half = os.primary_bytes / 2;
        assert_eq!(
            os.ranges(),
            [None, Some(format!("bytes={half}-")), None],
            "{status} {header:?}"
        );
    }
}

#[tokio::test]
async fn rest_of_another_version_restarts() {
    let os = os(&repo()).await;
    os.server.fail(PRIMARY, ServerFault::Cut, 1);
    os.server.fail(
        PRIMARY,
        ServerFault::Headers(vec![("ETag", "\"another\"".into())]),
        1,
    );
    assert_complete(&os.crawl().await, KERNEL);
    assert_eq!(os.ranges().len(), 3);
}

#[tokio::test]
async fn coded_body_is_not_continued() {
    let os = os(&repo()).await;
    // Apache declares this coding for files whose names end in .gz. The body is truncated.
    let cut = ServerFault::Reply(
        200,
        vec![
            ("Content-Encoding", "x-gzip".into()),
            ("ETag", "\"one\"".into()),
            ("Content-Length", "9".into()),
        ],
        b"half".to_vec(),
    );
    os.server.fail(PRIMARY, cut, 1);
    os.server.fail(
        PRIMARY,
        ServerFault::Headers(vec![("Content-Encoding", "x-gzip".into())]),
        1,
    );
    assert_complete(&os.crawl().await, KERNEL);
    assert_eq!(os.ranges(), [None, None]);
}

#[tokio::test]
async fn unexpected_range_is_an_error() {
    let os = os(&repo()).await;
    os.server.fail(
        PRIMARY,
        ServerFault::Reply(
            206,
            vec![("Content-Range", "bytes 0-0/1".into())],
            b"x".to_vec(),
        ),
        9,
    );
    assert_failed(&os.crawl().await, &["HTTP status 206", "primary"]);
    assert_eq!(os.ranges().len(), 1);
}

#[tokio::test]
async fn rest_is_not_requested_from_another_server() {
    let first = os(&repo()).await;
    let second = os(&repo()).await;
    let base = second.server.url();
    first.server.fail(PRIMARY, ServerFault::Cut, 1);
    let path = first_primary(&second);
    first
        .server
        .fail(PRIMARY, ServerFault::Redirect(format!("{base}{path}")), 1);
    assert_complete(&first.crawl().await, KERNEL);
    assert_eq!(first.ranges().len(), 2);
    assert_eq!(second.ranges(), [None]);
}

/// Returns the path of the package list.
fn first_primary(os: &Os) -> String {
    let names = std::fs::read_dir(os.folder.path().join("repodata")).expect("a directory");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .expect("a file")
            .file_name()
            .into_string()
            .expect("UTF-8")
    };
    let name = names
        .map(name)
        .find(|name| name.contains("primary"))
        .expect("a list");
    format!("/repodata/{name}")
}

#[tokio::test]
async fn download_from_a_slow_server_is_continued() {
    let os = os(&repo()).await;
    os.server
        .fail(PRIMARY, ServerFault::Slow(Duration::from_millis(5)), 1);
    let options = ClientOptions {
        min_bytes_per_second: 1 << 20,
        min_rate_window: Duration::from_millis(100),
        backoff: Duration::from_millis(1),
        system_proxy: false,
        ..ClientOptions::default()
    };
    let client = Client::new(options).expect("a client");
    let crawl = async || {
        let lines = format!("base = [\"{}\"]\nsignature = \"off\"", os.server.url());
        crawl_distro(
            &client,
            &distro(&lines),
            &BTreeMap::new(),
            &crate::support::options(),
            &Silent,
        )
        .await
        .remove(0)
    };
    assert_complete(&crawl().await, KERNEL);
    assert!(os.ranges()[1].is_some(), "{:?}", os.ranges());
    os.server
        .fail(PRIMARY, ServerFault::Slow(Duration::from_millis(5)), 9);
    assert_failed(
        &crawl().await,
        &[
            "the minimum is 1048576 bytes/s over 100ms",
            " bytes in 0.1 s",
            "primary",
        ],
    );
}
