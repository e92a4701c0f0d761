//! What is cut off, killed, or at work twice: store and database agree each time.

use std::process::{Command, Stdio};
use std::time::Duration;

use sqern_testkit::package::Headers;
use sqern_testkit::repo::{ServerFault, deb};

use super::{World, kernel};
use crate::program::{environment_at, field};

/// How often a run tries to receive a file.
const TRIES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_unrecorded_tree_of_a_killed_run_is_reused() {
    let world = World::new(kernel("6.1.0-1")).await;
    world.program.done(&world.words(&[]));
    world.program.database.client().await.batch_execute("DELETE FROM kver_fetched").await.unwrap();
    let told = world.program.run(&["store", "verify", "--store", &world.store]);
    assert_eq!(told.status, 1, "{told:?}");
    assert!(told.stdout.contains("the next sqern fetch records it"), "{told:?}");
    let asked = world.server.requests().len();
    let again = world.program.json(&world.words(&[]));
    assert_eq!(field(&again, "outcome"), ["found"]);
    assert_eq!((world.fetched().await.as_str(), world.server.requests().len()), ("6.1.0-1-amd64", asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_leaves_store_and_database_in_agreement() {
    let versions: Vec<String> = (1..=6).map(|number| format!("6.1.0-{number}")).collect();
    let world = World::new(versions.iter().flat_map(|version| kernel(version))).await;
    world.server.delay(Duration::from_millis(20));
    let client = world.program.database.client().await;
    let mut interrupted = 0;
    for round in 0..30_u32 {
        let mut command = world.program.command(&world.words(&["--jobs", "3"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the whole of a run, by a step that is prime to its length.
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 300)));
        interrupted += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        let stored = world.program.run(&["store", "verify", "--json", "--store", &world.store]);
        let stored: serde_json::Value = serde_json::from_str(&stored.stdout).unwrap();
        for problem in field(&stored, "problem").iter().filter(|problem| *problem != "null") {
            assert!(
                problem.contains("the next sqern fetch records it"),
                "a tree is whole, and none is recorded without: {problem}"
            );
        }
        // Every third run goes on from where the one before was killed.
        if round % 3 != 0 {
            client.batch_execute("DELETE FROM kver_fetched").await.unwrap();
            let _ = std::fs::remove_dir_all(&world.store);
        }
    }
    assert!(interrupted > 10, "{interrupted} of 30 runs were killed on their way");
    world.program.done(&world.words(&[]));
    assert_eq!(world.fetched().await.split(' ').count(), 6);
    world.program.done(&["store", "verify", "--store", &world.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_is_retried_and_cached() {
    let world = World::new(kernel("6.1.0-1")).await;
    world.server.fail("common", ServerFault::Cut, 1);
    world.program.done(&world.words(&[]));
    world.program.done(&["store", "prune", "--all", "--kernel", "6.1.0-1-amd64", "--store", &world.store]);
    assert_eq!(world.fetched().await, "");
    let asked = world.server.requests().len();
    world.program.done(&world.words(&[]));
    assert_eq!(world.server.requests().len(), asked, "the packages are in the cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_kernels_share_is_received_once_by_one_of_them() {
    let common = "linux-headers-6.1.0-1-common";
    let flavours = ["6.1.0-1-amd64", "6.1.0-1-rt-amd64", "6.1.0-1-cloud-amd64"].map(|flavour| {
        let headers = Headers::new(flavour).debian(common);
        deb(&format!("linux-headers-{flavour}")).version("6.1.1").depends(common).payload(&headers)
    });
    let shared = deb(common).version("6.1.1").architecture("all").payload(&Headers::debian_common(common));
    let world = World::new(flavours.into_iter().chain([shared])).await;
    world.server.delay(Duration::from_millis(100));
    let one = world.words(&["--kernel", "6.1.0-1-amd64"]);
    let others = world.words(&["--kernel", "6.1.0-1-rt-amd64", "--kernel", "6.1.0-1-cloud-amd64", "--jobs", "2"]);
    let mut running = [one, others].map(|words| world.program.command(&words).stdout(Stdio::null()).spawn().unwrap());
    assert!(running.iter_mut().all(|child| child.wait().unwrap().success()), "two runs at once don't disturb each other");
    assert_eq!(world.fetched().await, "6.1.0-1-amd64 6.1.0-1-cloud-amd64 6.1.0-1-rt-amd64");
    assert_eq!(world.server.count("-common_"), 1);
    world.program.done(&["store", "verify", "--store", &world.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_has_received_is_not_received_again() {
    let [flavour, common] = kernel("6.1.0-1");
    // Bytes that don't compress, so that the file is more than a few pieces.
    let mut number = 1_u32;
    let mut noise = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..3_000_000).map(|_| noise()).collect();
    let common = common.payload(&Headers::debian_common("linux-headers-6.1.0-1-common").file("usr/src/noise", noise));
    let world = World::new([flavour, common]).await;
    let size =
        std::fs::metadata(world.archive.join("pool/main/l/linux/linux-headers-6.1.0-1-common_6.1.1_all.deb")).unwrap().len();
    // It is cut off in the middle of each try of one run, which fails with a part of it at hand.
    world.server.fail("-common_", ServerFault::Cut, TRIES);
    let failed = world.program.run(&world.words(&[]));
    assert_eq!(failed.status, 1, "{failed:?}");
    let before = world.server.body_bytes();
    world.program.done(&world.words(&[]));
    assert_eq!(world.fetched().await, "6.1.0-1-amd64");
    assert!(world.server.body_bytes() - before < size, "{} of {size}", world.server.body_bytes() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_and_the_next_run_succeeds() {
    let world = World::new(kernel("6.1.0-1")).await;
    // No file of more than a block: what the shell allows is inherited, and a write beyond it fails as on a full disk.
    let whole = world.program.command(&world.words(&[]));
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(whole.get_program()).args(whole.get_args());
    environment_at(&mut limited, world.program.home.path());
    let output = limited.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("6.1.0-1-amd64 failed: could not download "), "{told}");
    assert!(told.contains("could not write the received data: File too large"), "{told}");
    assert_eq!(world.fetched().await, "");
    assert!(!world.tree("6.1.0-1-amd64").exists());
    world.program.done(&world.words(&[]));
    assert_eq!(world.fetched().await, "6.1.0-1-amd64");
    world.program.done(&["store", "verify", "--store", &world.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_costs_a_record_and_the_next_run_makes_it() {
    let world = World::new(kernel("6.1.0-1")).await;
    let client = world.program.database.client().await;
    world.server.delay(Duration::from_millis(300));
    let mut child = world.program.command(&world.words(&[])).stderr(Stdio::piped()).spawn().unwrap();
    while world.server.count(".deb") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(child.try_wait().unwrap().is_none(), "it ended before it asked for a package");
    }
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.batch_execute(others).await.unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(world.tree("6.1.0-1-amd64").exists(), "{told}");
    assert_eq!(world.fetched().await, "");
    let again = world.program.json(&world.words(&[]));
    assert_eq!(field(&again, "outcome"), ["found"]);
    assert_eq!(world.fetched().await, "6.1.0-1-amd64");
}
