//! A follower receives each committed generation exactly once.

mod crash;

use std::collections::BTreeMap;

use futures_util::FutureExt;
use sqern_db::DbError;
use sqern_db::follow::{self, Cluster, DeliveredGeneration, FollowedEvent, Position};
use sqern_testkit::{DATABASE, TestServer};
use tokio_postgres::Client;

use crate::support::{bare, migrated, rows, run, value};

/// A delivered generation: its id, the ids of its events, and the position after it.
pub type Delivered = (i64, Vec<i64>, Position);

/// A follower with one connection.
pub struct Follower {
    pub client: Client,
    pub position: Position,
    pub tables: Vec<String>,
}

impl Follower {
    /// Creates a follower at the end of the journal.
    pub async fn new(client: Client) -> Self {
        let position = follow::journal_end(&client, None).await.unwrap().position();
        Self {
            client,
            position,
            tables: vec![],
        }
    }

    /// Returns the generations since the last poll. Parses the printed position, as a restarted
    /// follower does.
    pub async fn poll(&mut self) -> Vec<Delivered> {
        let position: Position = self.position.to_string().parse().unwrap();
        let mut batch = follow::poll(&self.client, &position, &self.tables)
            .await
            .unwrap();
        let mut delivered = vec![];
        while let Some(waiting) = batch.take_next() {
            let mut events = vec![];
            let add = |_, event: FollowedEvent| {
                events.push(event.id);
                Ok::<(), DbError>(())
            };
            follow::events(&self.client, &[waiting.generation], &self.tables, add)
                .await
                .unwrap();
            assert_eq!(i64::try_from(events.len()), Ok(waiting.events));
            delivered.push((waiting.generation, events, batch.position()));
        }
        self.position = batch.position();
        delivered
    }

    /// Returns only the ids of the generations since the last poll.
    pub async fn generations(&mut self) -> Vec<i64> {
        self.poll()
            .await
            .into_iter()
            .map(|(generation, ..)| generation)
            .collect()
    }
}

/// Returns all recorded generations with their events.
async fn journal(client: &Client) -> BTreeMap<i64, Vec<i64>> {
    let sql = "SELECT g.id, array_remove(array_agg(e.id ORDER BY e.id), NULL) FROM generation g LEFT JOIN event e ON e.generation = g.id GROUP BY g.id";
    client
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

#[tokio::test]
async fn a_generation_with_a_lower_id_that_commits_later_is_delivered() {
    let database = migrated().await;
    let (early, late) = (database.client().await, database.client().await);
    let mut follower = Follower::new(database.client().await).await;
    run(&early, "BEGIN; INSERT INTO distro VALUES ('a', 'A')").await;
    run(&late, "INSERT INTO distro VALUES ('b', 'B')").await;
    assert_eq!(follower.generations().await, [2]);
    assert_eq!(follower.generations().await, [0; 0]);
    run(&early, "COMMIT").await;
    assert_eq!(follower.generations().await, [1]);
    assert_eq!(follower.generations().await, [0; 0]);
}

#[tokio::test]
async fn generations_that_changed_the_same_row_are_delivered_in_commit_order() {
    let database = migrated().await;
    let (one, other) = (database.client().await, database.client().await);
    run(&one, "INSERT INTO distro VALUES ('a', 'A')").await;
    let mut follower = Follower::new(database.client().await).await;
    run(&one, "BEGIN; INSERT INTO distro VALUES ('b', 'B')").await;
    run(&other, "UPDATE distro SET variant = 'A2' WHERE name = 'a'").await;
    run(
        &one,
        "UPDATE distro SET variant = 'A3' WHERE name = 'a'; COMMIT",
    )
    .await;
    assert_eq!(follower.generations().await, [3, 2]);
}

#[tokio::test]
async fn rolled_back_changes_are_not_delivered_but_empty_generations_are() {
    let database = migrated().await;
    let client = database.client().await;
    let mut follower = Follower::new(database.client().await).await;
    run(
        &client,
        "BEGIN; INSERT INTO distro VALUES ('a', 'A'); ROLLBACK",
    )
    .await;
    assert_eq!(follower.poll().await.len(), 0);
    run(
        &client,
        "BEGIN; SAVEPOINT s; INSERT INTO distro VALUES ('a', 'A'); ROLLBACK TO s; COMMIT",
    )
    .await;
    assert_eq!(follower.poll().await.len(), 0);
    run(
        &client,
        "BEGIN; INSERT INTO distro VALUES ('a', 'A'); SAVEPOINT s; INSERT INTO distro VALUES ('b', 'B'); ROLLBACK TO s;
         SAVEPOINT t; INSERT INTO distro VALUES ('c', 'C'); RELEASE t; COMMIT",
    )
    .await;
    run(
        &client,
        "BEGIN; SELECT generation_start('nothing'); SELECT generation_drop_empty_current(); COMMIT",
    )
    .await;
    run(&client, "SELECT generation_start('empty')").await;
    let delivered = follower.poll().await;
    let counts: Vec<usize> = delivered
        .iter()
        .map(|(_, events, _)| events.len())
        .collect();
    assert_eq!(counts, [2, 0], "in the order of the commits");
    assert_eq!(delivered.len(), journal(&client).await.len());
}

#[tokio::test]
async fn only_events_of_the_selected_tables_count() {
    let database = migrated().await;
    let client = database.client().await;
    let mut follower = Follower::new(database.client().await).await;
    follower.tables = vec!["kver".into(), "kver_seen".into()];
    run(&client, "INSERT INTO distro VALUES ('a', 'A')").await;
    run(&client, "BEGIN; INSERT INTO distro VALUES ('b', 'B'); INSERT INTO kver VALUES ('a', '1'), ('a', '2'); COMMIT").await;
    let counts: Vec<_> = follower
        .poll()
        .await
        .into_iter()
        .map(|(id, events, _)| (id, events.len()))
        .collect();
    assert_eq!(counts, [(1, 0), (2, 2)]);
    let message = follow::require_tables(&client, &["kver".into(), "kver_sen".into()])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(message, "table \"kver_sen\" does not exist");
}

#[tokio::test]
async fn each_position_of_a_batch_is_followed_by_exactly_the_remaining_ones() {
    let database = migrated().await;
    let client = database.client().await;
    let mut follower = Follower::new(database.client().await).await;
    let open: Vec<Client> = vec![
        database.client().await,
        database.client().await,
        database.client().await,
    ];
    for (number, transaction) in open.iter().enumerate() {
        run(
            transaction,
            &format!("BEGIN; INSERT INTO distro VALUES ('open{number}', 'O')"),
        )
        .await;
        run(&client, &format!("INSERT INTO distro VALUES ('a{number}', 'A'); INSERT INTO distro VALUES ('b{number}', 'B')"))
            .await;
    }
    run(&open[1], "INSERT INTO distro VALUES ('last', 'L'); COMMIT").await;
    let all = follower.poll().await;
    assert_eq!(
        all.len(),
        4,
        "statements of one query string are one transaction"
    );
    run(&open[0], "COMMIT").await;
    run(&open[2], "ROLLBACK").await;
    let later = follower.generations().await;
    assert_eq!(later.len(), 1);
    for (index, (.., position)) in all.iter().enumerate() {
        follower.position = position.clone();
        let mut rest: Vec<i64> = all[index + 1..]
            .iter()
            .map(|(id, ..)| *id)
            .chain(later.iter().copied())
            .collect();
        let mut received = follower.generations().await;
        rest.sort_unstable();
        received.sort_unstable();
        assert_eq!(received, rest, "from {position}");
    }
}

/// Runs transactions of different durations with savepoints. Every tenth one is rolled back.
async fn write(client: Client, writer: u32, transactions: u32) {
    for number in 0..transactions {
        let name = format!("w{writer}n{number}");
        run(
            &client,
            &format!("BEGIN; INSERT INTO distro VALUES ('{name}', 'W')"),
        )
        .await;
        if number % 3 == writer % 3 {
            tokio::time::sleep(std::time::Duration::from_millis(u64::from(
                1 + (number * 7 + writer * 3) % 9,
            )))
            .await;
        }
        run(
            &client,
            &format!("SAVEPOINT s; INSERT INTO kver VALUES ('{name}', '1'); ROLLBACK TO s"),
        )
        .await;
        run(
            &client,
            &format!("INSERT INTO kver VALUES ('{name}', '2'), ('{name}', '3')"),
        )
        .await;
        run(
            &client,
            if (number + writer).is_multiple_of(10) {
                "ROLLBACK"
            } else {
                "COMMIT"
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_concurrent_writers_each_generation_is_delivered_exactly_once() {
    let database = migrated().await;
    let other_database = bare().await;
    let long = other_database.client().await;
    run(&long, "BEGIN; SELECT pg_current_xact_id()").await;
    let mut follower = Follower::new(database.client().await).await;
    let mut writers = vec![];
    for writer in 0..6 {
        writers.push(tokio::spawn(write(database.client().await, writer, 100)));
    }
    let mut delivered = vec![];
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        delivered.extend(follower.poll().await);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    delivered.extend(follower.poll().await);
    run(&long, "COMMIT").await;
    assert_eq!(follower.poll().await.len(), 0);

    let journal = journal(&follower.client).await;
    assert_eq!(journal.len(), 540);
    assert_eq!(delivered.len(), journal.len(), "each once");
    assert_eq!(
        delivered
            .iter()
            .map(|(id, events, _)| (*id, events.clone()))
            .collect::<BTreeMap<_, _>>(),
        journal
    );
    assert!(
        delivered
            .iter()
            .any(|(.., position)| !position.snapshot.open().is_empty()),
        "some transactions were open"
    );
    for (.., position) in &delivered {
        let text = position.snapshot.to_string();
        assert_eq!(
            value(&follower.client, &format!("SELECT '{text}'::pg_snapshot")).await,
            text
        );
    }
}

#[tokio::test]
async fn a_reader_can_follow_and_is_notified_of_each_generation() {
    let database = migrated().await;
    let client = database.client().await;
    let reader = database.client().await;
    run(&reader, "SET SESSION AUTHORIZATION sqern_reader").await;
    assert!(follow::listen(&reader).await.unwrap());
    let mut follower = Follower::new(reader).await;
    run(&client, "INSERT INTO distro VALUES ('a', 'A')").await;
    let delivered = follower.poll().await;
    assert_eq!(delivered.len(), 1);
    assert_eq!(
        rows(&client, "SELECT username, ipaddr FROM generation")
            .await
            .len(),
        1
    );
    let heads = follow::headers(&follower.client, &[delivered[0].0])
        .await
        .unwrap();
    assert_eq!((heads[0].id, heads[0].ipaddr), (delivered[0].0, None));
}

#[tokio::test]
async fn positions_of_other_databases_or_of_the_future_are_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('a', 'A')").await;
    let here = follow::journal_end(&client, None).await.unwrap();
    let end = here.position();
    assert_eq!(here.check(&end), Ok(()));
    assert_eq!(here.check(&Position::start(here.cluster)), Ok(()));
    assert!(!here.standby && !here.lags_behind(&end));

    let (system, oid) = (here.cluster.system_identifier, here.cluster.database);
    let other = follow::journal_end(&migrated().await.client().await, None)
        .await
        .unwrap();
    let message = here.check(&other.position()).unwrap_err().to_string();
    let other_oid = other.cluster.database;
    assert_eq!(
        message,
        format!(
            "position belongs to database OID {other_oid} (system identifier {system}), not to database OID {oid} (system identifier {system})"
        )
    );
    let foreign = Position::start(Cluster {
        system_identifier: 1,
        ..here.cluster
    });
    let message = here.check(&foreign).unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "position belongs to database OID {oid} (system identifier 1), not to database OID {oid} (system identifier {system})"
        )
    );
    let ahead: Position = format!("{system}/{oid}/1000000000:1000000000:/0")
        .parse()
        .unwrap();
    let message = here.check(&ahead).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "position contains transaction ID 1000000000, but the next transaction ID is "
        ),
        "{message}"
    );
    assert!(
        message.ends_with(": the database was restored to an earlier state"),
        "{message}"
    );
    let mut lost = end.clone();
    lost.last = Some(DeliveredGeneration {
        id: 1,
        microseconds: 0,
    });
    let here = follow::journal_end(&client, Some(&lost)).await.unwrap();
    let message = here.check(&lost).unwrap_err().to_string();
    assert!(
        message.starts_with("position follows generation 1, which the database does not contain"),
        "{message}"
    );
    let here = follow::journal_end(&client, Some(&end)).await.unwrap();
    assert_eq!(here.check(&end), Ok(()));
}

/// Their transaction IDs can be higher than those of this server.
#[tokio::test]
async fn generations_of_another_server_are_delivered_first() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "INSERT INTO distro VALUES ('a', 'A')").await;
    run(&client, "INSERT INTO distro VALUES ('b', 'B')").await;
    run(
        &client,
        "UPDATE generation_epoch SET system_identifier = 1; UPDATE generation SET xact = '9000000000' WHERE id = 1",
    )
    .await;
    let cluster = follow::journal_end(&client, None).await.unwrap().cluster;
    let mut follower = Follower::new(database.client().await).await;
    let end = follower.position.clone();
    follower.position = Position::start(cluster);
    run(&client, "INSERT INTO distro VALUES ('c', 'C')").await;
    let all = follower.poll().await;
    assert_eq!(
        all.iter().map(|(id, ..)| *id).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(follower.generations().await, [0; 0]);
    follower.position = all[0].2.clone();
    assert_eq!(follower.generations().await, [2, 3]);
    follower.position = end;
    assert_eq!(follower.generations().await, [3]);
}

#[tokio::test]
async fn only_a_waiting_follower_is_notified() {
    let database = migrated().await;
    let client = database.client().await;
    let request = pg_connect::ConnectRequest::dsn(database.dsn());
    let mut reader = pg_connect::connect(&request, &pg_connect::ConnectEnv::default())
        .await
        .unwrap();
    assert!(follow::listen(&reader.client).await.unwrap());
    let notified = async |reader: &mut pg_connect::Session| -> bool {
        run(
            &client,
            "INSERT INTO distro VALUES ('a' || random()::text, 'A')",
        )
        .await;
        // The server sends the notifications of earlier commits before the result of a query.
        run(&reader.client, "SELECT 1").await;
        matches!(reader.next_notification().now_or_never(), Some(Some(_)))
    };
    assert!(!notified(&mut reader).await);
    assert!(follow::start_waiting(&reader.client).await.unwrap());
    assert!(notified(&mut reader).await);
    follow::stop_waiting(&reader.client).await.unwrap();
    assert!(!notified(&mut reader).await);
}

/// PostgreSQL rejects the preparation of a transaction with a notification.
#[tokio::test]
async fn a_transaction_can_be_prepared_while_a_follower_waits() {
    let server = TestServer::with_settings(&[("max_prepared_transactions", "2")]).await;
    let mut client = server.connect(DATABASE).await;
    sqern_db::migrate::migrate(&mut client, None, false)
        .await
        .unwrap();
    let mut follower = Follower::new(server.connect(DATABASE).await).await;
    assert!(!follow::listen(&follower.client).await.unwrap());
    assert!(follow::start_waiting(&follower.client).await.unwrap());
    run(
        &client,
        "BEGIN; INSERT INTO distro VALUES ('a', 'A'); PREPARE TRANSACTION 'p'",
    )
    .await;
    assert_eq!(follower.generations().await, [0; 0]);
    run(&client, "COMMIT PREPARED 'p'").await;
    assert_eq!(follower.generations().await, [1]);
}
