//! Goal 4: statements and transactions of one row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::measure::{Spread, median};
use crate::report::{Table, count};
use crate::subject::{Change, KVER, SUBJECTS};
use crate::world::{Session, World};

/// One-row statements, with the journal / without.
const STATEMENT: f64 = 4.0;
/// Rate of one-row transactions, with the journal / without.
const RATE: f64 = 0.5;
/// How many clients commit at once.
const CLIENTS: usize = 4;

/// Goal 4.
pub async fn goal(world: &World, table: &mut Table) -> Result<()> {
    world.make_twins().await?;
    looped(world, table).await?;
    prepared(world, table).await?;
    transactions(world, table).await
}

/// A loop on the server, in one transaction.
async fn looped(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    let sides = [world.session("journalled").await?, world.session("plain").await?];
    for subject in &SUBJECTS[..extent.tables] {
        let first = subject.first(extent.base);
        let mut changes: [Vec<[f64; 2]>; 3] = Default::default();
        for round in 0..=extent.rounds {
            world.settle(&["journalled", "plain"]).await?;
            for (change, pairs) in Change::ALL.into_iter().zip(&mut changes) {
                let function = format!("{}_{}_row_by_row", subject.table, change.action());
                let mut pair = [0.0; 2];
                for turn in 0..2 {
                    let side = (turn + round) % 2;
                    pair[side] = sides[side].cost(&function, first, first + extent.looped - 1, extent.looped).await?.seconds;
                }
                if round > 0 {
                    pairs.push(pair);
                }
            }
        }
        for (change, pairs) in Change::ALL.into_iter().zip(changes) {
            let what = format!("{} {} of one row, in a loop on the server", subject.table, subject.word(change));
            tell(table, &what, &pairs, extent.looped);
        }
    }
    Ok(())
}

/// Times of both sides, in seconds for `rows` rows.
fn tell(table: &mut Table, what: &str, pairs: &[[f64; 2]], rows: i64) {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let microseconds = |side: usize| median(pairs.iter().map(|pair| pair[side])) * 1e6 / rows as f64;
    let what = format!("{what}, journalled / not ({:.0} µs / {:.0} µs)", microseconds(0), microseconds(1));
    table.at_most(4, &what, Spread::of(pairs.iter().map(|[journalled, plain]| journalled / plain)), STATEMENT);
}

/// Prepared statements, one after the other from a client, in one transaction.
async fn prepared(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    let sides = [world.session("journalled").await?, world.session("plain").await?];
    let first = KVER.first(extent.base);
    let statements = [
        "INSERT INTO kver (distro, version) VALUES ('debian12', $1)",
        "UPDATE kver SET archived = NOT archived WHERE distro = 'debian12' AND version = $1",
        "DELETE FROM kver WHERE distro = 'debian12' AND version = $1",
    ];
    let mut changes: [Vec<[f64; 2]>; 3] = Default::default();
    for round in 0..=extent.rounds {
        world.settle(&["journalled", "plain"]).await?;
        for (statement, pairs) in statements.into_iter().zip(&mut changes) {
            let mut pair = [0.0; 2];
            for turn in 0..2 {
                let side = (turn + round) % 2;
                pair[side] = one_by_one(&sides[side], statement, first, extent.looped).await?;
            }
            if round > 0 {
                pairs.push(pair);
            }
        }
    }
    for (change, pairs) in Change::ALL.into_iter().zip(changes) {
        let what = format!("kver {} of one row, prepared statements of a client", change.action());
        tell(table, &what, &pairs, extent.looped);
    }
    Ok(())
}

/// The time of the statements by the client's clock, in seconds, without the commit.
async fn one_by_one(session: &Session, sql: &str, first: i64, rows: i64) -> Result<f64> {
    let statement = session.client.prepare(sql).await?;
    session.run("BEGIN").await?;
    let started = Instant::now();
    for n in first..first + rows {
        let touched = session.client.execute(&statement, &[&version(n)]).await?;
        ensure!(touched == 1, "expected {sql:?} to touch one row, got {touched}");
    }
    let seconds = started.elapsed().as_secs_f64();
    session.run("COMMIT").await?;
    Ok(seconds)
}

/// The version in row `n` of `bench.source`.
fn version(n: i64) -> String {
    format!("6.1.0-{n:07}-cloud-amd64")
}

/// Several clients that each commit one row after the other.
async fn transactions(world: &World, table: &mut Table) -> Result<()> {
    let names = ["journalled", "plain", "silent"];
    let mut rates: Vec<[f64; 3]> = Vec::new();
    for round in 0..=world.extent.rounds {
        let mut three = [0.0; 3];
        for turn in 0..3 {
            let side = (turn + round) % 3;
            world.settle(&names).await?;
            three[side] = rate(world, names[side]).await?;
        }
        if round > 0 {
            rates.push(three);
        }
    }
    let [journalled, plain, silent] = [0, 1, 2].map(|side| median(rates.iter().map(|three| three[side])));
    let ratio = |above: usize, below: usize| Spread::of(rates.iter().map(move |three| three[above] / three[below]));
    let name = format!("kver insert of one row a transaction, {CLIENTS} clients, rate");
    let what = format!("{name}, journalled / not ({journalled:.0} / {plain:.0} a second)");
    table.at_least(4, &what, ratio(0, 1), RATE);
    table.told_ratio(4, &format!("{name}, journalled without NOTIFY / not journalled ({silent:.0} a second)"), ratio(2, 1));
    table.told_ratio(4, &format!("{name}, journalled / the same without NOTIFY"), ratio(0, 2));
    Ok(())
}

/// Commits a second of all clients together.
async fn rate(world: &World, database: &str) -> Result<f64> {
    let first = KVER.first(world.extent.base);
    let next = Arc::new(AtomicI64::new(first));
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        let session = world.session(database).await?;
        let statement = session.client.prepare("INSERT INTO kver (distro, version) VALUES ('debian12', $1)").await?;
        sessions.push((session, statement));
    }
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(world.extent.commit_seconds);
    let mut clients = JoinSet::new();
    for (session, statement) in sessions {
        let next = next.clone();
        clients.spawn(async move {
            while Instant::now() < until {
                let n = next.fetch_add(1, Ordering::Relaxed);
                session.client.execute(&statement, &[&version(n)]).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let rows = next.load(Ordering::Relaxed) - first;
    let session = world.session(database).await?;
    let events = session.number("SELECT count(*) FROM event WHERE generation > 0").await?;
    let expected = if database == "plain" { 0 } else { rows };
    ensure!(events == expected, "{database}: expected {expected} events of {} transactions, got {events}", count(rows));
    session.run(&format!("DELETE FROM kver WHERE version >= '{}'", version(first))).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    Ok(rows as f64 / seconds)
}
