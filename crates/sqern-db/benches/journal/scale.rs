//! Goal 3: time per row of very large statements, and of statements with the cached plan of a small
//! one.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::paired::FIRST;
use crate::report::{Table, count, milliseconds};
use crate::server::{BenchServer, Session};
use crate::subject::{Change, KVER};

/// Time per row of a very large statement / of a large one.
const GROWTH: f64 = 1.3;
/// Update after a one-row update in the same session / in a new session.
const CACHED_PLAN: f64 = 2.0;

/// Measures goal 3.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    server.make_twins().await?;
    growth(server, table).await?;
    cached_plan(server, table).await?;
    cached_plan_of_small_table(server, table).await?;
    long_journal(server, table).await
}

async fn growth(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    let first = KVER.first(bench_size.base);
    // For each database and change: time per row of the large and the very large statement in each
    // round, in µs.
    let mut sides: [[Vec<(f64, f64)>; 3]; 2] = Default::default();
    let sessions = [
        server.session("journaled").await?,
        server.session("plain").await?,
    ];
    for session in &sessions {
        session
            .run("SET plan_cache_mode = force_generic_plan")
            .await?;
        // The constant time of foreign key checks would hide a growth of the time of the journal.
        session
            .run("SET session_replication_role = replica")
            .await?;
    }
    for round in 0..=bench_size.rounds.min(5) {
        for (session, figures) in sessions.iter().zip(&mut sides) {
            server.settle(&["journaled", "plain"]).await?;
            let mut costs: [[f64; 2]; 3] = Default::default();
            // The large statement is measured before and after the very large one, to compensate
            // for a drift.
            for (index, rows) in [
                (0, bench_size.many),
                (1, bench_size.most),
                (0, bench_size.many),
            ] {
                for (change, costs) in Change::ALL.into_iter().zip(&mut costs) {
                    let cost = session
                        .cost(
                            &format!("kver_{}", change.action()),
                            first,
                            first + rows - 1,
                            rows,
                        )
                        .await?;
                    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
                    let microseconds = cost.seconds * 1e6 / rows as f64;
                    costs[index] += if index == 0 {
                        microseconds / 2.0
                    } else {
                        microseconds
                    };
                }
                server.sql("journaled", "VACUUM kver").await?;
                server.sql("plain", "VACUUM kver").await?;
            }
            if round > 0 {
                for (figures, [large, very_large]) in figures.iter_mut().zip(costs) {
                    figures.push((large, very_large));
                }
            }
        }
    }
    for (index, change) in Change::ALL.into_iter().enumerate() {
        for (side, figures) in ["with a journal", "without a journal"]
            .into_iter()
            .zip(&sides)
        {
            let figures = &figures[index];
            let ratio = Spread::of(figures.iter().map(|(large, very_large)| very_large / large));
            let [large, very_large] = [
                median(figures.iter().map(|figure| figure.0)),
                median(figures.iter().map(|figure| figure.1)),
            ];
            let measurement = format!(
                "kver {} without foreign key checks, {side}: µs per row of {} / of {} ({very_large:.1} / {large:.1})",
                change.action(),
                count(bench_size.most),
                count(bench_size.many)
            );
            if side == "with a journal" {
                table.at_most(3, &measurement, ratio, GROWTH);
            } else {
                table.report_ratio(3, &measurement, ratio);
            }
        }
    }
    Ok(())
}

/// Returns the time of an update of many rows, in seconds.
async fn update(session: &Session, from: i64, rows: i64) -> Result<f64> {
    Ok(session
        .cost("kver_update", from, from + rows - 1, rows)
        .await?
        .seconds)
}

async fn cached_plan(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    let mut ratios = Vec::new();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=bench_size.rounds {
        server.settle(&["journaled"]).await?;
        let mut pair = [0.0; 2];
        for order in 0..2 {
            let is_cached = (order + round) % 2;
            let session = server.session("journaled").await?;
            if is_cached == 1 {
                update(&session, 1, 1).await?;
            }
            pair[is_cached] = update(&session, 1, bench_size.many).await?;
            drop(session);
            server.sql("journaled", "VACUUM kver").await?;
        }
        if round > 0 {
            ratios.push(pair[1] / pair[0]);
            times[0].push(pair[0]);
            times[1].push(pair[1]);
        }
    }
    let [new, cached] = times.map(|seconds| milliseconds(median(seconds)));
    let measurement = format!(
        "kver update of {} after a one-row update / in a new session ({cached} / {new})",
        count(bench_size.many)
    );
    table.at_most(3, &measurement, Spread::of(ratios), CACHED_PLAN);
    Ok(())
}

/// Measures a statement whose events use a plan from the time when the table had one page.
async fn cached_plan_of_small_table(server: &BenchServer, table: &mut Table) -> Result<()> {
    let many = server.size.many;
    let mut figures = Vec::new();
    let mut session = server.session("journaled").await?;
    for round in 0..=server.size.rounds.min(3) {
        let mut pair = [0.0; 2];
        for order in 0..2 {
            let is_cached = (order + round) % 2;
            session.cost("kver_seen_insert", 1, 20, 20).await?;
            server.sql("journaled", "VACUUM ANALYZE kver_seen").await?;
            session = server.session("journaled").await?;
            session.first = Some(FIRST);
            if is_cached == 1 {
                session.cost("kver_seen_insert", 21, 21, 1).await?;
            }
            pair[is_cached] = session
                .cost("kver_seen_insert", 22, 21 + many, many)
                .await?
                .seconds;
            session = server.session("journaled").await?;
            session.run("DELETE FROM kver_seen").await?;
            server.settle(&["journaled"]).await?;
        }
        if round > 0 {
            figures.push(pair);
        }
    }
    let [new, cached] =
        [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    let measurement = format!(
        "kver_seen insert of {} into 20, later change, after a one-row insert / in a new session ({cached} / {new})",
        count(many)
    );
    table.at_most(
        3,
        &measurement,
        Spread::of(figures.iter().map(|[new, cached]| cached / new)),
        CACHED_PLAN,
    );
    Ok(())
}

/// Measures statements with a long journal. It consists of one large generation, which is the worst
/// case for statistics.
async fn long_journal(server: &BenchServer, table: &mut Table) -> Result<()> {
    // Few rows, because a growing time would take too long.
    let (most, looped) = (server.size.most, server.size.looped / 10);
    for name in ["short", "long"] {
        server.make_with_versions(name).await?;
        let session = server.session(name).await?;
        if name == "long" {
            let first = KVER.first(server.size.base);
            session
                .cost("kver_insert", first, first + most - 1, most)
                .await?;
        }
        session.run("VACUUM ANALYZE").await?;
    }
    let mut figures = Vec::new();
    for round in 0..=server.size.rounds.min(3) {
        let mut pair = [0.0; 2];
        for order in 0..2 {
            let side = (order + round) % 2;
            let session = server.session(["short", "long"][side]).await?;
            session.run("BEGIN").await?;
            pair[side] = session
                .cost("kver_seen_insert_row_by_row", 1, looped, looped)
                .await?
                .seconds;
            session.run("ROLLBACK").await?;
            session.run("VACUUM kver_seen, event").await?;
        }
        if round > 0 {
            figures.push(pair);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let [short, long] =
        [0, 1].map(|side| median(figures.iter().map(|pair| pair[side])) * 1e6 / looped as f64);
    let measurement = format!(
        "kver_seen insert of one row in a loop, journal with {} events of one generation / empty journal ({long:.0} µs / {short:.0} µs)",
        count(most)
    );
    table.at_most(
        3,
        &measurement,
        Spread::of(figures.iter().map(|[short, long]| long / short)),
        GROWTH,
    );
    Ok(())
}
