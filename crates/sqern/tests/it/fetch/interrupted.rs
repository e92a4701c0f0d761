//! Interrupted, killed and concurrent runs: the store and the database remain consistent.

use std::process::{Command, Stdio};
use std::time::Duration;

use sqern_testkit::package::Headers;
use sqern_testkit::repo::{ServerFault, deb};
use sqern_testkit::{DATABASE, TestServer};

use super::{Fixture, kernel};
use crate::program::{environment_at, field};

/// The number of attempts to download a file.
const ATTEMPTS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_unrecorded_tree_of_a_killed_run_is_reused() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    fixture.program.done(&fixture.arguments(&[]));
    fixture
        .program
        .database
        .client()
        .await
        .batch_execute("DELETE FROM kver_fetched")
        .await
        .unwrap();
    let reported = fixture
        .program
        .run(&["store", "verify", "--store", &fixture.store]);
    assert_eq!(reported.status, 1, "{reported:?}");
    assert!(
        reported.stdout.contains("the next sqern fetch records it"),
        "{reported:?}"
    );
    let requests = fixture.server.requests().len();
    let again = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(field(&again, "outcome"), ["found"]);
    assert_eq!(
        (
            fixture.fetched().await.as_str(),
            fixture.server.requests().len()
        ),
        ("6.1.0-1-amd64", requests)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_leaves_store_and_database_in_agreement() {
    let versions: Vec<String> = (1..=6).map(|number| format!("6.1.0-{number}")).collect();
    let fixture = Fixture::new(versions.iter().flat_map(|version| kernel(version))).await;
    fixture.server.delay(Duration::from_millis(20));
    let client = fixture.program.database.client().await;
    let mut interrupted = 0;
    for round in 0..30_u32 {
        let mut command = fixture
            .program
            .command(&fixture.arguments(&["--jobs", "3"]));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The step and the length are coprime, so the kills are spread over the whole run.
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 300)));
        interrupted += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        let stored = fixture
            .program
            .run(&["store", "verify", "--json", "--store", &fixture.store]);
        let stored: serde_json::Value = serde_json::from_str(&stored.stdout).unwrap();
        for problem in field(&stored, "problem")
            .iter()
            .filter(|problem| *problem != "null")
        {
            assert!(
                problem.contains("the next sqern fetch records it"),
                "each tree is complete, and each recorded kernel has a tree: {problem}"
            );
        }
        // Every third run continues after the killed one.
        if round % 3 != 0 {
            client
                .batch_execute("DELETE FROM kver_fetched")
                .await
                .unwrap();
            let _ = std::fs::remove_dir_all(&fixture.store);
        }
    }
    assert!(
        interrupted > 10,
        "{interrupted} of 30 runs were interrupted"
    );
    fixture.program.done(&fixture.arguments(&[]));
    assert_eq!(fixture.fetched().await.split(' ').count(), 6);
    fixture
        .program
        .done(&["store", "verify", "--store", &fixture.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_is_retried_and_cached() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    fixture.server.fail("common", ServerFault::Cut, 1);
    fixture.program.done(&fixture.arguments(&[]));
    fixture.program.done(&[
        "store",
        "prune",
        "--all",
        "--kernel",
        "6.1.0-1-amd64",
        "--store",
        &fixture.store,
    ]);
    assert_eq!(fixture.fetched().await, "");
    let requests = fixture.server.requests().len();
    fixture.program.done(&fixture.arguments(&[]));
    assert_eq!(
        fixture.server.requests().len(),
        requests,
        "the packages are in the cache"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_package_is_downloaded_once() {
    let common = "linux-headers-6.1.0-1-common";
    let flavors = ["6.1.0-1-amd64", "6.1.0-1-rt-amd64", "6.1.0-1-cloud-amd64"].map(|flavor| {
        let headers = Headers::new(flavor).debian(common);
        deb(&format!("linux-headers-{flavor}"))
            .version("6.1.1")
            .depends(common)
            .payload(&headers)
    });
    let shared = deb(common)
        .version("6.1.1")
        .architecture("all")
        .payload(&Headers::debian_common(common));
    let fixture = Fixture::new(flavors.into_iter().chain([shared])).await;
    fixture.server.delay(Duration::from_millis(100));
    let first = fixture.arguments(&["--kernel", "6.1.0-1-amd64"]);
    let others = fixture.arguments(&[
        "--kernel",
        "6.1.0-1-rt-amd64",
        "--kernel",
        "6.1.0-1-cloud-amd64",
        "--jobs",
        "2",
    ]);
    let mut running = [first, others].map(|args| {
        fixture
            .program
            .command(&args)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    });
    assert!(
        running
            .iter_mut()
            .all(|child| child.wait().unwrap().success()),
        "concurrent runs succeed"
    );
    assert_eq!(
        fixture.fetched().await,
        "6.1.0-1-amd64 6.1.0-1-cloud-amd64 6.1.0-1-rt-amd64"
    );
    assert_eq!(fixture.server.count("-common_"), 1);
    fixture
        .program
        .done(&["store", "verify", "--store", &fixture.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_download_is_resumed() {
    let [flavor, common] = kernel("6.1.0-1");
    // Incompressible bytes, so that the file is large.
    let mut number = 1_u32;
    let mut noise = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..3_000_000).map(|_| noise()).collect();
    let common = common.payload(
        &Headers::debian_common("linux-headers-6.1.0-1-common").file("usr/src/noise", noise),
    );
    let fixture = Fixture::new([flavor, common]).await;
    let size = std::fs::metadata(
        fixture
            .archive
            .join("pool/main/l/linux/linux-headers-6.1.0-1-common_6.1.1_all.deb"),
    )
    .unwrap()
    .len();
    // The server cuts each attempt of one run, which fails with a partial download.
    fixture.server.fail("-common_", ServerFault::Cut, ATTEMPTS);
    let failed = fixture.program.run(&fixture.arguments(&[]));
    assert_eq!(failed.status, 1, "{failed:?}");
    let before = fixture.server.body_bytes();
    fixture.program.done(&fixture.arguments(&[]));
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64");
    assert!(
        fixture.server.body_bytes() - before < size,
        "{} of {size}",
        fixture.server.body_bytes() - before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_records_nothing_and_the_next_run_succeeds() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    // A limit of the file size makes writes fail like a full disk.
    let whole = fixture.program.command(&fixture.arguments(&[]));
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
        .arg(whole.get_program())
        .args(whole.get_args());
    environment_at(&mut limited, fixture.program.home.path());
    let output = limited.output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{reported}");
    assert!(
        reported.contains("6.1.0-1-amd64 failed: could not download "),
        "{reported}"
    );
    assert!(
        reported.contains("could not write the received data: File too large"),
        "{reported}"
    );
    assert_eq!(fixture.fetched().await, "");
    assert!(!fixture.tree("6.1.0-1-amd64").exists());
    fixture.program.done(&fixture.arguments(&[]));
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64");
    fixture
        .program
        .done(&["store", "verify", "--store", &fixture.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_records_a_tree_that_could_not_be_recorded() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let other = TestServer::shared().await.connect(DATABASE).await;
    fixture.server.delay(Duration::from_millis(300));
    let mut child = fixture
        .program
        .command(&fixture.arguments(&[]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while fixture.server.count(".deb") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(
            child.try_wait().unwrap().is_none(),
            "the program exited before it requested a package"
        );
    }
    let name = fixture.program.database.name();
    let accept = |accepts: bool| format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {accepts}");
    other.batch_execute(&accept(false)).await.unwrap();
    let output = child.wait_with_output().unwrap();
    other.batch_execute(&accept(true)).await.unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{reported}");
    assert!(fixture.tree("6.1.0-1-amd64").exists(), "{reported}");
    assert_eq!(fixture.fetched().await, "");
    let again = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(field(&again, "outcome"), ["found"]);
    assert_eq!(fixture.fetched().await, "6.1.0-1-amd64");
}
