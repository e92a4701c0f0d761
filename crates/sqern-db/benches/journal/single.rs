//! Goal 4: statements and transactions of one row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::measure::{Spread, median};
use crate::report::{Table, count};
use crate::server::{BenchServer, Session};
use crate::subject::{Change, KVER, SUBJECTS};

/// One-row statements, with a journal / without.
const STATEMENT: f64 = 4.0;
/// Rate of one-row transactions, with a journal / without.
const RATE: f64 = 0.5;
/// Concurrent clients.
const CLIENTS: usize = 4;

/// Measures goal 4.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    server.make_twins().await?;
    looped(server, table).await?;
    prepared(server, table).await?;
    transactions(server, table).await
}

/// Measures a loop on the server in one transaction.
async fn looped(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    let sides = [
        server.session("journaled").await?,
        server.session("plain").await?,
    ];
    for subject in &SUBJECTS[..bench_size.tables] {
        let first = subject.first(bench_size.base);
        let mut changes: [Vec<[f64; 2]>; 3] = Default::default();
        for round in 0..=bench_size.rounds {
            server.settle(&["journaled", "plain"]).await?;
            for (change, pairs) in Change::ALL.into_iter().zip(&mut changes) {
                let function = format!("{}_{}_row_by_row", subject.table, change.action());
                let mut pair = [0.0; 2];
                for order in 0..2 {
                    let side = (order + round) % 2;
                    pair[side] = sides[side]
                        .cost(
                            &function,
                            first,
                            first + bench_size.looped - 1,
                            bench_size.looped,
                        )
                        .await?
                        .seconds;
                }
                if round > 0 {
                    pairs.push(pair);
                }
            }
        }
        for (change, pairs) in Change::ALL.into_iter().zip(changes) {
            let measurement = format!(
                "{} {} of one row, in a loop on the server",
                subject.table,
                subject.label(change)
            );
            report_pairs(table, &measurement, &pairs, bench_size.looped);
        }
    }
    Ok(())
}

/// Reports the times of both databases. The pairs are seconds for `rows` rows.
fn report_pairs(table: &mut Table, measurement: &str, pairs: &[[f64; 2]], rows: i64) {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let microseconds =
        |side: usize| median(pairs.iter().map(|pair| pair[side])) * 1e6 / rows as f64;
    let measurement = format!(
        "{measurement}, with / without a journal ({:.0} µs / {:.0} µs)",
        microseconds(0),
        microseconds(1)
    );
    table.at_most(
        4,
        &measurement,
        Spread::of(pairs.iter().map(|[journaled, plain]| journaled / plain)),
        STATEMENT,
    );
}

/// Measures sequential prepared statements of a client in one transaction.
async fn prepared(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    let sides = [
        server.session("journaled").await?,
        server.session("plain").await?,
    ];
    let first = KVER.first(bench_size.base);
    let statements = [
        "INSERT INTO kver (distro, version) VALUES ('debian12', $1)",
        "UPDATE kver SET archived = NOT archived WHERE distro = 'debian12' AND version = $1",
        "DELETE FROM kver WHERE distro = 'debian12' AND version = $1",
    ];
    let mut changes: [Vec<[f64; 2]>; 3] = Default::default();
    for round in 0..=bench_size.rounds {
        server.settle(&["journaled", "plain"]).await?;
        for (statement, pairs) in statements.into_iter().zip(&mut changes) {
            let mut pair = [0.0; 2];
            for order in 0..2 {
                let side = (order + round) % 2;
                pair[side] = one_by_one(&sides[side], statement, first, bench_size.looped).await?;
            }
            if round > 0 {
                pairs.push(pair);
            }
        }
    }
    for (change, pairs) in Change::ALL.into_iter().zip(changes) {
        let measurement = format!(
            "kver {} of one row, prepared statements of a client",
            change.action()
        );
        report_pairs(table, &measurement, &pairs, bench_size.looped);
    }
    Ok(())
}

/// Returns the time of the statements at the client, in seconds, without the commit.
async fn one_by_one(session: &Session, sql: &str, first: i64, rows: i64) -> Result<f64> {
    let statement = session.client.prepare(sql).await?;
    session.run("BEGIN").await?;
    let started = Instant::now();
    for n in first..first + rows {
        let touched = session.client.execute(&statement, &[&version(n)]).await?;
        ensure!(
            touched == 1,
            "{sql:?} changed {touched} rows instead of one"
        );
    }
    let seconds = started.elapsed().as_secs_f64();
    session.run("COMMIT").await?;
    Ok(seconds)
}

/// Returns the version in row `n` of `bench.source`.
fn version(n: i64) -> String {
    format!("6.1.0-{n:07}-cloud-amd64")
}

/// Measures concurrent clients that commit one-row transactions.
async fn transactions(server: &BenchServer, table: &mut Table) -> Result<()> {
    let names = ["journaled", "plain", "silent"];
    let mut rates: Vec<[f64; 3]> = Vec::new();
    for round in 0..=server.size.rounds {
        let mut of_round = [0.0; 3];
        for order in 0..3 {
            let side = (order + round) % 3;
            server.settle(&names).await?;
            of_round[side] = rate(server, names[side]).await?;
        }
        if round > 0 {
            rates.push(of_round);
        }
    }
    let [journaled, plain, silent] =
        [0, 1, 2].map(|side| median(rates.iter().map(|rate| rate[side])));
    let ratio = |above: usize, below: usize| {
        Spread::of(rates.iter().map(move |rate| rate[above] / rate[below]))
    };
    let name = format!("kver insert of one row per transaction, {CLIENTS} clients, rate");
    let measurement =
        format!("{name}, with / without a journal ({journaled:.0} / {plain:.0} per second)");
    table.at_least(4, &measurement, ratio(0, 1), RATE);
    table.report_ratio(
        4,
        &format!(
            "{name}, with a journal without NOTIFY / without a journal ({silent:.0} per second)"
        ),
        ratio(2, 1),
    );
    table.report_ratio(
        4,
        &format!("{name}, with a journal / with a journal without NOTIFY"),
        ratio(0, 2),
    );
    Ok(())
}

/// Returns the commits per second of all clients.
async fn rate(server: &BenchServer, database: &str) -> Result<f64> {
    let first = KVER.first(server.size.base);
    let next = Arc::new(AtomicI64::new(first));
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        let session = server.session(database).await?;
        let statement = session
            .client
            .prepare("INSERT INTO kver (distro, version) VALUES ('debian12', $1)")
            .await?;
        sessions.push((session, statement));
    }
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(server.size.commit_seconds);
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
    let session = server.session(database).await?;
    let events = session
        .number("SELECT count(*) FROM event WHERE generation > 0")
        .await?;
    let expected = if database == "plain" { 0 } else { rows };
    ensure!(
        events == expected,
        "{database}: {} transactions created {events} instead of {expected} events",
        count(rows)
    );
    session
        .run(&format!(
            "DELETE FROM kver WHERE version >= '{}'",
            version(first)
        ))
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    Ok(rows as f64 / seconds)
}
