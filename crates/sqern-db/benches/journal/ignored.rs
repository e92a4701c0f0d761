//! Goal 6: what the upkeep of `kver_not_ignored` costs, and whom it keeps waiting.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::world::{Session, World};

/// One-row insert, with upkeep / without.
const UPKEEP: f64 = 1.5;
/// One-row insert, beside many versions / beside few.
const GROWTH: f64 = 1.3;
/// Adding a pattern / refreshing a materialized view.
const PATTERN: f64 = 1.0 / 50.0;

/// A pattern that hides one version in a hundred of its distribution.
const ADD: &str = "INSERT INTO kver_ignore (distro, pattern) VALUES ('distro7', '%42-amd64')";

const REMOVE: &str =
    "UPDATE kver_ignore SET deleted_at = now() WHERE distro = 'distro7' AND pattern = '%42-amd64' AND deleted_at = '-infinity'";

const NO_UPKEEP: &str = "ALTER TABLE kver DISABLE TRIGGER kver_update_not_ignored_kver";

/// Patterns that hide nothing, until a distribution alone has 200.
const CROWD: &str =
    "INSERT INTO kver_ignore (distro, pattern) SELECT 'distro1', format('%%-%s-cloud', n) FROM generate_series(1, 190) AS n";

/// Goal 6.
pub async fn goal(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    for (database, versions) in [("wanted", extent.versions), ("wanted_few", extent.few_versions)] {
        world.make(database).await?;
        let sql = include_str!("ignored.sql").replace("VERSIONS", &versions.to_string());
        let session = world.session(database).await?;
        // One by one: VACUUM takes no company.
        for statement in sql.split(";\n") {
            session.run(statement).await?;
        }
        right(&session).await?;
    }
    inserts(world, table).await?;
    patterns(world, table).await?;
    readers(world, table).await
}

/// Makes sure that what the view shows is what the patterns say, and that these hide something.
async fn right(session: &Session) -> Result<()> {
    session.run("REFRESH MATERIALIZED VIEW bench.refreshed").await?;
    let differ = "SELECT count(*) FROM ((TABLE kver_not_ignored EXCEPT TABLE bench.refreshed)
                                       UNION ALL (TABLE bench.refreshed EXCEPT TABLE kver_not_ignored)) AS d";
    let differ = session.number(differ).await?;
    let hidden = session.number("SELECT count(*) FROM kver_ignored").await?;
    ensure!(differ == 0 && hidden > 0, "expected the view to be what the patterns say, got {differ} other rows, {hidden} hidden");
    Ok(())
}

async fn inserts(world: &World, table: &mut Table) -> Result<()> {
    let (many, few) = (world.session("wanted").await?, world.session("wanted_few").await?);
    let rows = world.extent.looped;
    let mut figures: Vec<[f64; 5]> = Vec::new();
    for round in 0..=world.extent.rounds {
        world.settle(&["wanted", "wanted_few"]).await?;
        let mut five = [0.0; 5];
        for turn in 0..5 {
            let side = (turn + round) % 5;
            five[side] = match side {
                0 => one_by_one(&many, "", "wanted_insert", rows).await?,
                1 => one_by_one(&many, NO_UPKEEP, "wanted_insert", rows).await?,
                2 => one_by_one(&few, "", "wanted_insert", rows).await?,
                3 => one_by_one(&many, CROWD, "crowded_insert", rows).await?,
                _ => one_by_one(&many, NO_UPKEEP, "crowded_insert", rows).await?,
            };
        }
        if round > 0 {
            figures.push(five);
        }
    }
    let ratio = |above: usize, below: usize| Spread::of(figures.iter().map(move |five| five[above] / five[below]));
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let microseconds = |side: usize| format!("{:.0} µs", median(figures.iter().map(|five| five[side])) * 1e6 / rows as f64);
    let [versions, few_versions] = [world.extent.versions, world.extent.few_versions].map(count);
    let name = "kver insert of one row";
    let what = format!("{name} at {versions} versions, upkeep / none ({} / {})", microseconds(0), microseconds(1));
    table.at_most(6, &what, ratio(0, 1), UPKEEP);
    let what = format!("{name}, at {versions} versions / at {few_versions} ({} / {})", microseconds(0), microseconds(2));
    table.at_most(6, &what, ratio(0, 2), GROWTH);
    let what = format!(
        "{name} of a distribution that has 200 patterns alone, upkeep / none ({} / {})",
        microseconds(3),
        microseconds(4)
    );
    table.told_ratio(6, &what, ratio(3, 4));
    Ok(())
}

/// Inserts rows one by one after a `change` and rolls both back; in seconds. A few rows go before, for the plans.
async fn one_by_one(session: &Session, change: &str, function: &str, rows: i64) -> Result<f64> {
    session.run("BEGIN").await?;
    session.run(change).await?;
    session.cost(function, 9_000_000, 9_000_009, 10).await?;
    let cost = session.cost(function, 1, rows, rows).await?;
    session.run("ROLLBACK").await?;
    Ok(cost.seconds)
}

async fn patterns(world: &World, table: &mut Table) -> Result<()> {
    let session = world.session("wanted").await?;
    let mut figures: Vec<[f64; 3]> = Vec::new();
    for round in 0..=world.extent.rounds.min(5) {
        world.settle(&["wanted"]).await?;
        let hidden = "SELECT count(*) FROM kver_ignored";
        let before = session.number(hidden).await?;
        let add = timed(&session, ADD).await?;
        ensure!(session.number(hidden).await? > before, "expected a pattern that hides something: {ADD}");
        let remove = timed(&session, REMOVE).await?;
        ensure!(session.number(hidden).await? == before, "expected nothing left of the pattern after {REMOVE}");
        let refresh = timed(&session, "REFRESH MATERIALIZED VIEW bench.refreshed").await?;
        if round > 0 {
            figures.push([add, remove, refresh]);
        }
    }
    let [add, remove, refresh] = [0, 1, 2].map(|side| milliseconds(median(figures.iter().map(|three| three[side]))));
    let what = format!("adding a pattern / REFRESH of a materialized view ({add} / {refresh})");
    table.at_most(6, &what, Spread::of(figures.iter().map(|[add, _, refresh]| add / refresh)), PATTERN);
    table.told(6, "marking it as deleted", &remove);
    Ok(())
}

/// How long a statement takes with its way and its commit, in seconds.
async fn timed(session: &Session, sql: &str) -> Result<f64> {
    let started = Instant::now();
    session.run(sql).await?;
    Ok(started.elapsed().as_secs_f64())
}

/// A reader that waits is cancelled after `statement_timeout`. That the look would see a wait is shown by a reader of the
/// materialized view while that is refreshed.
async fn readers(world: &World, table: &mut Table) -> Result<()> {
    let (writer, reader) = (world.session("wanted").await?, world.session("wanted").await?);
    let read = "SELECT count(*) FROM kver_not_ignored WHERE distro = 'distro7'";
    let mut figures = Vec::new();
    let mut waited = 0;
    reader.run("SET statement_timeout = '2s'").await?;
    for _ in 0..world.extent.rounds {
        let alone = timed(&reader, read).await?;
        writer.run("BEGIN").await?;
        writer.run(ADD).await?;
        let started = Instant::now();
        waited += i64::from(reader.run(read).await.is_err());
        figures.push([started.elapsed().as_secs_f64(), alone]);
        writer.run("ROLLBACK").await?;
    }
    writer.run("BEGIN; REFRESH MATERIALIZED VIEW bench.refreshed").await?;
    let blind = reader.run("SELECT count(*) FROM bench.refreshed").await.is_ok();
    writer.run("ROLLBACK").await?;
    ensure!(!blind, "expected a reader of a view that is refreshed to wait, or this look is blind");
    let [beside, alone] = [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    table.exactly(6, "readers that waited for an open transaction with a new pattern", waited, 0);
    let ratio = Spread::of(figures.iter().map(|[beside, alone]| beside / alone));
    table.told_ratio(6, &format!("reading a distribution, beside that transaction / alone ({beside} / {alone})"), ratio);
    Ok(())
}
