//! Goal 7: a follower receives each generation exactly once, within a limit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::FutureExt;
use pg_connect::{ConnectEnv, ConnectRequest};
use sqern_db::DbError;
use sqern_db::follow::{self, Position};
use tokio::task::JoinSet;

use crate::report::{Table, count, milliseconds};
use crate::server::{BenchServer, MAINTENANCE_OFF, Session};

/// Concurrent writers.
const WRITERS: i64 = 6;
/// One of this number of transactions is rolled back.
const ROLLED_BACK: i64 = 10;
/// Time between the response to COMMIT at the writer and the event at the follower, in seconds.
const LAG_SECONDS: f64 = 0.1;
/// Maximum time between polls without a notification.
const IDLE: Duration = Duration::from_millis(20);
/// The pause after a notification.
const PAUSE: Duration = Duration::from_millis(20);

/// The generations of a writer: the times of the responses to COMMIT, and the rolled back ones.
#[derive(Debug, Default)]
struct Written {
    committed: HashMap<i64, Instant>,
    rolled_back: HashSet<i64>,
}

/// The generations that the follower received, with the times of each delivery.
#[derive(Debug, Default)]
struct Followed {
    seen: HashMap<i64, Vec<Instant>>,
    /// Number of events that a query for `id > last` returns at the same times.
    naive: i64,
}

/// Measures goal 7.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    for database in ["followed", "other"] {
        server.make(database).await?;
    }
    server.sql("followed", MAINTENANCE_OFF).await?;
    // This open transaction holds back the xmin of all snapshots.
    let other = server.session("other").await?;
    other.run("BEGIN; SELECT pg_current_xact_id()").await?;

    let done = Arc::new(AtomicBool::new(false));
    let session = pg_connect::connect(
        &ConnectRequest::dsn(server.dsn("followed")),
        &ConnectEnv::default(),
    )
    .await?;
    ensure!(
        follow::listen(&session.client).await?,
        "the server does not support LISTEN"
    );
    let start = follow::journal_end(&session.client, None).await?.position();
    let follower = tokio::spawn(follow_on(session, start, done.clone()));

    let until = Instant::now() + Duration::from_secs_f64(server.size.writing_seconds);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(server.session("followed").await?, writer, until));
    }
    let mut written = Written::default();
    while let Some(result) = writers.join_next().await {
        let of_writer = result??;
        written.committed.extend(of_writer.committed);
        written.rolled_back.extend(of_writer.rolled_back);
    }
    done.store(true, Ordering::SeqCst);
    let seen = follower.await??;
    other.run("ROLLBACK").await?;
    report(server, table, &written, &seen);
    Ok(())
}

/// Follows like `sqern event follow` until a poll after the end of the writers.
async fn follow_on(
    mut session: pg_connect::Session,
    start: Position,
    done: Arc<AtomicBool>,
) -> Result<Followed> {
    let (mut position, mut followed, mut last) = (start, Followed::default(), 0_i64);
    let (mut is_waiting, mut was_notified) = (false, false);
    loop {
        // Read before the poll, so that the last poll finds all committed generations.
        let was_done = done.load(Ordering::SeqCst);
        while let Some(Some(_)) = session.next_notification().now_or_never() {}
        let mut batch = follow::poll(&session.client, &position, &[]).await?;
        let generations: Vec<i64> = batch
            .waiting()
            .iter()
            .map(|waiting| waiting.generation)
            .collect();
        let mut events = vec![];
        let add = |generation, _| {
            events.push(generation);
            Ok::<(), DbError>(())
        };
        follow::events(&session.client, &generations, &[], add).await?;
        let now = Instant::now();
        for generation in events {
            followed.seen.entry(generation).or_default().push(now);
        }
        while batch.take_next().is_some() {}
        position = batch.position();
        let naive = "SELECT count(*), coalesce(max(id), $1) FROM event WHERE id > $1";
        let row = session.client.query_one(naive, &[&last]).await?;
        (followed.naive, last) = (followed.naive + row.get::<_, i64>(0), row.get(1));
        if was_done {
            return Ok(followed);
        }
        if !is_waiting {
            if was_notified {
                tokio::time::sleep(PAUSE).await;
            }
            is_waiting = follow::start_waiting(&session.client).await?;
            continue;
        }
        if tokio::time::timeout(IDLE, session.next_notification())
            .await
            .is_ok()
        {
            follow::stop_waiting(&session.client).await?;
            (is_waiting, was_notified) = (false, true);
        }
    }
}

/// Inserts one row per transaction until `until`.
async fn write(session: Session, writer: i64, until: Instant) -> Result<Written> {
    let insert = session
        .client
        .prepare("INSERT INTO kver (distro, version) VALUES ('debian12', $1)")
        .await?;
    let own = session
        .client
        .prepare("SELECT generation_id_if_assigned()")
        .await?;
    let mut written = Written::default();
    for number in 0_i64.. {
        if Instant::now() >= until {
            break;
        }
        session.client.batch_execute("BEGIN").await?;
        session
            .client
            .execute(&insert, &[&format!("{writer}.{number}")])
            .await?;
        let generation: i64 = session.client.query_one(&own, &[]).await?.get(0);
        if number % ROLLED_BACK == writer {
            session.client.batch_execute("ROLLBACK").await?;
            written.rolled_back.insert(generation);
        } else {
            session.client.batch_execute("COMMIT").await?;
            written.committed.insert(generation, Instant::now());
        }
    }
    Ok(written)
}

fn report(server: &BenchServer, table: &mut Table, written: &Written, followed: &Followed) {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let committed = number(written.committed.len());
    let missed = written
        .committed
        .keys()
        .filter(|generation| !followed.seen.contains_key(generation))
        .count();
    let twice = followed
        .seen
        .values()
        .filter(|times| times.len() > 1)
        .count();
    let wrong = followed
        .seen
        .keys()
        .filter(|generation| !written.committed.contains_key(generation))
        .count();
    let measurement = format!(
        "{WRITERS} writers, {:.0} s, {} transactions committed, {} rolled back",
        server.size.writing_seconds,
        count(committed),
        count(number(written.rolled_back.len()))
    );
    table.exactly(
        7,
        &format!("{measurement}: not delivered"),
        number(missed),
        0,
    );
    table.exactly(7, "delivered twice", number(twice), 0);
    table.exactly(7, "delivered without a commit", number(wrong), 0);
    table.report(
        7,
        "events missed by a query for id > last",
        &count(committed - followed.naive),
    );
    let mut lags: Vec<f64> = written
        .committed
        .iter()
        .filter_map(|(generation, committed)| {
            Some(
                followed
                    .seen
                    .get(generation)?
                    .first()?
                    .saturating_duration_since(*committed),
            )
        })
        .map(|lag| lag.as_secs_f64())
        .collect();
    lags.sort_by(f64::total_cmp);
    let percentile = |percent: usize| {
        lags.get((lags.len() * percent / 100).min(lags.len().saturating_sub(1)))
            .copied()
    };
    let [half, most, all] = [50, 99, 100].map(|percent| percentile(percent).unwrap_or(f64::NAN));
    let measured = format!(
        "{} (median {}, maximum {})",
        milliseconds(most),
        milliseconds(half),
        milliseconds(all)
    );
    table.check(
        7,
        "lag from the response to COMMIT to the event at the follower, p99",
        &measured,
        "≤ 100 ms",
        most <= LAG_SECONDS,
    );
}
