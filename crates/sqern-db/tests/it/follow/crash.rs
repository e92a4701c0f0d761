//! A follower and a crash of the server.

use sqern_testkit::DATABASE;
use sqern_testkit::{TestServer, clean_command};

use super::Follower;
use crate::support::{run, value};

/// A rollback is not flushed to disk. After a crash, the server therefore assigns the same
/// transaction ID again.
#[tokio::test]
async fn a_transaction_id_that_is_reused_after_a_crash_is_delivered() {
    let server = TestServer::with_settings(&[("wal_writer_delay", "10s")]).await;
    let mut client = server.connect(DATABASE).await;
    sqern_db::migrate::migrate(&mut client, None, false)
        .await
        .unwrap();
    let mut follower = Follower::new(server.connect(DATABASE).await).await;
    run(&client, "INSERT INTO distro VALUES ('a', 'A')").await;
    assert_eq!(follower.generations().await.len(), 1);
    // The server flushes a rollback early if its WAL crosses a page boundary. It does not at the
    // start of a segment.
    run(&client, "SELECT pg_switch_wal()").await;
    run(&client, "BEGIN; INSERT INTO distro VALUES ('b', 'B')").await;
    let rolled_back = value(&client, "SELECT pg_current_xact_id()").await;
    run(&client, "ROLLBACK").await;
    assert_eq!(follower.generations().await.len(), 0);

    let local = server.server().clone();
    let pid_file = std::fs::read_to_string(local.dir().join("data/postmaster.pid")).unwrap();
    let pid = pid_file.lines().next().unwrap().to_owned();
    tokio::task::spawn_blocking(move || {
        assert!(
            clean_command("sh")
                .args(["-c", &format!("kill -QUIT {pid}")])
                .status()
                .unwrap()
                .success()
        );
        while local.dir().join("data/postmaster.pid").exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        local.up().unwrap();
    })
    .await
    .unwrap();

    follower.client = server.connect(DATABASE).await;
    let client = server.connect(DATABASE).await;
    run(&client, "BEGIN; INSERT INTO distro VALUES ('c', 'C')").await;
    assert_eq!(
        value(&client, "SELECT pg_current_xact_id()").await,
        rolled_back,
        "the ID must be reused for this test"
    );
    run(&client, "COMMIT").await;
    assert_eq!(follower.generations().await.len(), 1);
}
