//! Goal 6: maintenance of `kver_not_ignored`, and waiting readers.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::server::{BenchServer, Session};

/// One-row insert, with maintenance / without.
const MAINTENANCE: f64 = 1.5;
/// One-row insert into a table of many versions / of few versions.
const GROWTH: f64 = 1.3;
/// Insert of a pattern / refresh of a materialized view.
const PATTERN: f64 = 1.0 / 50.0;

/// Adds a pattern that ignores one of 100 versions of its distribution.
const ADD: &str = "INSERT INTO kver_ignore (distro, pattern) VALUES ('distro7', '%42-amd64')";

const REMOVE: &str = "UPDATE kver_ignore SET deleted_at = now() WHERE distro = 'distro7' AND pattern = '%42-amd64' AND deleted_at = '-infinity'";

const NO_MAINTENANCE: &str = "ALTER TABLE kver DISABLE TRIGGER kver_update_not_ignored_kver";

/// Adds patterns that match no version, so that one distribution has 200 patterns.
const MANY_PATTERNS: &str = "INSERT INTO kver_ignore (distro, pattern) SELECT 'distro1', format('%%-%s-cloud', n) FROM generate_series(1, 190) AS n";

/// Measures goal 6.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    for (database, versions) in [
        ("wanted", bench_size.versions),
        ("wanted_few", bench_size.few_versions),
    ] {
        server.make(database).await?;
        let sql = include_str!("ignored.sql").replace("VERSIONS", &versions.to_string());
        let session = server.session(database).await?;
        // Separately, because VACUUM cannot run with other statements.
        for statement in sql.split(";\n") {
            session.run(statement).await?;
        }
        verify_view(&session).await?;
    }
    inserts(server, table).await?;
    patterns(server, table).await?;
    readers(server, table).await
}

/// Verifies that the view corresponds to the patterns, and that they match some versions.
async fn verify_view(session: &Session) -> Result<()> {
    session
        .run("REFRESH MATERIALIZED VIEW bench.refreshed")
        .await?;
    let differ = "SELECT count(*) FROM ((TABLE kver_not_ignored EXCEPT TABLE bench.refreshed)
                                       UNION ALL (TABLE bench.refreshed EXCEPT TABLE kver_not_ignored)) AS d";
    let differ = session.number(differ).await?;
    let ignored = session.number("SELECT count(*) FROM kver_ignored").await?;
    ensure!(
        differ == 0 && ignored > 0,
        "the view differs in {differ} rows from the patterns, which match {ignored} versions"
    );
    Ok(())
}

async fn inserts(server: &BenchServer, table: &mut Table) -> Result<()> {
    let (many, few) = (
        server.session("wanted").await?,
        server.session("wanted_few").await?,
    );
    let rows = server.size.looped;
    let mut figures: Vec<[f64; 5]> = Vec::new();
    for round in 0..=server.size.rounds {
        server.settle(&["wanted", "wanted_few"]).await?;
        let mut times = [0.0; 5];
        for order in 0..5 {
            let side = (order + round) % 5;
            times[side] = match side {
                0 => one_by_one(&many, "", "wanted_insert", rows).await?,
                1 => one_by_one(&many, NO_MAINTENANCE, "wanted_insert", rows).await?,
                2 => one_by_one(&few, "", "wanted_insert", rows).await?,
                3 => one_by_one(&many, MANY_PATTERNS, "crowded_insert", rows).await?,
                _ => one_by_one(&many, NO_MAINTENANCE, "crowded_insert", rows).await?,
            };
        }
        if round > 0 {
            figures.push(times);
        }
    }
    let ratio = |above: usize, below: usize| {
        Spread::of(figures.iter().map(move |times| times[above] / times[below]))
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let microseconds = |side: usize| {
        format!(
            "{:.0} µs",
            median(figures.iter().map(|times| times[side])) * 1e6 / rows as f64
        )
    };
    let [versions, few_versions] = [server.size.versions, server.size.few_versions].map(count);
    let name = "kver insert of one row";
    let measurement = format!(
        "{name} at {versions} versions, with / without maintenance ({} / {})",
        microseconds(0),
        microseconds(1)
    );
    table.at_most(6, &measurement, ratio(0, 1), MAINTENANCE);
    let measurement = format!(
        "{name}, at {versions} versions / at {few_versions} ({} / {})",
        microseconds(0),
        microseconds(2)
    );
    table.at_most(6, &measurement, ratio(0, 2), GROWTH);
    let measurement = format!(
        "{name} of a distribution with 200 patterns, with / without maintenance ({} / {})",
        microseconds(3),
        microseconds(4)
    );
    table.report_ratio(6, &measurement, ratio(3, 4));
    Ok(())
}

/// Inserts rows one by one after a `change`, and rolls both back. Returns the time in seconds.
///
/// A few rows are inserted first to create the plans.
async fn one_by_one(session: &Session, change: &str, function: &str, rows: i64) -> Result<f64> {
    session.run("BEGIN").await?;
    session.run(change).await?;
    session.cost(function, 9_000_000, 9_000_009, 10).await?;
    let cost = session.cost(function, 1, rows, rows).await?;
    session.run("ROLLBACK").await?;
    Ok(cost.seconds)
}

async fn patterns(server: &BenchServer, table: &mut Table) -> Result<()> {
    let session = server.session("wanted").await?;
    let mut figures: Vec<[f64; 3]> = Vec::new();
    for round in 0..=server.size.rounds.min(5) {
        server.settle(&["wanted"]).await?;
        let ignored = "SELECT count(*) FROM kver_ignored";
        let before = session.number(ignored).await?;
        let add = timed(&session, ADD).await?;
        ensure!(
            session.number(ignored).await? > before,
            "the pattern matches no version: {ADD}"
        );
        let remove = timed(&session, REMOVE).await?;
        ensure!(
            session.number(ignored).await? == before,
            "the pattern still has an effect after {REMOVE}"
        );
        let refresh = timed(&session, "REFRESH MATERIALIZED VIEW bench.refreshed").await?;
        if round > 0 {
            figures.push([add, remove, refresh]);
        }
    }
    let [add, remove, refresh] =
        [0, 1, 2].map(|side| milliseconds(median(figures.iter().map(|three| three[side]))));
    let measurement =
        format!("insert of a pattern / refresh of a materialized view ({add} / {refresh})");
    table.at_most(
        6,
        &measurement,
        Spread::of(figures.iter().map(|[add, _, refresh]| add / refresh)),
        PATTERN,
    );
    table.report(6, "soft deletion of the pattern", &remove);
    Ok(())
}

/// Returns the time of a statement with protocol and commit, in seconds.
async fn timed(session: &Session, sql: &str) -> Result<f64> {
    let started = Instant::now();
    session.run(sql).await?;
    Ok(started.elapsed().as_secs_f64())
}

/// Counts readers that wait for a writer, and are canceled after `statement_timeout`. As a control,
/// a reader of the materialized view must wait during a refresh.
async fn readers(server: &BenchServer, table: &mut Table) -> Result<()> {
    let (writer, reader) = (
        server.session("wanted").await?,
        server.session("wanted").await?,
    );
    let read = "SELECT count(*) FROM kver_not_ignored WHERE distro = 'distro7'";
    let mut figures = Vec::new();
    let mut waited = 0;
    reader.run("SET statement_timeout = '2s'").await?;
    for _ in 0..server.size.rounds {
        let alone = timed(&reader, read).await?;
        writer.run("BEGIN").await?;
        writer.run(ADD).await?;
        let started = Instant::now();
        waited += i64::from(reader.run(read).await.is_err());
        figures.push([started.elapsed().as_secs_f64(), alone]);
        writer.run("ROLLBACK").await?;
    }
    writer
        .run("BEGIN; REFRESH MATERIALIZED VIEW bench.refreshed")
        .await?;
    let is_blind = reader
        .run("SELECT count(*) FROM bench.refreshed")
        .await
        .is_ok();
    writer.run("ROLLBACK").await?;
    ensure!(
        !is_blind,
        "a reader did not wait for the refresh of a materialized view, so the benchmark cannot detect waiting readers"
    );
    let [concurrent, alone] =
        [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    table.exactly(
        6,
        "readers that waited for an open transaction with a new pattern",
        waited,
        0,
    );
    let ratio = Spread::of(figures.iter().map(|[concurrent, alone]| concurrent / alone));
    table.report_ratio(
        6,
        &format!(
            "query of a distribution, during that transaction / alone ({concurrent} / {alone})"
        ),
        ratio,
    );
    Ok(())
}
