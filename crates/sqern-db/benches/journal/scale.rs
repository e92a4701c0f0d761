//! Goal 3: what a row costs in very large statements, and in a session that kept the plan of a small one.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::subject::{Change, KVER};
use crate::turns::FIRST;
use crate::world::{Session, World};

/// µs a row in the very large statement / in the large one.
const GROWTH: f64 = 1.3;
/// An update after a one-row update in the same session / in a fresh session.
const KEPT_PLAN: f64 = 2.0;

/// Goal 3.
pub async fn goal(world: &World, table: &mut Table) -> Result<()> {
    world.make_twins().await?;
    growth(world, table).await?;
    kept_plan(world, table).await?;
    kept_plan_of_small_table(world, table).await?;
    long_journal(world, table).await
}

async fn growth(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    let first = KVER.first(extent.base);
    // For each side and change: µs a row of the large and the very large statement, round by round.
    let mut sides: [[Vec<(f64, f64)>; 3]; 2] = Default::default();
    let sessions = [world.session("journalled").await?, world.session("plain").await?];
    for session in &sessions {
        session.run("SET plan_cache_mode = force_generic_plan").await?;
        // Foreign keys cost every row the same, so beside them the journal could grow unseen.
        session.run("SET session_replication_role = replica").await?;
    }
    for round in 0..=extent.rounds.min(5) {
        for (session, figures) in sessions.iter().zip(&mut sides) {
            world.settle(&["journalled", "plain"]).await?;
            let mut costs: [[f64; 2]; 3] = Default::default();
            // The large one is the mean of two, before and after, for what changes with time.
            for (place, rows) in [(0, extent.many), (1, extent.most), (0, extent.many)] {
                for (change, costs) in Change::ALL.into_iter().zip(&mut costs) {
                    let cost = session.cost(&format!("kver_{}", change.action()), first, first + rows - 1, rows).await?;
                    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
                    let microseconds = cost.seconds * 1e6 / rows as f64;
                    costs[place] += if place == 0 { microseconds / 2.0 } else { microseconds };
                }
                world.sql("journalled", "VACUUM kver").await?;
                world.sql("plain", "VACUUM kver").await?;
            }
            if round > 0 {
                for (figures, [large, very_large]) in figures.iter_mut().zip(costs) {
                    figures.push((large, very_large));
                }
            }
        }
    }
    for (place, change) in Change::ALL.into_iter().enumerate() {
        for (side, figures) in ["journalled", "not journalled"].into_iter().zip(&sides) {
            let figures = &figures[place];
            let ratio = Spread::of(figures.iter().map(|(large, very_large)| very_large / large));
            let [large, very_large] =
                [median(figures.iter().map(|figure| figure.0)), median(figures.iter().map(|figure| figure.1))];
            let what = format!(
                "kver {} without foreign keys, {side}: µs a row at {} / at {} ({very_large:.1} / {large:.1})",
                change.action(),
                count(extent.most),
                count(extent.many)
            );
            if side == "journalled" { table.at_most(3, &what, ratio, GROWTH) } else { table.told_ratio(3, &what, ratio) }
        }
    }
    Ok(())
}

/// How long the update of many rows takes in this session, in seconds.
async fn update(session: &Session, from: i64, rows: i64) -> Result<f64> {
    Ok(session.cost("kver_update", from, from + rows - 1, rows).await?.seconds)
}

async fn kept_plan(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    let mut ratios = Vec::new();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=extent.rounds {
        world.settle(&["journalled"]).await?;
        let mut pair = [0.0; 2];
        for turn in 0..2 {
            let kept = (turn + round) % 2;
            let session = world.session("journalled").await?;
            if kept == 1 {
                update(&session, 1, 1).await?;
            }
            pair[kept] = update(&session, 1, extent.many).await?;
            drop(session);
            world.sql("journalled", "VACUUM kver").await?;
        }
        if round > 0 {
            ratios.push(pair[1] / pair[0]);
            times[0].push(pair[0]);
            times[1].push(pair[1]);
        }
    }
    let [fresh, kept] = times.map(|seconds| milliseconds(median(seconds)));
    let what = format!("kver update of {} after a one-row update / in a fresh session ({kept} / {fresh})", count(extent.many));
    table.at_most(3, &what, Spread::of(ratios), KEPT_PLAN);
    Ok(())
}

/// The plan of a statement's events may be made while the table is one page.
async fn kept_plan_of_small_table(world: &World, table: &mut Table) -> Result<()> {
    let many = world.extent.many;
    let mut figures = Vec::new();
    let mut session = world.session("journalled").await?;
    for round in 0..=world.extent.rounds.min(3) {
        let mut pair = [0.0; 2];
        for turn in 0..2 {
            let kept = (turn + round) % 2;
            session.cost("kver_seen_insert", 1, 20, 20).await?;
            world.sql("journalled", "VACUUM ANALYZE kver_seen").await?;
            session = world.session("journalled").await?;
            session.first = Some(FIRST);
            if kept == 1 {
                session.cost("kver_seen_insert", 21, 21, 1).await?;
            }
            pair[kept] = session.cost("kver_seen_insert", 22, 21 + many, many).await?.seconds;
            session = world.session("journalled").await?;
            session.run("DELETE FROM kver_seen").await?;
            world.settle(&["journalled"]).await?;
        }
        if round > 0 {
            figures.push(pair);
        }
    }
    let [fresh, kept] = [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    let what = format!(
        "kver_seen insert of {} into 20, a later statement, after another of one row / in a fresh session ({kept} / {fresh})",
        count(many)
    );
    table.at_most(3, &what, Spread::of(figures.iter().map(|[fresh, kept]| kept / fresh)), KEPT_PLAN);
    Ok(())
}

/// What a statement costs must not grow with the journal; here it grows in one large generation, of which statistics make the most.
async fn long_journal(world: &World, table: &mut Table) -> Result<()> {
    // Few rows: a cost that grows is worth no long wait.
    let (most, looped) = (world.extent.most, world.extent.looped / 10);
    for name in ["young", "grown"] {
        world.make_with_versions(name).await?;
        let session = world.session(name).await?;
        if name == "grown" {
            let first = KVER.first(world.extent.base);
            session.cost("kver_insert", first, first + most - 1, most).await?;
        }
        session.run("VACUUM ANALYZE").await?;
    }
    let mut figures = Vec::new();
    for round in 0..=world.extent.rounds.min(3) {
        let mut pair = [0.0; 2];
        for turn in 0..2 {
            let side = (turn + round) % 2;
            let session = world.session(["young", "grown"][side]).await?;
            session.run("BEGIN").await?;
            pair[side] = session.cost("kver_seen_insert_row_by_row", 1, looped, looped).await?.seconds;
            session.run("ROLLBACK").await?;
            session.run("VACUUM kver_seen, event").await?;
        }
        if round > 0 {
            figures.push(pair);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
    let [young, grown] = [0, 1].map(|side| median(figures.iter().map(|pair| pair[side])) * 1e6 / looped as f64);
    let what = format!(
        "kver_seen insert of one row in a loop, in a journal of {} events of one generation / in an empty one ({grown:.0} µs / {young:.0} µs)",
        count(most)
    );
    table.at_most(3, &what, Spread::of(figures.iter().map(|[young, grown]| grown / young)), GROWTH);
    Ok(())
}
