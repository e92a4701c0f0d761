//! Goal 1, what statements of many rows cost, and goal 5, statements that change nothing.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::subject::{Change, SUBJECTS};
use crate::turns::{self, Keys, Place, Turn};
use crate::world::World;

/// With the journal / without.
const COST: f64 = 2.6;
/// The journal's share / building the same events.
const SHARE: f64 = 1.2;
/// Nothing new, with the journal / without.
const NOTHING: f64 = 1.15;

/// Goal 1.
pub async fn cost(world: &World, table: &mut Table) -> Result<()> {
    let extent = world.extent;
    for subject in &SUBJECTS[..extent.tables] {
        let later = (extent.many, 1, Place::Later);
        for (rows, repeats, place) in [(extent.few, extent.repeats, Place::First), (extent.many, 1, Place::First), later] {
            let whole = turns::take(world, subject, rows, repeats, Keys::Checked, place).await?;
            let bare = turns::take(world, subject, rows, repeats, Keys::AtRest, place).await?;
            for ((change, whole), bare) in Change::ALL.into_iter().zip(&whole).zip(&bare) {
                let later = if place == Place::Later { ", a later statement of its transaction" } else { "" };
                let name = format!("{} {} of {}{later}", subject.table, subject.word(change), count(rows));
                tell(table, &name, change, whole, bare);
            }
        }
    }
    Ok(())
}

/// Tells one change of one size: what it costs in all, and the journal's share.
fn tell(table: &mut Table, name: &str, change: Change, whole: &[Turn], bare: &[Turn]) {
    let [with, without] = times(whole, [|turn| turn.journalled.seconds, |turn| turn.plain.seconds]);
    let what = format!("{name}, journalled / not ({with} / {without})");
    let ratio = Spread::of(whole.iter().map(|turn| turn.journalled.seconds / turn.plain.seconds));
    if change == Change::Update {
        table.told_ratio(1, &what, ratio);
        return;
    }
    table.at_most(1, &what, ratio, COST);
    let [share, built] = times(bare, [Turn::share_seconds, |turn| turn.built.seconds]);
    let what = format!("{name}, the journal's share / its events by INSERT … SELECT ({share} / {built})");
    table.at_most(1, &what, Spread::of(bare.iter().map(|turn| turn.share_seconds() / turn.built.seconds)), SHARE);
}

/// The medians of two figures in seconds, for people.
fn times(turns: &[Turn], figures: [fn(&Turn) -> f64; 2]) -> [String; 2] {
    figures.map(|figure| milliseconds(median(turns.iter().map(figure))))
}

/// Goal 5.
pub async fn nothing_new(world: &World, table: &mut Table) -> Result<()> {
    world.make_twins().await?;
    let extent = world.extent;
    let (mut events, mut generations) = (0, 0);
    for subject in &SUBJECTS[..extent.tables] {
        let sides = [world.session("journalled").await?, world.session("plain").await?];
        for session in &sides {
            session.run("SET plan_cache_mode = force_generic_plan").await?;
            if !subject.is_kver {
                session.cost(&format!("{}_insert", subject.table), 1, extent.many, extent.many).await?;
            }
        }
        let mut turns = Vec::new();
        for round in 0..=extent.rounds {
            world.settle(&["journalled", "plain"]).await?;
            let mut costs = [Vec::new(), Vec::new()];
            for repeat in 0..3 {
                for turn in 0..2 {
                    let side = (turn + repeat + round) % 2;
                    let cost = sides[side].cost(&format!("{}_upsert", subject.table), 1, extent.many, 0).await?;
                    costs[side].push(cost.seconds);
                }
            }
            events += sides[0].number("SELECT count(*) FROM event WHERE generation > 0").await?;
            generations += sides[0].number("SELECT count(*) FROM generation").await?;
            if round > 0 {
                turns.push(costs.map(median));
            }
        }
        let ratio = Spread::of(turns.iter().map(|[journalled, plain]| journalled / plain));
        let [with, without] = [0, 1].map(|side| milliseconds(median(turns.iter().map(|turn| turn[side]))));
        let what = format!("{} DO NOTHING of {}, journalled / not ({with} / {without})", subject.table, count(extent.many));
        table.at_most(5, &what, ratio, NOTHING);
        for session in &sides {
            if !subject.is_kver {
                session.cost(&format!("{}_delete", subject.table), 1, extent.many, extent.many).await?;
            }
        }
    }
    table.exactly(5, "events of all of them", events, 0);
    table.exactly(5, "generations of all of them", generations, 0);
    Ok(())
}
